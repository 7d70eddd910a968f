"""A training step in scikit-learn's MLPRegressor, whose output layer is always linear."""

import sklearn
from sklearn.neural_network import MLPRegressor

import common

AT_ONCE = 5  # steps that one call makes, so that what it checks at its begin counts little

taken = common.options()
data = common.noise(common.BATCHES * taken.batch, taken.sizes[0])
first = data[: taken.batch]
net = MLPRegressor(
    hidden_layer_sizes=taken.sizes[1:-1],
    activation="logistic",
    solver="adam",
    alpha=0.0,
    batch_size=taken.batch,
    learning_rate_init=common.LEARNING_RATE,
    random_state=1,
)


def loss():
    return 0.5 * ((net.predict(first) - first) ** 2).sum() / taken.batch


def steps(at):
    some = data[at * taken.batch : (at + AT_ONCE) * taken.batch]
    net.partial_fit(some, some)


net.partial_fit(first, first)
before = loss()
step_us = common.median_us(taken, steps, AT_ONCE)
common.report(taken, "scikit-learn", sklearn.__version__, step_us, before, loss())
