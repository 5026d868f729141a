"""Random journeys, new ones each run: train, prune, fine-tune, regrow, compact, compile, keep; laws at every step.

The seed is drawn anew, also where ``CI=true``: that is the point of it. It is shown at the end of every run, and a
failure says how to repeat it: ``MINPRUNE_SEED=… pytest tests/test_randomised.py``.
"""

import os
import secrets
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from journeys import (
    KERNELS,
    Journey,
    a_criterion,
    a_network,
    a_pattern,
    a_recipe,
    a_regrowth,
    a_schedule,
    an_allocation,
    some_data,
)

import minprune as mp
from minprune.errors import BudgetError, InvalidValueError

sys.path.append(str(Path(__file__).parent / "inference"))  # for when this file is run alone
from packing import rounding

SEED = int(os.environ.get("MINPRUNE_SEED") or secrets.randbits(32))
JOURNEYS = 20


class _Summary:
    """Shows the seed at the end of the run, whatever came out."""

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.write_line(f"random journeys from MINPRUNE_SEED={SEED}")


@pytest.fixture(scope="module")
def seed(pytestconfig):
    if not pytestconfig.pluginmanager.has_plugin("journeys"):
        pytestconfig.pluginmanager.register(_Summary(), "journeys")
    return SEED


@pytest.mark.parametrize("number", range(JOURNEYS))
def test_journey(number, seed, tmp_path, record_property):
    record_property("MINPRUNE_SEED", seed)
    trip = Journey(np.random.default_rng([seed, number]))
    try:
        travel(trip, tmp_path)
    except BaseException as error:
        error.add_note(f"To repeat it: MINPRUNE_SEED={seed} pytest 'tests/test_randomised.py::test_journey[{number}]'")
        error.add_note("\n".join(trip.said))
        raise


def travel(trip, folder):
    net, loss = a_network(trip)
    batch = some_data(trip, net, loss)
    recipe = a_recipe(trip, loss, len(batch[0]))
    train(net, batch, recipe)
    assert net.sparsity == 0
    for _ in range(2):  # the second time of what is sparse already
        prune = trip.one_of([prune_at_once, prune_while_training, prune_in_rounds])
        trip.say("way", prune.__name__)
        net = prune(trip, net, batch, loss, recipe)
        check(net)
        train(net, batch, recipe)
        regrow(trip, net, batch, loss)
        train(net, batch, recipe)
        check_copies(net)
        check_packed(trip, net, batch[0])
        check_kept(net, batch[0], folder, packed=trip.one_of([True, False]))
        check_measures(net, batch, loss)


# ── the way ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Watcher:
    """Looks at every step of a training, when gradients are there and before the next."""

    def __init__(self, recipe):
        self.optimizer = recipe["optimizer"]

    def before_step(self, network, step):
        check(network, self.optimizer)

    def after_epoch(self, network, history):
        check(network, self.optimizer)


def train(net, batch, recipe):
    """Train, and see that masks stay, dropped weights stay 0, and the seed repeats."""
    masks, twin = {name: p.mask for name, p in net.parameters.items()}, net.copy()
    watched = recipe()
    mp.fit(net, batch, callbacks=[Watcher(watched)], **watched)
    mp.fit(twin, batch, **recipe())
    assert all(np.array_equal(p.mask, masks[name]) for name, p in net.parameters.items())
    assert digest(net) == digest(twin)


def prune_at_once(trip, net, batch, loss, recipe):
    criterion, pattern, level = a_criterion(trip, loss), a_pattern(trip, net), asked(trip)
    allocation = an_allocation(trip, net, pattern, level)
    before, least = digest(net), trip.one_of([0, 1, 2])
    request = {"allocation": allocation, "pattern": pattern, "data": batch, "min_keep": least}
    if not isinstance(allocation, mp.PerLayer):
        request["sparsity"] = level
    try:
        plan = mp.plan(net, criterion, **request)
    except BudgetError as error:
        trip.say("refused", str(error))
        return net
    finally:
        assert digest(net) == before
    pruned = plan.apply(net)
    assert digest(net) == before
    check_counts(net, pruned, plan, allocation, pattern, level, least)
    name = trip.one_of(list(net.prunable))
    index = tuple(int(trip.rng.integers(n)) for n in net.parameters[name].shape)
    assert (plan.explain(name, index).verdict == "stays") == pruned.parameters[name].mask[index]
    again = mp.plan(pruned, criterion, **request)
    fixed = isinstance(criterion, mp.Magnitude | mp.Random)  # others see another network: a smaller tile may go first
    if fixed or (isinstance(pattern, mp.Unstructured | mp.NM) and not plan.values):
        assert same_masks(again.apply(pruned), pruned)
    return pruned


def prune_while_training(trip, net, batch, loss, recipe):
    criterion = trip.one_of([a_criterion(trip, loss), mp.Movement()])
    pattern, level, settings = a_pattern(trip, net), asked(trip), recipe()
    allocation = an_allocation(trip, net, pattern, level)
    steps = settings["epochs"] * -(-len(batch[0]) // settings["batch_size"])
    schedule = a_schedule(trip, steps)
    options = {"schedule": schedule, "allocation": allocation, "pattern": pattern}
    if not isinstance(allocation, mp.PerLayer):
        options["sparsity"] = level
    pruner = mp.Pruner(criterion, regrow=a_regrowth(trip, loss, pattern, schedule), **options)
    work = net.copy()
    try:
        mp.fit(work, batch, pruner=pruner, callbacks=[Watcher(settings)], **settings)
    except InvalidValueError as error:
        if "has seen no training" not in str(error) and not isinstance(
            error, BudgetError
        ):  # Movement needs a step before that
            raise
        if isinstance(pattern, mp.Neurons) and digest(work) != digest(net):
            check(work)  # how many weights can go hangs on which neurons must stay, and that changes as they learn
            return work
        assert digest(work) == digest(net)
        trip.say("refused", str(error))
        return net
    assert pruner.finished
    assert work.sparsity == pruner.updates[-1].achieved
    if isinstance(pattern, mp.Unstructured | mp.NM) and not isinstance(allocation, mp.PerLayer | mp.Uniform):
        assert gone(work) == max(gone(net), round(level * net.weights))
    return work


def prune_in_rounds(trip, net, batch, loss, recipe):
    if net.kept == 0:
        return net
    level, before = max(asked(trip), net.sparsity), digest(net)
    try:
        rounds = mp.prune_iteratively(
            net, a_criterion(trip, loss), sparsity=level, rounds=2, data=batch,
            train=lambda each: mp.fit(each, batch, **recipe()),
        )  # fmt: skip
    except BudgetError as error:
        trip.say("refused", str(error))
        return net
    finally:
        assert digest(net) == before
    assert all(a.sparsity <= b.sparsity for a, b in pairwise(rounds))
    assert gone(rounds.network) == max(gone(net), round(level * net.weights))
    return rounds.network


def regrow(trip, net, batch, loss):
    """As many come as go, and what comes is 0."""
    kind, pattern = trip.one_of([mp.SET(0.5), mp.RigL(loss, 0.5)]), trip.one_of([mp.Unstructured(), mp.Vectors(2)])
    scores = {name: np.abs(p.value) for name, p in net.prunable.items()}
    masks = kind.masks(net, scores, 0.25, pattern=pattern, data=batch, rng=trip.rng)
    for name, mask in masks.items():
        p = net.parameters[name]
        grown = mask & ~p.mask
        assert np.count_nonzero(mask) == p.kept
        p.mask = mask
        assert not p.value[grown].any()
    check(net)


def asked(trip):
    return trip.say("sparsity", round(float(trip.rng.random() ** 0.5 * 0.97), 3))


# ── the laws ────────────────────────────────────────────────────────────────────────────────────────────────────────


def gone(net):
    return sum(int((~p.mask).sum()) for p in net.prunable.values())


def digest(net):
    return {name: (p.value.tobytes(), p.grad.tobytes(), p.mask.tobytes()) for name, p in net.parameters.items()}


def same_masks(a, b):
    return all(
        np.array_equal(p.mask, q.mask) for p, q in zip(a.parameters.values(), b.parameters.values(), strict=True)
    )


def check(net, optimizer=None):
    """What is dropped is +0.0 to the last bit, in value and state; everything is finite; counts come from masks."""
    for name, p in net.parameters.items():
        state = [] if optimizer not in p.states else p.states[optimizer].arrays.values()
        for array in (p.value, *state):
            assert array.dtype == net.dtype
            assert not array[~p.mask].view(f"u{array.itemsize}").any(), name
        assert np.isfinite(p.value).all()
    assert net.sparsity == 1 - (net.weights - gone(net)) / net.weights


def check_counts(net, pruned, plan, allocation, pattern, level, least):
    """Exact for single weights; for larger units no more than asked, and in every shape nothing comes back."""
    was, now = ([int((~p.mask).sum()) for p in each.prunable.values()] for each in (net, pruned))
    sizes = [p.size for p in net.prunable.values()]
    assert all(
        (q.mask <= p.mask).all() for p, q in zip(net.parameters.values(), pruned.parameters.values(), strict=True)
    )
    assert plan.achieved == sum(now)
    assert [layer.achieved for layer in plan.layers] == now
    if isinstance(allocation, mp.PerLayer):
        levels = [allocation.sparsities[name] for name in net.prunable]
    else:
        levels = [level] * len(sizes)
    each = [max(gone, round(share * size)) for gone, share, size in zip(was, levels, sizes, strict=True)]
    if not isinstance(pattern, mp.Unstructured | mp.NM):
        in_layers = isinstance(allocation, mp.PerLayer | mp.Uniform) and not isinstance(pattern, mp.Neurons)
        within = all(n <= most for n, most in zip(now, each, strict=True))
        assert within if in_layers else now == was or sum(now) <= max(sum(was), round(level * net.weights))
    elif isinstance(allocation, mp.Uniform | mp.PerLayer):
        assert now == each
    else:
        assert sum(now) == max(sum(was), round(level * net.weights))
    if isinstance(pattern, mp.Unstructured | mp.NM):
        assert all(n == w or s - n >= min(least, s - w) for n, w, s in zip(now, was, sizes, strict=True))


def check_copies(net):
    """A copy is equal and shares nothing: what is done to it is not done to the network."""
    before, twin = digest(net), net.copy()
    assert digest(twin) == before
    for p in twin.parameters.values():
        p.value[...] = 7
        p.grad[...] = 7
        p.mask = ~p.mask
    assert digest(net) == before


def check_packed(trip, net, x):
    """Masked ≡ compacted ≡ program, and none of them touches the network."""
    before, expected = digest(net), net(x)
    close, small = rounding(net, x.astype(net.dtype)), mp.compact(net)
    assert (np.abs(small(x) - expected) <= close).all()
    assert [p.shape for p in mp.compact(small).parameters.values()] == [p.shape for p in small.parameters.values()]
    for into, out in pairwise(layer.weight.mask for layer in small.dense):
        assert into.any(axis=0).all()
        assert out.any(axis=1).all()
    size, kernel = int(trip.rng.integers(1, 9)), trip.say("kernel", trip.one_of([None, *KERNELS]))
    program = mp.compile(trip.one_of([net, small]), kernels=kernel, batch_size=size, seconds=0)
    first = program(x)
    kept = first.copy()
    assert (np.abs(first - expected) <= close).all()
    parts = np.concatenate([program(x[i : i + size]) for i in range(0, len(x), size)])
    assert (np.abs(parts - expected) <= close).all()
    assert np.array_equal(first, kept)
    assert digest(net) == before


def check_kept(net, x, folder, *, packed):
    """What is loaded is the network bit for bit, and keeping it again gives the same bytes."""
    path = mp.save(net, folder / "a.safetensors", packed=packed, overwrite=True)
    back = mp.load(path)
    for (name, p), (other, q) in zip(net.parameters.items(), back.parameters.items(), strict=True):
        assert (name, p.value.tobytes(), p.mask.tobytes()) == (other, q.value.tobytes(), q.mask.tobytes())
    assert list(map(repr, back.layers)) == list(map(repr, net.layers))
    assert np.array_equal(back(x), net(x))
    again = mp.save(back, folder / "b.safetensors", packed=packed, overwrite=True)
    assert again.read_bytes() == path.read_bytes()


def check_measures(net, batch, loss):
    found = mp.analyze(net, batch[0])
    assert found.total.weights - found.total.kept == gone(net)
    assert found.total.live <= found.total.kept
    if not isinstance(loss, mp.MeanSquaredError):
        assert mp.evaluate(net, batch).accuracy == np.mean(net.predict(batch[0]) == batch[1])
