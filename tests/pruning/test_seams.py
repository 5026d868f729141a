"""The seams: a new member of each of the questions is one short class, and nothing else changes."""

import numpy as np
import pytest

import minprune as mp
from minprune.pruning.allocation import Allocation, Group
from minprune.pruning.criteria import Criterion, mean_gradients
from minprune.pruning.patterns import Tiling
from minprune.pruning.regrowth import Regrowth
from minprune.pruning.schedules import Schedule

LOSS = mp.SoftmaxCrossEntropy()


class WeightTimesGradient(Criterion):
    needs_data = True

    def scores(self, network, data=None):
        gradients = mean_gradients(network, data, LOSS, 64)
        return {name: np.abs(p.value * gradients[name]) for name, p in network.prunable.items()}


class OutputSpared(Allocation):
    def groups(self, units, sparsity):
        *hidden, _ = units.scores
        return [Group(tuple(hidden), round(sparsity * sum(units.total[name] for name in hidden)))]


class Squares(Tiling):
    noun = "square"

    def numbers(self, shape):
        rows, columns = np.indices(shape)
        return rows // 2 * -(-shape[1] // 2) + columns // 2


class Early(Schedule):
    def ramp(self, t):
        return t**0.5


class Strongest(Regrowth):
    """Grow between neurons of which many connections live."""

    def promise(self, network, data, rng):
        masks = {name: p.mask for name, p in network.prunable.items()}
        return {n: np.add.outer(m.sum(axis=1), m.sum(axis=0)).astype(float) for n, m in masks.items()}


class Norms:
    def __init__(self):
        self.seen = []

    def after_backward(self, network, step):
        self.seen.append(max(np.abs(p.grad).max() for p in network.parameters.values()))


@pytest.fixture
def data():
    draws = np.random.default_rng(0)
    x = draws.standard_normal((60, 6))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def _squares(mask):
    return [mask[i : i + 2, j : j + 2] for i in range(0, mask.shape[0], 2) for j in range(0, mask.shape[1], 2)]


def test_a_new_criterion_allocation_and_pattern_in_plan(data):
    network = mp.Network.mlp([6, 8, 7, 2], rng=0)
    parts = {"allocation": OutputSpared(), "pattern": Squares()}
    plan = mp.plan(network, WeightTimesGradient(), sparsity=0.5, data=data, **parts)
    assert plan.recipe == "WeightTimesGradient() · OutputSpared() · Squares(reduce='mean_square') · sparsity 0.5"
    pruned = plan.apply(network)
    assert pruned.parameters["dense3.weight"].mask.all()
    assert plan.requested == round(0.5 * (48 + 56))
    assert 0 <= plan.requested - plan.achieved < 4
    for p in pruned.prunable.values():
        assert all(square.all() or not square.any() for square in _squares(p.mask))
    gone = [(n, at) for n, p in pruned.prunable.items() for at in zip(*np.nonzero(~p.mask), strict=True)]
    name, at = gone[0]
    assert "in square" in str(plan.explain(name, at))
    assert plan.explain(name, at).verdict == "goes"


def test_all_of_them_in_fit(data):
    network, norms = mp.Network.mlp([6, 8, 7, 2], rng=0), Norms()
    pruner = mp.Pruner(
        WeightTimesGradient(),
        sparsity=0.75,
        allocation=OutputSpared(),
        pattern=Squares(reduce="sum"),
        schedule=Early(0.0, 0.5, updates=4),
        regrow=Strongest(),
        samples=30,
    )
    settings = {"loss": LOSS, "optimizer": mp.Adam(0.01), "epochs": 4, "batch_size": 20, "rng": 0}
    history = mp.fit(network, data, pruner=pruner, callbacks=[norms], **settings)
    assert len(norms.seen) == 12
    assert min(norms.seen) > 0
    assert [u.step for u in pruner.updates] == [2, 3, 5, 6]
    assert any(u.grown for u in pruner.updates)
    # Half of the way at once, and the rest is missed by less than a square.
    assert [round(u.target * network.weights) for u in pruner.updates] == [
        round(0.75 * (k / 4) ** 0.5 * 104) for k in (1, 2, 3, 4)
    ]
    assert all(0 <= u.target - u.achieved < 4 / network.weights for u in pruner.updates)
    assert history["sparsity"][-1] == network.sparsity == pruner.updates[-1].achieved
    for p in network.prunable.values():
        assert all(square.all() or not square.any() for square in _squares(p.mask))
        assert p.value[~p.mask].tobytes() == bytes(p.value[~p.mask].nbytes)


def test_a_new_part_is_one_short_class():
    import inspect

    for part in (WeightTimesGradient, OutputSpared, Squares, Early, Strongest, Norms):
        assert len(inspect.getsource(part).splitlines()) <= 10
