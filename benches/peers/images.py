"""The convolutional nets: layers, parameters, and each objective as a formula in NumPy.

A window of a series is an image of one row here.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layer:
    kind: str  # "there": a convolution; "back": a transposed one; "dense"
    inputs: int  # channels, or units
    outputs: int
    activation: str = "relu"
    kernel: tuple = (3, 3)  # rows and columns, as in what follows
    stride: tuple = (2, 2)
    padding: tuple = (1, 1)  # zeros around the larger of the two images


def steps(kind, inputs, outputs, activation="relu"):
    """A layer for windows."""
    return Layer(kind, inputs, outputs, activation, kernel=(1, 5), stride=(1, 2), padding=(0, 2))


@dataclass(frozen=True)
class Net:
    shape: tuple  # channels, rows and columns of a sample
    layers: tuple
    deepest: tuple = ()  # the same of the image that dense layers end with
    is_window: bool = False  # our samples lie step by step, in place of channel by channel

    def along(self, both):
        """Of rows and columns those that a library is told: a window has no rows."""
        return both[1:] if self.is_window else both

    def arrange(self, x):
        """Our samples as other libraries have them, channel by channel."""
        channels, rows, columns = self.shape
        if self.is_window:
            return x.reshape(-1, columns, channels).swapaxes(1, 2)
        return x.reshape(-1, channels, rows, columns)


NETS = {
    "strided": Net(
        (1, 28, 28),
        (
            Layer("there", 1, 32),
            Layer("there", 32, 64),
            Layer("dense", 64 * 7 * 7, 32, "identity"),
            Layer("dense", 32, 64 * 7 * 7),
            Layer("back", 64, 32),
            Layer("back", 32, 1, "sigmoid"),
        ),
        deepest=(64, 7, 7),
    ),
    "series": Net(
        (8, 1, 128),
        (
            steps("there", 8, 16),
            steps("there", 16, 32),
            steps("back", 32, 16),
            steps("back", 16, 8, "identity"),
        ),
        is_window=True,
    ),
}


def arrange(objective, x):
    """Samples of an objective as other libraries have them; dense nets have rows of numbers."""
    return NETS[objective].arrange(x) if objective in NETS else x


def drawn_for(net):
    """Inputs, outputs and taps of each layer, as parameters are drawn for them."""
    return [
        (layer.inputs, layer.outputs, 1 if layer.kind == "dense" else np.prod(layer.kernel).item())
        for layer in net.layers
    ]


def kernels(net, parameters):
    """Weights as they lie in our memory, with an axis for each meaning, and biases.

    Those of a convolution are inputs × rows × columns × outputs; a transposed one has those of the
    convolution that goes the other way.
    """
    for layer, (weights, bias) in zip(net.layers, parameters):
        if layer.kind == "there":
            weights = weights.reshape(layer.inputs, *layer.kernel, layer.outputs)
        if layer.kind == "back":
            weights = weights.reshape(layer.outputs, *layer.kernel, layer.inputs)
        yield layer, weights, bias


def outputs_first(net, parameters):
    """The same as other libraries have them: a convolution's outputs × inputs × rows × columns."""
    for layer, weights, bias in kernels(net, parameters):
        if layer.kind != "dense":
            weights = np.ascontiguousarray(weights.transpose(3, 0, 1, 2))
            weights = weights.reshape(*weights.shape[:2], *net.along(layer.kernel))
        yield layer, weights, bias


ACTIVATIONS = {
    "identity": lambda a: a,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}


def convolve(layer, weights, x):
    """y(i) = Σ w(a) x(s i + a − p) over the taps a, or the adjoint of that."""
    (down, right), (above, before) = layer.stride, layer.padding
    around = ((0, 0), (0, 0), (above, above), (before, before))

    def met(padded, tap, rows, columns):
        """What a tap meets of the larger image."""
        first, left = tap
        rows, columns = first + down * rows, left + right * columns
        return padded[:, :, first:rows:down, left:columns:right]

    samples, _, rows, columns = x.shape
    if layer.kind == "there":
        padded, size = np.pad(x, around), (rows // down, columns // right)
        return sum(
            np.einsum("ncij,co->noij", met(padded, tap, *size), weights[:, *tap])
            for tap in np.ndindex(layer.kernel)
        )
    size = rows * down, columns * right
    padded = np.pad(np.zeros((samples, layer.outputs, *size)), around)
    for tap in np.ndindex(layer.kernel):
        met(padded, tap, rows, columns)[...] += np.einsum("ncij,oc->noij", x, weights[:, *tap])
    return padded[:, :, above : above + size[0], before : before + size[1]]


def formula(net, x, parameters):
    """Half the squared error, summed over a sample, mean over samples."""
    x = net.arrange(x).reshape(-1, *net.shape)
    y = x
    for layer, weights, bias in kernels(net, parameters):
        if layer.kind == "dense":
            y = y.reshape(len(y), -1) @ weights + bias
        else:
            image = y if y.ndim > 2 else y.reshape(-1, *net.deepest)
            y = convolve(layer, weights, image) + bias[:, None, None]
        y = ACTIVATIONS[layer.activation](y)
    return 0.5 * ((y - x) ** 2).sum() / len(x)
