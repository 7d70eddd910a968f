"""The convolutional nets in JAX."""

import jax
import jax.numpy as jnp

import common
import images
from jax_nets import affine, error, nothing

ACTIVATIONS = {"identity": lambda a: a, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}
PAIRS = (1, 1, 2, 2)  # of pixels, along rows and columns


def init(taken):
    net = images.NETS[taken.objective]
    made = images.outputs_first(net, common.shared_parameters(images.drawn_for(net)))
    return [tuple(map(jnp.asarray, both)) for layer, *both in made if layer.has_parameters]


def convolution(net, layer, parameters, x):
    weights, bias = parameters
    kernel, stride, padding = map(net.along, (layer.kernel, layer.stride, layer.padding))
    lie = ("NCH", "OIH", "NCH") if net.is_window else ("NCHW", "OIHW", "NCHW")
    if layer.kind == "there":
        zeros = [(before, before) for before in padding]
        y = jax.lax.conv_general_dilated(x, weights, stride, zeros, dimension_numbers=lie)
    else:
        # Around inputs that stand `stride` apart, for as many outputs as inputs times that.
        zeros = [(k - 1 - p, k - 1 - p + s - 1) for k, s, p in zip(kernel, stride, padding)]
        y = jax.lax.conv_transpose(
            x, weights, stride, zeros, dimension_numbers=lie, transpose_kernel=True
        )
    return y + jnp.expand_dims(bias, range(1, len(kernel) + 1))


def apply(net, layer, of_layers, y):
    """A layer, which takes its parameters off those of all."""
    if layer.kind == "pool":
        return jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, PAIRS, PAIRS, "SAME")
    if layer.kind == "upsample":
        return y.repeat(2, 2).repeat(2, 3)
    if layer.kind == "dense":
        y = affine(next(of_layers), y.reshape(len(y), -1))
    else:
        image = y if y.ndim > 2 else y.reshape(-1, *net.deepest)
        y = convolution(net, layer, next(of_layers), image)
    return ACTIVATIONS[layer.activation](y)


def loss_of(net):
    def loss(parameters, x, drawn):
        y, of_layers = x, iter(parameters)
        for layer in net.layers:
            y = apply(net, layer, of_layers, y)
        if net.has_logits:
            return jnp.sum(jax.nn.softplus(y) - x * y) / x.shape[0]
        return error(y, x)

    return loss


# By objective: init, draw and loss.
NETS = {name: (init, nothing, loss_of(net)) for name, net in images.NETS.items()}
