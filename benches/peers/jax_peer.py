"""A training step in JAX, compiled as a whole."""

import jax
import jax.numpy as jnp

import common
import images
import jax_images
import objectives
from jax_nets import NETS

B1, B2, EPSILON = 0.9, 0.999, 1e-8
AT_ONCE = 5  # steps until their result is waited for, as a training need not wait for each


def adam(theta, gradient, m, v, t):
    m = B1 * m + (1 - B1) * gradient
    v = B2 * v + (1 - B2) * gradient**2
    m_hat, v_hat = m / (1 - B1**t), v / (1 - B2**t)
    return theta - common.LEARNING_RATE * m_hat / (jnp.sqrt(v_hat) + EPSILON), m, v


taken = common.options()
init, draw, loss = (NETS | jax_images.NETS)[taken.objective]
is_plain = taken.objective == "plain"


def step(state, x):
    net, m, v, t, key = state
    t += 1
    if not is_plain:
        key, now = jax.random.split(key)
    drawn = None if is_plain else draw(taken, now)
    value, gradients = jax.value_and_grad(loss)(net, x, drawn)
    new = jax.tree.map(lambda *leaf: adam(*leaf, t), net, gradients, m, v)
    net, m, v = jax.tree.transpose(jax.tree.structure(net), jax.tree.structure((0, 0, 0)), new)
    return (net, m, v, t, key), value


def known(x, drawn):
    """The objective with known draws."""
    return float(loss(net, images.arrange(taken.objective, x), drawn))


data = common.noise(common.BATCHES * taken.batch, taken.sizes[0])
batches = [
    jnp.asarray(images.arrange(taken.objective, x))
    for x in data.reshape(common.BATCHES, taken.batch, -1)
]
net = init(taken)
m, v = (jax.tree.map(jnp.zeros_like, net) for _ in range(2))
state = (net, m, v, jnp.float32(0), jax.random.key(1))
first = data[: taken.batch]
value = None if is_plain else objectives.check(taken, first, known)
without = objectives.known_draw(taken, taken.batch, is_zero=True)
before = loss(net, batches[0], without)
compiled = jax.jit(step, donate_argnums=0)  # the old state's memory becomes the new one's


def steps(at):
    global state
    for x in batches[at : at + AT_ONCE]:
        state, _ = compiled(state, x)
    jax.block_until_ready(state)


step_us = common.median_us(taken, steps, AT_ONCE)
after = loss(state[0], batches[0], without)
common.report(taken, "JAX", jax.__version__, step_us, float(before), float(after), value)
