"""A training step in PyTorch, eager or compiled, or the encoding of a batch."""

import torch

import common
import images
import objectives
import torch_images
from torch_nets import NETS

taken = common.options()
torch.set_num_threads(taken.threads)
torch.manual_seed(1)
net = (NETS | torch_images.NETS)[taken.objective](taken)


def encode():
    x = torch.from_numpy(common.noise(taken.batch, taken.sizes[0]))
    with torch.inference_mode():
        step_us = common.median_us(taken, lambda _: net(x))
    common.report(taken, "PyTorch eager", torch.__version__, step_us)


def arrange(x):
    return images.arrange(taken.objective, torch.from_numpy(x)).contiguous()


def known(x, drawn):
    """The objective with known draws."""
    with torch.no_grad():
        drawn = None if drawn is None else torch.from_numpy(drawn)
        return net.loss(arrange(x), drawn).item()


def train():
    data = common.noise(common.BATCHES * taken.batch, taken.sizes[0])
    batches = arrange(data).split(taken.batch)
    first = data[: taken.batch]
    is_plain = taken.objective == "plain"
    value = None if is_plain else objectives.check(taken, first, known)
    without = objectives.known_draw(taken, taken.batch, is_zero=True)
    adam = torch.optim.Adam(net.parameters(), lr=common.LEARNING_RATE, fused=True)
    # Draws are not compiled: that would take twice as long.
    loss = torch.compile(net.loss) if taken.compiled else net.loss

    def step(at):
        x = batches[at]
        adam.zero_grad()
        loss(x, net.draw(x)).backward()
        adam.step()

    before = known(first, without)
    step_us = common.median_us(taken, step)
    after = known(first, without)
    library = "PyTorch compiled" if taken.compiled else "PyTorch eager"
    common.report(taken, library, torch.__version__, step_us, before, after, value)


encode() if taken.encode else train()
