"""The convolutional nets: layers, parameters, and each objective as a formula in NumPy.

A window of a series is an image of one row here.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layer:
    # "there": a convolution; "back": a transposed one; "dense"; without parameters "pool": the
    # largest of 2 × 2, or of what there is of them; "upsample": each pixel 2 × 2 times.
    kind: str
    inputs: int = 0  # channels, or units
    outputs: int = 0
    activation: str = "relu"
    kernel: tuple = (3, 3)  # rows and columns, as in what follows
    stride: tuple = (2, 2)
    padding: tuple = (1, 1)  # zeros around the larger of the two images

    @property
    def has_parameters(self):
        return self.kind not in ("pool", "upsample")


def steps(kind, inputs, outputs, activation="relu"):
    """A layer for windows."""
    return Layer(kind, inputs, outputs, activation, kernel=(1, 5), stride=(1, 2), padding=(0, 2))


def one_by_one(inputs, outputs, activation="relu", padding=(1, 1)):
    """A convolution without strides."""
    return Layer("there", inputs, outputs, activation, stride=(1, 1), padding=padding)


@dataclass(frozen=True)
class Net:
    shape: tuple  # channels, rows and columns of a sample
    layers: tuple
    deepest: tuple = ()  # the same of the image that dense layers end with
    has_logits: bool = False  # the loss is the Bernoulli cross-entropy, in place of squares
    is_window: bool = False  # our samples lie step by step, in place of channel by channel

    @property
    def has_channels_last(self):
        """Whether PyTorch is told so, as it is faster then: where it pools."""
        return any(layer.kind == "pool" for layer in self.layers)

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
    "keras": Net(
        (1, 28, 28),
        (
            one_by_one(1, 16),
            Layer("pool"),
            one_by_one(16, 8),
            Layer("pool"),
            one_by_one(8, 8),
            Layer("pool"),
            one_by_one(8, 8),
            Layer("upsample"),
            one_by_one(8, 8),
            Layer("upsample"),
            one_by_one(8, 16, padding=(0, 0)),
            Layer("upsample"),
            one_by_one(16, 1, "identity"),
        ),
        has_logits=True,
    ),
}


def arrange(objective, x):
    """Samples of an objective as other libraries have them; dense nets have rows of numbers."""
    return NETS[objective].arrange(x) if objective in NETS else x


def drawn_for(net):
    """Inputs, outputs and taps of each layer that has parameters, as these are drawn."""
    return [
        (layer.inputs, layer.outputs, 1 if layer.kind == "dense" else np.prod(layer.kernel).item())
        for layer in net.layers
        if layer.has_parameters
    ]


def kernels(net, parameters):
    """Weights as they lie in our memory, with an axis for each meaning, and biases.

    Those of a convolution are inputs × rows × columns × outputs; a transposed one has those of the
    convolution that goes the other way.
    """
    parameters = iter(parameters)
    for layer in net.layers:
        weights, bias = next(parameters) if layer.has_parameters else (None, None)
        if layer.kind == "there":
            weights = weights.reshape(layer.inputs, *layer.kernel, layer.outputs)
        if layer.kind == "back":
            weights = weights.reshape(layer.outputs, *layer.kernel, layer.inputs)
        yield layer, weights, bias


def outputs_first(net, parameters):
    """The same as other libraries have them: a convolution's outputs × inputs × rows × columns."""
    for layer, weights, bias in kernels(net, parameters):
        if layer.kind in ("there", "back"):
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
        padded = np.pad(x, around)
        height, width = layer.kernel
        size = (rows + 2 * above - height) // down + 1, (columns + 2 * before - width) // right + 1
        return sum(
            np.einsum("ncij,co->noij", met(padded, tap, *size), weights[:, *tap])
            for tap in np.ndindex(layer.kernel)
        )
    size = rows * down, columns * right
    padded = np.pad(np.zeros((samples, layer.outputs, *size)), around)
    for tap in np.ndindex(layer.kernel):
        met(padded, tap, rows, columns)[...] += np.einsum("ncij,oc->noij", x, weights[:, *tap])
    return padded[:, :, above : above + size[0], before : before + size[1]]


def pool(x):
    odd = [(0, size % 2) for size in x.shape]
    x = np.pad(x, [(0, 0), (0, 0), *odd[2:]], constant_values=-np.inf)
    return np.maximum.reduce([x[:, :, i::2, j::2] for i, j in np.ndindex(2, 2)])


def formula(net, x, parameters):
    """The loss, summed over a sample, mean over samples."""
    x = net.arrange(x).reshape(-1, *net.shape)
    y = x
    for layer, weights, bias in kernels(net, parameters):
        if layer.kind == "dense":
            y = y.reshape(len(y), -1) @ weights + bias
        elif layer.kind == "pool":
            y = pool(y)
        elif layer.kind == "upsample":
            y = y.repeat(2, axis=2).repeat(2, axis=3)
        else:
            image = y if y.ndim > 2 else y.reshape(-1, *net.deepest)
            y = convolve(layer, weights, image) + bias[:, None, None]
        y = ACTIVATIONS[layer.activation](y)
    loss = np.logaddexp(0, y) - x * y if net.has_logits else 0.5 * (y - x) ** 2
    return loss.sum() / len(x)
