"""A training step of a sparse dictionary in PyTorch, by dense codes or by a bag of atoms.

Both find the k largest of the pre-activations with `topk`. With dense codes these are scattered among zeros and
multiplied by the atoms; a bag has them as the weights of an `embedding_bag`, which adds up the atoms of active units
alone. Either way the gradients of all weights are dense, and so is the step of Adam. Atoms are of any length: ours are
brought back to length 1 in each step, which is left out here.
"""

import numpy as np
import torch
from torch.nn import functional as F

import common

BATCHES = 4  # as ours has
LEARNING_RATE = 1e-4


class Dictionary(torch.nn.Module):
    def __init__(self, inputs, units, k):
        super().__init__()
        directions = F.normalize(torch.randn(units, inputs), dim=1)
        self.k = k
        self.encoder = torch.nn.Parameter(directions.clone())
        self.biases = torch.nn.Parameter(torch.zeros(units))
        self.pre_bias = torch.nn.Parameter(torch.zeros(inputs))
        self.atoms = torch.nn.Parameter(directions)

    def pairs(self, x):
        z = F.linear(x - self.pre_bias, self.encoder, self.biases)
        values, units = torch.topk(z, self.k, dim=1, sorted=False)
        return z, values.relu(), units

    def by_dense(self, x):
        z, values, units = self.pairs(x)
        code = torch.zeros_like(z).scatter(1, units, values)
        return code @ self.atoms + self.pre_bias

    def by_bag(self, x):
        _, values, units = self.pairs(x)
        y = F.embedding_bag(units, self.atoms, mode="sum", per_sample_weights=values)
        return y + self.pre_bias

    def loss(self, x, decode):
        return 0.5 * (decode(self, x) - x).square().sum(1).mean()


def main():
    taken = common.options("--decoder")
    decode = {"dense": Dictionary.by_dense, "bag": Dictionary.by_bag}[taken.decoder]
    inputs, units, k = taken.sizes
    torch.set_num_threads(taken.threads)
    torch.manual_seed(1)
    net = Dictionary(inputs, units, k)
    data = common.noise(BATCHES * taken.batch, inputs) - np.float32(0.5)
    batches = torch.from_numpy(data).split(taken.batch)
    with torch.no_grad():  # both ways are the same sum
        torch.testing.assert_close(net.by_dense(batches[0]), net.by_bag(batches[0]))
    adam = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE, fused=True)

    def step(at):
        adam.zero_grad()
        net.loss(batches[at % BATCHES], decode).backward()
        adam.step()

    def known():
        with torch.no_grad():
            return net.loss(batches[0], decode).item()

    before = known()
    step_us = common.median_us(taken, step, warm_up=2, least=12)
    common.report(taken, "PyTorch eager", torch.__version__, step_us, before, known())


main()
