"""Small trainings for the tests of fit."""

import numpy as np

from minprune import SGD, Network, SoftmaxCrossEntropy, fit

LOSS = SoftmaxCrossEntropy()


def data(rows=40, inputs=5, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs))
    return x, (x @ rng.standard_normal((inputs, classes))).argmax(axis=1)


def network(seed=0, kept=1.0, **options):
    net = Network.mlp([5, 8, 3], rng=seed, **options)
    rng = np.random.default_rng(seed)
    for p in net.parameters.values():
        p.mask = rng.random(p.shape) < kept if kept < 1 else p.mask
    return net


def run(net, *, train=None, epochs=3, **options):
    options = {"loss": LOSS, "optimizer": SGD(0.1, momentum=0.9), "batch_size": 16, "rng": 0} | options
    return fit(net, data() if train is None else train, epochs=epochs, **options)
