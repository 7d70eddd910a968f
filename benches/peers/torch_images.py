"""The convolutional nets in PyTorch."""

import torch
from torch import nn

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
            else:
                modules += [nn.Unflatten(1, net.deepest)] if before == "dense" else []
                modules.append(convolution(net, layer, weights, bias))
            modules.append(ACTIVATIONS[layer.activation]())
            before = layer.kind
        self.layers = nn.Sequential(*modules)

    def draw(self, x):
        return None

    def loss(self, x, drawn):
        return 0.5 * (self.layers(x) - x).square().sum() / x.shape[0]


NETS = dict.fromkeys(images.NETS, Images)
