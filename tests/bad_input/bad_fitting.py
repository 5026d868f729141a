"""Bad input to networks and their training."""

import numpy as np
from bad_training import ACTIVATIONS, DTYPES
from bad_world import (
    BELOW_ONE,
    FEATURES,
    FEATURES64,
    HUGE,
    INF,
    LABELS,
    PAIRS,
    POSITIVE,
    RNG,
    TYPE,
    UNREAL,
    VALUE,
    each,
    mistyped,
    rows,
    whole,
)  # fmt: skip

import minprune as mp

TOO_LARGE = "inputs × outputs must be at most 2,147,483,648, got {} in {}()"
FORCED = {"kernels": "dense"}


def overflowing():
    """Return a network of finite weights whose output is not."""
    network = mp.Network.mlp([4, 6, 3], rng=0)
    for p in network.prunable.values():
        p.value = np.full(p.shape, 3e38)
    return network


_WIDTHS = [
    (bad, VALUE, f"{{p}} must hold at least two whole numbers, got {bad!r} in {{fn}}()")
    for bad in ([], [4], "42", b"42", {4, 2}, {4: 1, 2: 1}, 4, np.array(4), None)
]
NETWORKS = [
    *rows(
        "Network",
        (lambda w: mp.Network([]), VALUE, "layers must hold at least one Dense, got none in Network()"),
        (lambda w: mp.Network(3), TYPE, "layers must be a sequence of layers, got 3 in Network()"),
        (lambda w: mp.Network([3]), TYPE, "layers must hold layers, got int 3 in Network()"),
        (lambda w: mp.Network([mp.Dense(2, 3, rng=0), mp.Dense(2, 3, rng=0)]), VALUE,
         "layers must fit: dense1 has 3 outputs, dense2 takes 2 in Network()"),
        (lambda w: mp.Network([w.net.layers[0]] * 2), VALUE,
         "layers must be different objects, got one of them twice in Network()"),
        (lambda w: mp.Network([mp.Dense(2, 2, rng=0), mp.Dense(2, 2, rng=0, dtype="f8")]), VALUE,
         "layers must have one dtype, got float32 and float64 in Network()"),
        (lambda w: mp.Network([mp.Dense(2, 2, rng=0), mp.Select(np.array([0]), 2)]), VALUE,
         "layers may hold one Select, in front of the first Dense, in Network()"),
    ),
    *each("Network", "x", FEATURES, lambda w, bad: w.net(bad)),
    *each("Network", "rng", RNG, lambda w, bad: w.net(w.x, rng=bad)),
    *each("Network.mlp", "widths", _WIDTHS, lambda w, bad: mp.Network.mlp(bad, rng=w.rng)),
    *each("Network.mlp", "widths[1]", whole(), lambda w, bad: mp.Network.mlp([4, bad, 2], rng=w.rng)),
    *each("Network.mlp", "rate", BELOW_ONE, lambda w, bad: mp.Network.mlp([4, 2], dropout=bad, rng=w.rng), "Dropout"),
    *each("Network.mlp", "dtype", DTYPES, lambda w, bad: mp.Network.mlp([4, 2], dtype=bad, rng=w.rng)),
    *each("Network.mlp", "rng", RNG, lambda w, bad: mp.Network.mlp([4, 2], rng=bad)),
    *rows(
        "Network.mlp",
        (lambda w: mp.Network.mlp([HUGE, HUGE], rng=w.rng), VALUE,
         TOO_LARGE.format("1,000,000,000 × 1,000,000,000", "Network.mlp")),
        (lambda w: mp.Network.mlp([20_000, 50_000, HUGE], rng=w.rng), VALUE,  # the first layer would fit
         TOO_LARGE.format("50,000 × 1,000,000,000", "Network.mlp")),
        (lambda w: mp.Network.mlp([4, 2], activation="Rleu", rng=w.rng), VALUE,
         mistyped("Rleu", ACTIVATIONS, "relu", "Network.mlp", "activation")),
    ),
    *each("Network.predict", "x", FEATURES, lambda w, bad: w.net.predict(bad), "predict"),
    *each("Network.predict", "batch_size", whole(), lambda w, bad: w.net.predict(w.x, batch_size=bad), "predict"),
    *each("Network.predict_proba", "x", FEATURES, lambda w, bad: w.net.predict_proba(bad), "predict_proba"),
    *rows(
        "Network.predict_proba",
        (lambda w: overflowing().predict_proba(np.ones((1, 4))), VALUE,
         "the network's output must be finite, got 3 NaN or infinite in predict_proba(), the first at (0, 0): inf; "
         "not finite from dense1 on"),
    ),
    *each("Network.backward", "grad", UNREAL, lambda w, bad: w.net.backward(bad), "backward"),
    *rows(
        "Network.backward",
        (lambda w: mp.Network.mlp([4, 3], rng=0).backward(np.ones((20, 3))), VALUE,
         "backward() follows a forward pass; call the network first"),
        (lambda w: w.net.backward(np.ones((99, 3))), VALUE,
         "grad must have shape (10, 3), got (99, 3) in backward()"),
    ),
]  # fmt: skip


def _fit(parameter, family, option="", where="fit"):
    return each("fit", parameter, family, lambda w, bad: w.fit(**{option or parameter: bad}), where)


class _Hears:
    def after_backward(self, network, step):
        pass


_SAMPLES = [
    (np.ones(3), VALUE, "{p} must have shape (20,), got (3,) in {fn}()"),
    (-np.ones(20), VALUE, "{p} must be non-negative and not all zero in {fn}()"),
    (np.full(20, INF), VALUE, "{p} must be finite, got 20 NaN or infinite in {fn}(), the first at (0,): inf"),
    (np.full(20, 1e308), VALUE, "{p} must have a finite sum, got inf in {fn}()"),
    ("even", TYPE, "{p} must hold real numbers, got dtype <U4 in {fn}()"),
]
_KINDS = [
    ("network", 1, "network must be a Network, got int 1 in fit()"),
    ("loss", "mse", "loss must be a Loss, got str 'mse' in fit()"),
    ("optimizer", 0.1, "optimizer must be an Optimizer, got float 0.1 in fit()"),
    ("penalty", 0.1, "penalty must be a Penalty, got float 0.1 in fit()"),
    ("pruner", 0.5, "pruner must be a PrunesWhileTraining, got float 0.5 in fit()"),
    ("callbacks", 3, "callbacks must be a sequence, got 3 in fit()"),
    ("callbacks", "x", "callbacks must be a sequence, got 'x' in fit()"),
    ("callbacks", [1], "callbacks must hold functions and objects with any of before_step, after_backward, "
     "after_epoch, got 1 in fit()"),
    ("callbacks", [_Hears], f"callbacks must hold instances, got {_Hears!r} in fit(); pass an instance: _Hears(…)"),
    ("progress", "yes", "progress must be True, False or None, got 'yes' in fit()"),
]  # fmt: skip
FIT = [
    *_fit("epochs", whole()),
    *_fit("batch_size", whole()),
    *_fit("start", whole(at_least=0)),
    *_fit("rng", RNG),
    *_fit("train", PAIRS),
    *_fit("valid", PAIRS[1:]),
    *_fit("sample_weight", _SAMPLES),
    *each("fit", "x of train", FEATURES, lambda w, bad: w.fit(train=(bad, w.y))),
    *each("fit", "x of valid", FEATURES, lambda w, bad: w.fit(valid=(bad, w.y))),
    *each("fit", "y", LABELS, lambda w, bad: w.fit(train=(w.x, bad))),
    *each("fit", "y", LABELS, lambda w, bad: w.fit(valid=(w.x, bad))),
    *each("fit", "patience", whole(), lambda w, bad: w.fit(valid=w.data, patience=bad)),
    *(row for name, bad, text in _KINDS for row in rows("fit", (lambda w, n=name, b=bad: w.fit(**{n: b}), TYPE, text))),
    *rows(
        "fit",
        (lambda w: w.fit(start=1), VALUE, "start must be at most 0, got 1 in fit()"),
        (lambda w: w.fit(patience=2), VALUE, "patience needs validation data: pass valid= to fit()"),
        (lambda w: w.fit(optimizer=mp.SGD(lambda p: -1)), VALUE, "lr must be at least 0 and finite, got -1 in SGD()"),
        (lambda w: w.fit(optimizer=mp.SGD(lambda p: "x")), TYPE, "lr must be a number, got str 'x' in SGD()"),
        (lambda w: w.fit(loss=mp.BinaryCrossEntropy()), VALUE,
         "BinaryCrossEntropy needs a network with 1 output, got 3 in fit()"),
        (lambda w: w.fit(penalty=mp.L1(1, names=["dense1.wieght"])), VALUE,
         "L1(1, names=('dense1.wieght',)) names no parameter of the network: 'dense1.wieght'; did you mean "
         "'dense1.weight'? Known: dense1.weight, dense1.bias, dense2.weight, dense2.bias"),
        (lambda w: w.fit(pruner=mp.Pruner(mp.Magnitude(), sparsity=0.99)), mp.BudgetError,
         "pruning 42 of 42 weights would empty dense1.weight: at most 40 can go with min_keep=1 weight(s) a layer, a "
         "sparsity of 0.95238, in plan()"),
        (lambda w: w.fit(pruner=mp.Pruner(mp.Movement(), sparsity=0.9, schedule=mp.OneShot(0.0))), VALUE,
         "Movement() has seen no training: pass it to fit(…, callbacks=[movement]), or to a Pruner whose schedule "
         "begins after the first step"),
    ),
    *rows("History", (
        lambda w: w.history["Losss"], VALUE,
        "'Losss' is no column of this history; did you mean 'loss'? Known: epoch, loss, lr, sparsity, seconds",
    )),
    *each("gradcheck", "x", FEATURES64, lambda w, bad: mp.gradcheck(w.net, bad, w.y, w.loss)),
    *each("gradcheck", "y", LABELS, lambda w, bad: mp.gradcheck(w.net, w.x, bad, w.loss)),
    *each("gradcheck", "step", POSITIVE, lambda w, bad: mp.gradcheck(w.net, w.x, w.y, w.loss, step=bad)),
    *each("gradcheck", "tolerance", POSITIVE, lambda w, bad: mp.gradcheck(w.net, w.x, w.y, w.loss, tolerance=bad)),
    *each("gradcheck", "entries", whole(), lambda w, bad: mp.gradcheck(w.net, w.x, w.y, w.loss, entries=bad)),
    *each("gradcheck", "rng", RNG, lambda w, bad: mp.gradcheck(w.net, w.x, w.y, w.loss, rng=bad)),
    *rows(
        "gradcheck",
        (lambda w: mp.gradcheck(3, w.x, w.y, w.loss), TYPE, "network must be a Network, got int 3 in gradcheck()"),
        (lambda w: mp.gradcheck(w.net, w.x, w.y, 3), TYPE, "loss must be a Loss, got int 3 in gradcheck()"),
        (lambda w: mp.gradcheck(w.net, w.x, w.y, w.loss, penalty=3), TYPE,
         "penalty must be a Penalty, got int 3 in gradcheck()"),
        (lambda w: mp.gradcheck(overflowing(), w.x * 1e300, w.y, w.loss), VALUE,
         "the loss must be finite, got nan in gradcheck()"),
    ),
]  # fmt: skip
