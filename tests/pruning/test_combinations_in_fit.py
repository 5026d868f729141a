"""Every schedule with every allocation, pattern and regrowth inside `fit`: it lands, and has its shape all along."""

import numpy as np
import pytest
from combining import (
    ALLOCATIONS,
    CRITERIA,
    LOSS,
    PATTERNS,
    REGROWTH,
    SCHEDULES,
    assert_counted,
    assert_gone_is_zero,
    assert_shape,
    budgets,
    meant,
    problem,
    request,
)

import minprune as mp

STEPS = 8
LISTENS = "Movement"  # and so begins afresh in each training


class Watch:
    """Looks at the network right after the pruner, before each step."""

    def __init__(self, pruner, network):
        self.pruner, self.before, self.seen, self.moved = pruner, network.copy(), 0, 0
        self.masks = {name: p.mask for name, p in network.parameters.items()}

    def before_step(self, network, step):
        masks = {name: p.mask for name, p in network.parameters.items()}
        if len(self.pruner.updates) > self.seen:
            self.seen += 1
            update, plan = self.pruner.updates[-1], self.pruner.plan
            assert (update.step, update.achieved) == (step, network.sparsity)
            assert_shape(self.before, masks, self.pruner.pattern, regrown=self.pruner.regrow is not None)
            for name, p in network.prunable.items():  # what regrows takes the place of what it drops
                assert p.kept == np.count_nonzero(plan.masks[name])
                self.moved += np.count_nonzero(p.mask & ~plan.masks[name])
        if self.pruner.regrow is None:
            assert not any((masks[name] & ~self.masks[name]).any() for name in masks)
        self.masks = masks


def _train(network, data, pruner, callbacks=()):
    settings = {"optimizer": mp.SGD(0.05, momentum=0.9), "epochs": 2, "batch_size": 10, "rng": 0}
    mp.fit(network, data, loss=LOSS, pruner=pruner, callbacks=callbacks, **settings)
    return settings["optimizer"]


def _check_fit(criterion, allocation, pattern, schedule, regrow="none", given="relu"):
    given = problem(given)
    asked, network = request(given, allocation, pattern), given.network.copy()
    criterion = mp.Movement() if criterion == LISTENS else CRITERIA[criterion](given)
    pruner = mp.Pruner(criterion, schedule=SCHEDULES[schedule], regrow=REGROWTH[regrow], **asked)
    watch = Watch(pruner, network)
    optimizer = _train(network, given.data, pruner, [watch])

    assert pruner.finished
    assert [update.step for update in pruner.updates] == list(SCHEDULES[schedule].due(STEPS))
    assert watch.seen == len(pruner.updates)
    masks = {name: p.mask for name, p in network.parameters.items()}
    full = pattern == "NM-all" and allocation == "Global"
    assert_shape(given.network, masks, asked["pattern"], full=full, regrown=regrow != "none")
    assert_counted(given.network, masks, budgets(given.network, pruner.plan, **asked), asked["pattern"])
    assert_gone_is_zero(network, optimizer)
    achieved = [update.achieved for update in pruner.updates]
    assert achieved == sorted(achieved)
    assert pruner.updates[-1].grown == 0
    return watch.moved


def _every(*parts):
    """Return all combinations of members that can be meant, by name."""
    combined = [()]
    for part in parts:
        combined = [(*names, name) for names in combined for name in part if meant(*names, name)]
    return [pytest.param(*names, id="-".join(names)) for names in combined]


@pytest.mark.parametrize(("allocation", "pattern", "schedule"), _every(ALLOCATIONS, PATTERNS, SCHEDULES))
def test_fit_by_magnitude(allocation, pattern, schedule):
    _check_fit("Magnitude", allocation, pattern, schedule)


others = [name for name in CRITERIA if name != "Magnitude"]


@pytest.mark.parametrize(
    ("criterion", "allocation", "pattern", "schedule"),
    _every(others, ["LAMP"], ["Unstructured", "Neurons-inputs"], ["OneShot", "Cubic"])
    + _every([LISTENS], ALLOCATIONS, PATTERNS, ["Linear"]),
)
def test_fit_by_other_criteria(criterion, allocation, pattern, schedule):
    _check_fit(criterion, allocation, pattern, schedule)


@pytest.mark.parametrize(
    ("criterion", "allocation", "pattern", "schedule"),
    _every(["NeuronTaylor", "OptimalBrainSurgeon"], ALLOCATIONS, PATTERNS, ["Geometric"]),
)
def test_fit_from_a_network_that_was_pruned_before(criterion, allocation, pattern, schedule):
    _check_fit(criterion, allocation, pattern, schedule, given="tanh")


@pytest.mark.parametrize(
    ("allocation", "pattern", "schedule", "regrow"),
    _every(ALLOCATIONS, PATTERNS, SCHEDULES, ["RigL", "SET"]),
)
def test_fit_with_regrowth(allocation, pattern, schedule, regrow):
    moved = _check_fit("Magnitude", allocation, pattern, schedule, regrow)
    assert moved > 0
