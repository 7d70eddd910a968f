"""The convolutional nets in PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F

import common
import images
from torch_nets import linear

ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
# By whether samples are windows: convolutions there and back.
CONVOLUTIONS = {False: (nn.Conv2d, nn.ConvTranspose2d), True: (nn.Conv1d, nn.ConvTranspose1d)}


def convolution(net, layer, weights, bias):
    """A layer of these weights."""
    there, back = CONVOLUTIONS[net.is_window]
    sizes = map(net.along, (layer.kernel, layer.stride, layer.padding))
    if layer.kind == "there":
        made = there(layer.inputs, layer.outputs, *sizes)
    else:
        made = back(layer.inputs, layer.outputs, *sizes, output_padding=1)
    made.weight.data, made.bias.data = torch.from_numpy(weights), torch.from_numpy(bias)
    return made


class Images(nn.Module):
    def __init__(self, taken):
        super().__init__()
        net = images.NETS[taken.objective]
        parameters = common.shared_parameters(images.drawn_for(net))
        modules, before = [], None
        for layer, weights, bias in images.outputs_first(net, parameters):
            if layer.kind == "dense":
                modules += [nn.Flatten(), linear((weights, bias))]
            elif layer.kind == "pool":
                modules.append(nn.MaxPool2d(2, ceil_mode=True))
            elif layer.kind == "upsample":
                modules.append(nn.Upsample(scale_factor=2))
            else:
                modules += [nn.Unflatten(1, net.deepest)] if before == "dense" else []
                modules.append(convolution(net, layer, weights, bias))
            if layer.has_parameters:
                modules.append(ACTIVATIONS[layer.activation]())
            before = layer.kind
        self.has_logits = net.has_logits
        self.layers = nn.Sequential(*modules)
        if net.has_channels_last:  # as its samples have anyway, whose pixels are of one number
            self.layers.to(memory_format=torch.channels_last)

    def draw(self, x):
        return None

    def loss(self, x, drawn):
        y = self.layers(x)
        if self.has_logits:
            return F.binary_cross_entropy_with_logits(y, x, reduction="sum") / x.shape[0]
        return 0.5 * (y - x).square().sum() / x.shape[0]


NETS = dict.fromkeys(images.NETS, Images)
