"""What the Python peers share: their options, the data, the clock and the line they print."""

import argparse
import json
import statistics
import time

import numpy as np

BATCHES = 30  # that a training goes through, again and again
LEARNING_RATE = 1e-3


def options(*more):
    """The options of all; `more` are names of those that one peer has alone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", default="784-128-784", help="sizes, input-code, or a call's name")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument("--encode", action="store_true", help="time the encoding of a batch")
    parser.add_argument("--compiled", action="store_true", help="PyTorch only: torch.compile")
    parser.add_argument("--objective", default="plain", help="one of those in objectives.py")
    for name in more:
        parser.add_argument(name)
    taken = parser.parse_args()
    taken.sizes = [int(size) for size in taken.case.split("-") if size.isdigit()]
    return taken


def noise(samples, features):
    """The same values as the Rust peers and `benches/common.rs` draw."""
    count = samples * features
    states, jump, shift = np.array([1013904223 + 1664525], np.uint32), 1664525, 1013904223
    while len(states) < count:  # as many again, each a jump of that many draws ahead
        states = np.concatenate([states, states * np.uint32(jump) + np.uint32(shift)])
        jump, shift = jump * jump % 2**32, (jump + 1) * shift % 2**32
    values = (states[:count] >> 8).astype(np.float32) / np.float32(2**24)
    return values.reshape(samples, features)


def shared_parameters(layers):
    """Weights (inputs · taps × outputs) and biases of these layers, as in `benches/common.rs`.

    A layer is its inputs and outputs and, if it is a convolution, the taps of its kernel.
    """
    layers = [(inputs, outputs, *(taps or [1])) for inputs, outputs, *taps in layers]
    values = noise(1, sum((inputs * taps + 1) * outputs for inputs, outputs, taps in layers))[0]
    values -= np.float32(0.5)
    made, first = [], 0
    for inputs, outputs, taps in layers:
        behind = first + inputs * taps * outputs
        width = 2 * (6 / ((inputs + outputs) * taps)) ** 0.5
        weights = values[first:behind].reshape(inputs * taps, outputs) * np.float32(width)
        first = behind + outputs
        made.append((weights, values[behind:first] * np.float32(0.2)))
    return made


def median_us(taken, step, at_once=1, warm_up=5, least=BATCHES):
    """Median time of a step, of which `step` makes `at_once`, from a minibatch of a given number."""
    steps, seconds = (max(least // 6, 1), 0.1) if taken.quick else (least, 1.0)
    for at in range(0, warm_up, at_once):
        step(at)
    times, begin = [], time.perf_counter()
    while len(times) * at_once < steps or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step(len(times) * at_once % BATCHES)
        times.append(time.perf_counter() - start)
    return statistics.median(times) / at_once * 1e6


def report(taken, library, version, step_us, before=None, after=None, value=None):
    """Prints the result, and fails if a training has learned nothing.

    All libraries have the same value, if any.
    """
    assert before is None or after < before, f"the loss went from {before} to {after}"
    line = {"library": library, "version": version, "case": taken.case, "batch": taken.batch}
    line |= {"threads": taken.threads, "step_us": round(step_us, 2)}
    line |= {} if value is None else {"value": float(value)}
    print(json.dumps(line))
