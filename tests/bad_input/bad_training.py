"""Bad input to what trains: parameters, layers, losses, penalties, optimizers, networks, fit."""

import numpy as np
from bad_world import (
    BELOW_ONE,
    FLAG,
    HUGE,
    INF,
    LABELS,
    MASKS,
    MISSHAPEN,
    NAN,
    NOT_NEGATIVE,
    POSITIVE,
    RNG,
    TYPE,
    UNREAL,
    VALUE,
    each,
    holed,
    mistyped,
    real,
    rows,
    whole,
)  # fmt: skip

import minprune as mp

ACTIVATIONS = ["relu", "leaky_relu", "tanh", "sigmoid", "gelu"]
DTYPES = [
    ("flot", TYPE, "dtype must be float32 or float64, got str 'flot' in {fn}()"),
    (np.float16, VALUE, "dtype must be float32 or float64, got float16 in {fn}()"),
    (int, VALUE, "dtype must be float32 or float64, got int64 in {fn}()"),
    (None, TYPE, "dtype must be float32 or float64, got NoneType None in {fn}()"),
]
TOO_LARGE = "inputs × outputs must be at most 2,147,483,648, got {} in {}()"
WEIGHT = mp.Parameter(np.ones(2), "w", prunable=True)
NAMES = ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]
MAPPING = "parameters must be a mapping of names to parameters, got Network in {}(): pass network.parameters"
HOLDS = "parameters must hold Parameters, got ndarray under 'w' in {}()"

LAYERS = [
    *each("Parameter", "value", UNREAL, lambda w, bad: mp.Parameter(bad)),
    *rows(
        "Parameter",
        (lambda w: mp.Parameter(holed(NAN), "w"), VALUE,
         "w must be finite, got 2 NaN or infinite in Parameter(), the first at (1, 3): nan"),
        (lambda w: mp.Parameter(np.ones(2, int)), VALUE, "dtype must be float32 or float64, got int64 in Parameter()"),
        (lambda w: mp.Parameter(np.ones(2), 5), TYPE, "name must be a string, got 5 in Parameter()"),
        (lambda w: setattr(w.weight, "value", np.ones(3)), VALUE,
         "dense1.weight must have shape (4, 6), got (3,) in Parameter()"),
        (lambda w: setattr(w.weight, "value", holed(1e39, (4, 6))), VALUE,
         "dense1.weight must be finite, got 2 NaN or infinite in Parameter(), the first at (1, 5): inf"),
        (lambda w: setattr(w.weight, "grad", np.ones(3)), VALUE,
         "grad of dense1.weight must have shape (4, 6), got (3,) in Parameter()"),
    ),
    *each("Parameter", "prunable", FLAG, lambda w, bad: mp.Parameter(np.ones(2), prunable=bad)),
    *each("Parameter", "dense1.weight", [*MASKS, MISSHAPEN], lambda w, bad: setattr(w.weight, "mask", bad)),
    *each("Dense", "inputs", whole(), lambda w, bad: mp.Dense(bad, 2, rng=w.rng)),
    *each("Dense", "outputs", whole(), lambda w, bad: mp.Dense(2, bad, rng=w.rng)),
    *each("Dense", "bias", FLAG, lambda w, bad: mp.Dense(2, 2, bias=bad, rng=w.rng)),
    *each("Dense", "dtype", DTYPES, lambda w, bad: mp.Dense(2, 2, dtype=bad, rng=w.rng)),
    *each("Dense", "rng", RNG, lambda w, bad: mp.Dense(2, 2, rng=bad)),
    *rows(
        "Dense",
        (lambda w: mp.Dense(HUGE, HUGE, rng=w.rng), VALUE,
         TOO_LARGE.format("1,000,000,000 × 1,000,000,000", "Dense")),
        (lambda w: mp.Dense(2, 2, init="He"), VALUE, mistyped("He", ["he", "glorot"], "he", "Dense", "init")),
    ),
    *each("Dense.from_arrays", "weight", UNREAL, lambda w, bad: mp.Dense.from_arrays(bad)),
    *each("Dense.from_arrays", "bias", UNREAL, lambda w, bad: mp.Dense.from_arrays(np.ones((2, 4)), bad)),
    *rows(
        "Dense.from_arrays",
        (lambda w: mp.Dense.from_arrays(np.ones(4)), VALUE,
         "weight must have shape (inputs, outputs), got (4,) in Dense.from_arrays()"),
        (lambda w: mp.Dense.from_arrays(np.ones((0, 4))), VALUE,
         "weight must have shape (inputs, outputs), got (0, 4) in Dense.from_arrays()"),
        (lambda w: mp.Dense.from_arrays(holed(INF)), VALUE,
         "weight must be finite, got 2 NaN or infinite in Dense.from_arrays(), the first at (1, 3): inf"),
        (lambda w: mp.Dense.from_arrays(np.ones((2, 2)), np.ones(3)), VALUE,
         "bias must have shape (2,), got (3,) in Dense.from_arrays()"),
        (lambda w: mp.Dense.from_arrays(np.ones((2, 2), np.float32), np.array([0, 1e39])), VALUE,
         "bias must be finite, got 1 NaN or infinite in Dense.from_arrays(), the first at (1,): inf"),
    ),
    *each("Dropout", "rate", BELOW_ONE, lambda w, bad: mp.Dropout(bad)),
    *each("LeakyReLU", "slope", BELOW_ONE, lambda w, bad: mp.LeakyReLU(bad)),
    *each("Select", "inputs", whole(), lambda w, bad: mp.Select(np.array([0]), bad)),
    *each("Select", "columns", UNREAL, lambda w, bad: mp.Select(bad, 4)),
    *each("Select", "columns", [
        (bad, VALUE, f"{{p}} must rise within 0 … 3, got {bad!r} in {{fn}}()")
        for bad in (np.array([2, 0], np.uint8), np.array([1, 1]), np.array([-1, 0]), np.array([4]))
    ], lambda w, bad: mp.Select(bad, 4)),
    *each("Select", "columns", [
        (bad, VALUE, f"{{p}} must be a list of whole numbers, got {bad!r} in {{fn}}()")
        for bad in (np.ones(2), np.ones(2, bool), np.ones((1, 1), int), np.ones(0, int))
    ], lambda w, bad: mp.Select(bad, 4)),
]  # fmt: skip

_LOGITS = np.zeros((20, 3))
_WEIGHTS = [
    (np.ones(3), VALUE, "{p} must have shape (20,), got (3,) in {fn}()"),
    (-np.ones(20), VALUE, "{p} must be non-negative and not all zero in {fn}()"),
    (np.zeros(20), VALUE, "{p} must be non-negative and not all zero in {fn}()"),
    (np.full(20, NAN), VALUE, "{p} must be finite, got 20 NaN or infinite in {fn}(), the first at (0,): nan"),
    (np.full(20, 1e308), VALUE, "{p} must have a finite sum, got inf in {fn}()"),
    (np.ma.ones(20), TYPE, "{p} must be a plain array, got a masked array in {fn}(): fill it first"),
]


def _loss(name, outputs, targets):
    made, output = getattr(mp, name)(), np.zeros((20, outputs))
    good = output if name == "MeanSquaredError" else np.zeros(20)
    return [
        *each(name, "output", UNREAL, lambda w, bad: made(bad, w.y)),
        *rows(
            name,
            (lambda w: made(np.zeros(3), w.y), VALUE, f"output must have shape (batch, outputs), got (3,) in {name}()"),
            (lambda w: made(holed(NAN), w.y), VALUE,
             f"output must be finite, got 2 NaN or infinite in {name}(), the first at (1, 3): nan"),
        ),
        *each(name, "y", targets, lambda w, bad: made(output, bad)),
        *each(name, "sample_weight", _WEIGHTS, lambda w, bad: made(output, good, bad)),
    ]  # fmt: skip


_TARGET_NAN = (np.full(20, NAN), VALUE, "{p} must be finite, got 20 NaN or infinite in {fn}(), the first at (0,): nan")
LOSSES = [
    *_loss("SoftmaxCrossEntropy", 3, LABELS),
    *_loss("BinaryCrossEntropy", 1, [
        (np.full(20, 1.5), VALUE, "{p} must be in [0, 1], got 1.5 at 0 in {fn}()"),
        (np.full(20, -1), VALUE, "{p} must be in [0, 1], got -1 at 0 in {fn}()"),
        (np.zeros(3), VALUE, "{p} must have shape (20,), got (3,) in {fn}()"),
        _TARGET_NAN, *UNREAL,
    ]),
    *rows("BinaryCrossEntropy", (
        lambda w: mp.BinaryCrossEntropy()(_LOGITS, w.y), VALUE,
        "BinaryCrossEntropy needs a network with 1 output, got 3 in BinaryCrossEntropy()",
    )),
    *_loss("MeanSquaredError", 3, [
        (np.zeros(20), VALUE, "{p} must have shape (20, 3), got (20,) in {fn}()"), _TARGET_NAN, *UNREAL,
    ]),
]  # fmt: skip


def _penalty(name, **more):
    kind = getattr(mp, name)
    of = {"w": mp.Parameter(np.ones((2, 2)), "w", prunable=True)}
    return [
        *each(name, "strength", NOT_NEGATIVE, lambda w, bad: kind(bad)),
        *each(name, "names", [
            (bad, TYPE, f"{{p}} must be a sequence of parameter names or None, got {bad!r} in {{fn}}()")
            for bad in ("dense1.weight", 3, [1], b"ab")
        ], lambda w, bad: kind(1, names=bad)),
        *rows(
            name,
            (lambda w: kind(1, names=["Dense1.weigth"]).value(w.net.parameters), VALUE,
             f"{kind(1, names=['Dense1.weigth'])!r} names no parameter of the network: 'Dense1.weigth'; did you mean "
             f"'dense1.weight'? Known: {', '.join(NAMES)}"),
            (lambda w: kind(1).value(w.net), TYPE, MAPPING.format(name)),
            (lambda w: kind(1).value({"w": np.ones(2)}), TYPE, HOLDS.format(name)),
        ),
        *(each(name, "step", NOT_NEGATIVE, lambda w, bad: kind(1).shrink(of, bad), f"{name}.shrink")
          if kind.proximal or name == "L1" else []),
    ]  # fmt: skip


PENALTIES = [
    *_penalty("L1"),
    *_penalty("L2"),
    *_penalty("GroupLasso"),
    *each("L1", "subgradient", FLAG, lambda w, bad: mp.L1(1, subgradient=bad)),
    *rows(
        "GroupLasso",
        (lambda w: mp.GroupLasso(1, axis="input"), VALUE,
         mistyped("input", ["inputs", "outputs"], "inputs", "GroupLasso", "axis")),
        (lambda w: mp.GroupLasso(1, names=["dense1.bias"]).value(w.net.parameters), VALUE,
         "GroupLasso(1, names=('dense1.bias',), axis='inputs') needs weights in rows and columns, got dense1.bias of "
         "shape (6,)"),
    ),
]  # fmt: skip


def _optimizer(name):
    kind, tuned = getattr(mp, name), getattr(mp, name)(0.1)
    return [
        *each(name, "lr", [line for line in POSITIVE if not isinstance(line[0], str | type)], lambda w, bad: kind(bad)),
        *rows(
            name,
            (lambda w: kind("0.1"), TYPE,
             f"lr must be a number or a schedule such as CosineDecay(0.1), got '0.1' in {name}()"),
            (lambda w: kind(mp.CosineDecay), TYPE,
             f"lr must be a number or a schedule, got a class in {name}(): pass CosineDecay(…)"),
            (lambda w: kind(lambda p: NAN).step(w.net.parameters), VALUE,
             f"lr must be at least 0 and finite, got nan in {name}()"),
            (lambda w: w.sgd.step(w.net), TYPE, MAPPING.format("step")),
            (lambda w: w.sgd.step({"w": np.ones(2)}), TYPE, HOLDS.format("step")),
            (lambda w: tuned.carry(3, WEIGHT), TYPE,
             "parameters must hold Parameters, got int under 'source' in carry()"),
            (lambda w: tuned.carry(WEIGHT, w.weight), VALUE,
             "target must have the shape of its part of w, (2,), got (4, 6) in carry()"),
            (lambda w: tuned.carry(WEIGHT, WEIGHT, [99]), VALUE,
             "index must be one of (2,), got index 99 is out of bounds for axis 0 with size 2 in carry()"),
        ),
    ]  # fmt: skip


_BETAS = [(bad, TYPE, f"betas must be a pair of numbers, got {bad!r} in {{fn}}()") for bad in (0.9, "ab", (0.9,))]
OPTIMIZERS = [
    *_optimizer("SGD"), *_optimizer("Adam"), *_optimizer("AdamW"),
    *each("SGD", "momentum", BELOW_ONE, lambda w, bad: mp.SGD(0.1, momentum=bad)),
    *each("SGD", "nesterov", FLAG, lambda w, bad: mp.SGD(0.1, momentum=0.9, nesterov=bad)),
    *rows("SGD", (lambda w: mp.SGD(0.1, nesterov=True), VALUE,
                  "nesterov needs a momentum greater than 0, got momentum=0 in SGD()")),
    *each("Adam", "betas", [*_BETAS, *(((0.9, bad), *more) for bad, *more in BELOW_ONE)],
          lambda w, bad: mp.Adam(betas=bad)),
    *each("Adam", "eps", POSITIVE, lambda w, bad: mp.Adam(eps=bad)),
    *each("AdamW", "betas", _BETAS, lambda w, bad: mp.AdamW(betas=bad)),
    *each("AdamW", "weight_decay", NOT_NEGATIVE, lambda w, bad: mp.AdamW(weight_decay=bad)),
    *each("CosineDecay", "initial", POSITIVE, lambda w, bad: mp.CosineDecay(bad)),
    *each("CosineDecay", "final", real("in [0, 0.1]", -0.1, 0.2), lambda w, bad: mp.CosineDecay(0.1, bad)),
    *each("CosineDecay", "progress", real("in [0, 1]", -0.1, 5), lambda w, bad: mp.CosineDecay(0.1)(bad)),
    *each("StepDecay", "initial", POSITIVE, lambda w, bad: mp.StepDecay(bad)),
    *each("StepDecay", "factor", real("in (0, 1]", 0.0, 1.5), lambda w, bad: mp.StepDecay(0.1, bad)),
    *each("StepDecay", "progress", real("in [0, 1]", -0.1, 5), lambda w, bad: mp.StepDecay(0.1)(bad)),
    *each("StepDecay", "milestones", real("in (0, 1)", 0.0, 1.0), lambda w, bad: mp.StepDecay(0.1, milestones=[bad])),
    *rows(
        "StepDecay",
        (lambda w: mp.StepDecay(0.1, milestones=0.5), TYPE,
         "milestones must be a sequence of numbers, got 0.5 in StepDecay()"),
        (lambda w: mp.StepDecay(0.1, milestones=(0.7, 0.5)), VALUE,
         "milestones must rise, got (0.7, 0.5) in StepDecay()"),
    ),
]  # fmt: skip
