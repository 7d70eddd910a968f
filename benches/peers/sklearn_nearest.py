"""Nearest neighbours in scikit-learn, by brute force or as it chooses itself."""

import sklearn
from sklearn.neighbors import NearestNeighbors

import common

QUERIES = {"nearest-20": 10_000, "nearest-784": 2_000}
SAMPLES = 20_000

taken = common.options("--algorithm")
data = common.noise(SAMPLES + QUERIES[taken.case], taken.sizes[0])
samples, queries = data[:SAMPLES], data[SAMPLES:]


def call():
    search = NearestNeighbors(n_neighbors=5, algorithm=taken.algorithm).fit(samples)
    return search.kneighbors(queries)[0]


value = call().mean()
step_us = common.median_us(taken, lambda _: call(), warm_up=0, least=3)
common.report(taken, "scikit-learn", sklearn.__version__, step_us, value=value)
