"""Parts of the machine that trains and prunes: what it draws from, what it calls wrongly, and all bits of a network."""

import copy
import pickle

import numpy as np
from hypothesis import strategies as st

import minprune as mp

LOSS = mp.SoftmaxCrossEntropy()
SEEDS = st.integers(0, 2**16)
ROWS = 6

OPTIMIZERS = {
    "SGD": mp.SGD(2**-4),
    "momentum": mp.SGD(mp.CosineDecay(2**-5), momentum=0.5),
    "Nesterov": mp.SGD(2**-6, momentum=0.9, nesterov=True),
    "Adam": mp.Adam(2**-6),
    "AdamW": mp.AdamW(2**-6, weight_decay=0.25),
}
PENALTIES = {
    "none": None,
    "L1": mp.L1(2**-4),
    "L1 by subgradient": mp.L1(2**-4, subgradient=True),
    "L2": mp.L2(2**-3),
    "L1 + L2": mp.L1(2**-6) + mp.L2(2**-4),
    "GroupLasso": mp.GroupLasso(2**-3),
}
CRITERIA = {
    "Magnitude": lambda seed: mp.Magnitude(),
    "GradientMagnitude": lambda seed: mp.GradientMagnitude(LOSS),
    "Saliency": lambda seed: mp.Saliency(LOSS),
    "Fisher": lambda seed: mp.Fisher(LOSS),
    "GraSP": lambda seed: mp.GraSP(LOSS),
    "ActivationNorm": lambda seed: mp.ActivationNorm(),
    "SynFlow": lambda seed: mp.SynFlow(rounds=3),
    "OptimalBrainSurgeon": lambda seed: mp.OptimalBrainSurgeon(rounds=1),
    "Activity": lambda seed: mp.Activity(),
    "NeuronTaylor": lambda seed: mp.NeuronTaylor(LOSS),
    "Random": lambda seed: mp.Random(rng=seed),
}
ALLOCATIONS = {
    "Global": lambda network, level: mp.Global(),
    "Uniform": lambda network, level: mp.Uniform(),
    "ErdosRenyi": lambda network, level: mp.ErdosRenyi(),
    "LAMP": lambda network, level: mp.LAMP(),
    "PerLayer": lambda network, level: mp.PerLayer({next(iter(network.prunable)): level}),
}
TILES = {"Unstructured": mp.Unstructured(), "NM": mp.NM(1, 3), "Vectors": mp.Vectors(2), "Blocks": mp.Blocks((2, 3))}
PATTERNS = TILES | {"Neurons": mp.Neurons(inputs=True)}
KERNELS = ["dense", "packed", "dense features", "packed features", "panels", "panels apart", "ell", "csr"]
COPIES = {
    "copy": lambda network: network.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
}
REFUSED = {
    "no epochs": lambda net, data: fit_once(net, data, epochs=0),
    "NaN in x": lambda net, data: fit_once(net, (data[0] * np.nan, data[1])),
    "no such class": lambda net, data: fit_once(net, (data[0], data[1] + net.outputs)),
    "a penalty on what is not there": lambda net, data: fit_once(
        net, data, penalty=mp.L1(0.1, names=["dense9.weight"])
    ),
    "a pruner of too much": lambda net, data: fit_once(net, data, pruner=mp.Pruner(mp.Random(rng=0), sparsity=1.0)),
    "all of it": lambda net, data: mp.plan(net, mp.Magnitude(), sparsity=1.0),
    "a threshold below 0": lambda net, data: mp.plan(net, mp.Magnitude(), threshold=-1.0),
    "both": lambda net, data: mp.plan(net, mp.Magnitude(), sparsity=0.5, threshold=0.5),
    "no data": lambda net, data: mp.plan(net, mp.Saliency(LOSS), sparsity=0.5),
    "a plan for another": lambda net, data: _foreign(net).apply_in_place(net),
    "a mask of numbers": lambda net, data: setattr(_weight(net), "mask", np.ones(_weight(net).shape)),
    "a mask of another shape": lambda net, data: setattr(_weight(net), "mask", np.ones((9, 9), bool)),
    "NaN as a value": lambda net, data: setattr(_weight(net), "value", np.full(_weight(net).shape, np.nan)),
    "a gradient of another shape": lambda net, data: setattr(_weight(net), "grad", np.ones(3)),
    "x of another width": lambda net, data: net(np.ones((2, net.inputs + 1))),
    "backward of another shape": lambda net, data: net.backward(np.ones((1, net.outputs + 1))),
    "parameters in a list": lambda net, data: OPTIMIZERS["Adam"].step(list(net.parameters.values())),
    "batches of none": lambda net, data: mp.compile(net, batch_size=0),
    "a kernel that is none": lambda net, data: mp.compile(net, kernels="crs"),
    "regrowth of neurons": lambda net, data: regrown(net, data, mp.SET(), mp.Neurons(inputs=True), 0.0, 0),
}


def _weight(network):
    return network.dense[0].weight


def _foreign(network):
    return mp.plan(mp.Network.mlp([network.inputs + 1, 2], rng=0), mp.Magnitude(), sparsity=0.5)


def fit_once(network, data, **options):
    settings = {"loss": LOSS, "optimizer": OPTIMIZERS["momentum"], "epochs": 1, "batch_size": ROWS, "rng": 0}
    mp.fit(network, data, **settings | options)


def regrown(network, data, regrow, pattern, t, seed):
    scores = {name: np.abs(p.value) for name, p in network.prunable.items()}
    return regrow.masks(network, scores, t, pattern=pattern, data=data, rng=np.random.default_rng(seed))


def check_counts(network, plan, gone, level, allocation, pattern):
    """See that a plan that was applied says truly what went, and that as much went as was asked for."""
    weights = {name: p.size for name, p in network.prunable.items()}
    now = {name: p.size - p.kept for name, p in network.prunable.items()}
    assert plan.achieved == sum(now.values()) == round(plan.sparsity * plan.weights)
    assert [layer.achieved for layer in plan.layers] == list(now.values())
    assert [layer.pruned_before for layer in plan.layers] == list(gone.values())
    total, before = sum(weights.values()), sum(gone.values())
    if pattern not in ("Unstructured", "NM"):
        asked = {layer.name: layer.asked for layer in plan.layers}
        if allocation in ("Global", "LAMP", "ErdosRenyi") or None in asked.values():
            assert now == gone or sum(now.values()) <= max(before, plan.requested)
        else:  # each layer by itself, whatever another had lost before
            assert all(now[name] <= max(gone[name], asked[name]) for name in weights)
    elif allocation in ("Global", "LAMP", "ErdosRenyi"):
        assert sum(now.values()) == max(before, round(level * total))
    elif allocation == "Uniform":
        assert now == {name: max(gone[name], round(level * weights[name])) for name in weights}
    else:
        first, *others = weights
        assert now[first] == max(gone[first], round(level * weights[first]))
        assert all(now[name] == gone[name] for name in others)


def digest(network):
    """Every bit of a network: values, gradients, masks, and what optimizers remember."""
    found = {}
    for name, p in network.parameters.items():
        states = {
            key: (p.states[optimizer].steps, {slot: a.tobytes() for slot, a in p.states[optimizer].arrays.items()})
            for key, optimizer in OPTIMIZERS.items()
            if optimizer in p.states
        }
        found[name] = (p.value.tobytes(), p.grad.tobytes(), p.mask.tobytes(), states)
    return found


def arrays_of(network):
    """Every array that belongs to a network."""
    for p in network.parameters.values():
        yield from (p.value, p.grad, p.mask)
        for state in p.states.values():
            yield from state.arrays.values()
