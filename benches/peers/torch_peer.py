"""A training step in PyTorch, eager or compiled, or the encoding of one sample."""

import torch

import common


def build(sizes):
    pairs = zip(sizes, sizes[1:])
    layers = [layer for a, b in pairs for layer in (torch.nn.Linear(a, b), torch.nn.Sigmoid())]
    return torch.nn.Sequential(*layers)


taken = common.options()
torch.set_num_threads(taken.threads)
torch.manual_seed(1)
net = build(taken.sizes)


def loss_of(x):
    """Half the squared error of a reconstruction, summed over features, mean over samples."""
    return 0.5 * (net(x) - x).square().sum() / x.shape[0]


def encode():
    x = torch.from_numpy(common.noise(1, taken.sizes[0]))
    with torch.inference_mode():
        step_us = common.median_us(taken, lambda _: net(x))
    common.report(taken, "PyTorch eager", torch.__version__, step_us)


def train():
    data = torch.from_numpy(common.noise(common.BATCHES * taken.batch, taken.sizes[0]))
    batches = data.split(taken.batch)
    adam = torch.optim.Adam(net.parameters(), lr=common.LEARNING_RATE, fused=True)
    loss = torch.compile(loss_of) if taken.compiled else loss_of

    def step(at):
        adam.zero_grad()
        loss(batches[at]).backward()
        adam.step()

    before = loss_of(batches[0]).item()
    step_us = common.median_us(taken, step)
    after = loss_of(batches[0]).item()
    library = "PyTorch compiled" if taken.compiled else "PyTorch eager"
    common.report(taken, library, torch.__version__, step_us, before, after)


encode() if taken.encode else train()
