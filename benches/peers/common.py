"""What the Python peers share: their options, the data, the clock and the line they print."""

import argparse
import json
import statistics
import time

import numpy as np

BATCHES = 30  # that a training goes through, again and again
LEARNING_RATE = 1e-3


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", default="784-128-784", help="sizes, or input-code with --encode")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument("--encode", action="store_true", help="time the encoding of one sample")
    parser.add_argument("--compiled", action="store_true", help="PyTorch only: torch.compile")
    taken = parser.parse_args()
    taken.sizes = [int(size) for size in taken.case.split("-")]
    return taken


def noise(samples, features):
    """The same values as the Rust peers and `benches/throughput.rs` draw."""
    count = samples * features
    states, jump, shift = np.array([1013904223 + 1664525], np.uint32), 1664525, 1013904223
    while len(states) < count:  # as many again, each a jump of that many draws ahead
        states = np.concatenate([states, states * np.uint32(jump) + np.uint32(shift)])
        jump, shift = jump * jump % 2**32, (jump + 1) * shift % 2**32
    values = (states[:count] >> 8).astype(np.float32) / np.float32(2**24)
    return values.reshape(samples, features)


def median_us(taken, step, at_once=1):
    """Median time of a step; `step` makes `at_once` of them, from the minibatch of a given number."""
    steps, seconds = (5, 0.1) if taken.quick else (BATCHES, 1.0)
    for at in range(0, 5, at_once):
        step(at)  # warm up
    times, begin = [], time.perf_counter()
    while len(times) * at_once < steps or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step(len(times) * at_once % BATCHES)
        times.append(time.perf_counter() - start)
    return statistics.median(times) / at_once * 1e6


def report(taken, library, version, step_us, before=None, after=None):
    """Prints the result, and fails if nothing was learned."""
    assert taken.encode or after < before, f"the loss went from {before} to {after}"
    line = {"library": library, "version": version, "case": taken.case, "batch": taken.batch}
    line |= {"threads": taken.threads, "step_us": round(step_us, 2)}
    print(json.dumps(line))
