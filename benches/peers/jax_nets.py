"""The nets and objectives in JAX, each of three functions.

`init` makes parameters, `draw` what is new in every step, `loss` is the objective.
"""

import jax
import jax.numpy as jnp

import common
from objectives import CONTRACTIVE_WEIGHT, MASKED, SPARSE_TARGET, SPARSE_WEIGHT, layers


def glorot(taken):
    keys = jax.random.split(jax.random.key(1), len(taken.sizes))
    init = jax.nn.initializers.glorot_uniform()
    pairs = zip(keys, taken.sizes, taken.sizes[1:])
    return [(init(key, (inputs, outputs)), jnp.zeros(outputs)) for key, inputs, outputs in pairs]


def shared(taken):
    return jax.tree.map(jnp.asarray, common.shared_parameters(layers(taken)))


def affine(layer, x):
    weights, bias = layer
    return x @ weights + bias


def error(y, x):
    """Half the squared error of a reconstruction, summed over features, mean over samples."""
    return 0.5 * jnp.sum((y - x) ** 2) / x.shape[0]


def plain(net, x, drawn):
    y = x
    for layer in net:
        y = jax.nn.sigmoid(affine(layer, y))
    return error(y, x)


def sparse(net, x, drawn):
    code = jax.nn.sigmoid(affine(net[0], x))
    p, target = code.mean(0), SPARSE_TARGET
    kl = target * jnp.log(target / p) + (1 - target) * jnp.log((1 - target) / (1 - p))
    return error(jax.nn.sigmoid(affine(net[1], code)), x) + SPARSE_WEIGHT * kl.sum()


def contractive(net, x, drawn):
    code = jax.nn.sigmoid(affine(net[0], x))
    norms = (net[0][0] ** 2).sum(0)
    jacobian = ((code * (1 - code)) ** 2 @ norms).mean()
    return error(jax.nn.sigmoid(affine(net[1], code)), x) + CONTRACTIVE_WEIGHT * jacobian


def denoising(net, x, drawn):
    code = jax.nn.sigmoid(affine(net[0], jnp.where(drawn, x, 0.0)))
    return error(jax.nn.sigmoid(affine(net[1], code)), x)


def with_one_head(taken):
    """Both heads of the variational encoder as one layer."""
    body, (mean, mean_bias), (log_variance, log_variance_bias), *decoder = shared(taken)
    heads = jnp.hstack([mean, log_variance]), jnp.hstack([mean_bias, log_variance_bias])
    return [body, heads, *decoder]


def variational(net, x, drawn):
    hidden = jax.nn.relu(affine(net[0], x))
    mean, log_variance = jnp.split(affine(net[1], hidden), 2, axis=1)
    code = mean + jnp.exp(0.5 * log_variance) * drawn
    logits = affine(net[3], jax.nn.relu(affine(net[2], code)))
    error = jnp.sum(jax.nn.softplus(logits) - x * logits)
    kl = -0.5 * jnp.sum(1 + log_variance - mean**2 - jnp.exp(log_variance))
    return (error + kl) / x.shape[0]


def nothing(taken, key):
    return None


def mask(taken, key):
    return jax.random.uniform(key, (taken.batch, taken.sizes[0])) >= MASKED


def normal(taken, key):
    return jax.random.normal(key, (taken.batch, taken.sizes[2]))


# By objective: init, draw and loss.
NETS = {
    "plain": (glorot, nothing, plain),
    "sparse": (shared, nothing, sparse),
    "contractive": (shared, nothing, contractive),
    "denoising": (shared, mask, denoising),
    "variational": (with_one_head, normal, variational),
}
