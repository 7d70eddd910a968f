"""Calls on many samples in PyTorch: new samples, likelihoods, anomaly scores, nearest neighbours.

They work in blocks of the size that was fastest here, which is one whose values stay in the cache.
"""

import math
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import common
from torch_nets import Variational, linear

taken = common.options()
torch.set_num_threads(taken.threads)
torch.manual_seed(1)


def variational():
    return Variational(SimpleNamespace(sizes=[784, 400, 20, 400, 784], objective="variational"))


def sample():
    """10,000 samples of a variational model."""
    net, samples = variational(), torch.empty(10_000, 784)

    def call():
        for block in samples.split(500):
            torch.sigmoid(net.decoder(torch.randn(len(block), net.units)), out=block)
        return samples

    return call


def likelihood():
    """−ln p(x) of 20 samples by importance sampling, with 5,000 draws for each."""
    net, draws, block = variational(), 5_000, 250
    x = torch.from_numpy(common.noise(20, 784))

    def of_one(x, mean, log_variance):
        weights = []
        for _ in range(draws // block):
            noise = torch.randn(block, net.units)
            code = mean + torch.exp(0.5 * log_variance) * noise
            logits = net.decoder(code)
            # ln p(x|z), and ln p(z) − ln q(z|x), whose constants cancel.
            weight = logits @ x - F.softplus(logits).sum(1)
            weights.append(weight + 0.5 * (noise.square() - code.square() + log_variance).sum(1))
        return math.log(draws) - torch.logsumexp(torch.cat(weights), 0)

    return lambda: torch.stack([of_one(*each) for each in zip(x, *net.encode(x))])


def scores():
    """The squared residual of each row of a million, in units of its column's spread."""
    rows = torch.from_numpy(common.noise(1_000_000, 30))
    reference = rows[:10_000]
    mean, deviation = reference.mean(0), reference.std(0, correction=0)
    first, code, hidden, last = common.shared_parameters([(30, 16), (16, 4), (4, 16), (16, 30)])
    encoder = [linear(first), nn.Tanh(), linear(code)]
    net = nn.Sequential(*encoder, linear(hidden), nn.Tanh(), linear(last))

    def residuals(rows):
        x = (rows - mean) / deviation
        return x - net(x)

    of_reference = residuals(reference).numpy().astype(float)
    centre = np.median(of_reference, 0)
    below, above = np.quantile(of_reference, [0.25, 0.75], 0)
    least = 0.05 * np.sqrt((of_reference**2).mean())
    spread = np.maximum((above - below) / (2 * 0.6744897501960817), least)
    centre, spread = (torch.from_numpy(values).float() for values in (centre, spread))

    def of_block(rows):
        return ((residuals(rows) - centre) / spread).square().sum(1)

    return lambda: torch.cat([of_block(block) for block in rows.split(4_000)])


def nearest(queries, features):
    """The distances to the five nearest of 20,000 samples: products tell which they are."""
    count = 20_000
    data = torch.from_numpy(common.noise(count + queries, features))
    samples, queries = data[:count], data[count:]

    def of_block(block, halves):
        # Half the squared distance, but ½‖q‖².
        order = torch.addmm(halves, block, samples.T, alpha=-1)
        found = order.topk(5, largest=False).indices
        return (block[:, None] - samples[found]).norm(dim=2)

    def call():
        halves = 0.5 * samples.square().sum(1)
        return torch.cat([of_block(block, halves) for block in queries.split(2_000)])

    return call


CALLS = {
    "sample": sample,
    "likelihood": likelihood,
    "scores": scores,
    "nearest-20": lambda: nearest(10_000, 20),
    "nearest-784": lambda: nearest(2_000, 784),
}

with torch.inference_mode():
    call = CALLS[taken.case]()
    value = call().double().mean()
    step_us = common.median_us(taken, lambda _: call(), warm_up=0, least=3)
common.report(taken, "PyTorch eager", torch.__version__, step_us, value=value)
