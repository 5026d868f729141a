"""Train, prune, regrow, undo, copy, refuse, in any order: masks are obeyed, counts are right, nothing leaks.

The model is a *twin* that knows no masks: an equal network, all of it kept, from which the dropped weights are taken by
hand after each step. Every rule of training works on each number by itself, so the two agree to the last bit.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from machine_parts import (
    ALLOCATIONS,
    COPIES,
    CRITERIA,
    KERNELS,
    LOSS,
    OPTIMIZERS,
    PATTERNS,
    PENALTIES,
    REFUSED,
    ROWS,
    SEEDS,
    TILES,
    arrays_of,
    check_counts,
    digest,
    fit_once,
    regrown,
)  # fmt: skip

import minprune as mp
from minprune.errors import BudgetError, MinpruneError

sys.path.append(str(Path(__file__).parent / "inference"))  # for when this file is run alone
from packing import rounding


class Training(RuleBasedStateMachine):
    """A network, its twin, and the copies that were made on the way, which must stay what they were."""

    @initialize(
        widths=st.lists(st.integers(1, 5), min_size=2, max_size=4),
        activation=st.sampled_from([mp.ReLU, mp.LeakyReLU, mp.Tanh, mp.Sigmoid, mp.GELU]),
        dropout=st.booleans(),
        bias=st.booleans(),
        dtype=st.sampled_from([np.float32, np.float64]),
        seed=SEEDS,
    )
    def begin(self, widths, activation, dropout, bias, dtype, seed):
        draws = np.random.default_rng(seed)
        widths = [*widths[:-1], widths[-1] + 1]
        layers = []
        for k in range(len(widths) - 1):
            layers += [activation()] + [mp.Dropout(0.25)] * dropout if k else []
            b = draws.integers(-8, 9, widths[k + 1]).astype(dtype) / 8 if bias else None
            layers.append(mp.Dense.from_arrays(draws.integers(-8, 9, widths[k : k + 2]).astype(dtype) / 8, b))
        self.network = mp.Network(layers)
        self.twin = self.network.copy()
        self.past = []
        self.x = (draws.integers(-16, 17, (ROWS, self.network.inputs)) / 8).astype(dtype)
        self.data = (self.x, draws.integers(0, self.network.outputs, ROWS))

    def drop_from_twin(self):
        """Take from the twin what is dropped, one array at a time."""
        for p, q in zip(self.network.parameters.values(), self.twin.parameters.values(), strict=True):
            for array in (q.value, q.grad, *(a for state in q.states.values() for a in state.arrays.values())):
                array[~p.mask] = 0

    def start_twin_anew(self):
        """Have an equal twin, whose optimizers go on where the network's are."""
        self.twin = self.network.copy()
        for p, q in zip(self.network.parameters.values(), self.twin.parameters.values(), strict=True):
            q.mask = np.ones(p.shape, np.bool_)
            for optimizer in p.states:
                optimizer.carry(p, q)

    # ── training ────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(optimizer=st.sampled_from(list(OPTIMIZERS)), penalty=st.sampled_from(list(PENALTIES)), seed=SEEDS)
    def train(self, optimizer, penalty, seed):
        before = digest(self.network)
        chosen = {"optimizer": OPTIMIZERS[optimizer], "penalty": PENALTIES[penalty], "rng": seed}
        fit_once(self.network, self.data, **chosen)
        assert all(p.states[OPTIMIZERS[optimizer]].steps >= 1 for p in self.network.parameters.values())
        if penalty == "GroupLasso":  # it counts how many of a group are kept
            self.start_twin_anew()
            return
        fit_once(self.twin, self.data, **chosen)
        self.drop_from_twin()
        assert {name: now[2] for name, now in digest(self.network).items()} == {n: was[2] for n, was in before.items()}

    @rule(level=st.floats(0, 0.6), epochs=st.integers(1, 3), seed=SEEDS, tickets=st.sampled_from([None, "SET", "RigL"]))
    def train_with_a_pruner(self, level, epochs, seed, tickets):
        """It ends at exactly what was asked, unless more is gone already or it is refused beforehand."""
        weights, gone, before = self.network.weights, self.network.weights - self.network.kept, digest(self.network)
        regrow = {"SET": mp.SET(0.5), "RigL": mp.RigL(LOSS, 0.5)}.get(tickets)
        pruner = mp.Pruner(mp.Magnitude(), sparsity=level, schedule=mp.Linear(0.0, 1.0, updates=3), regrow=regrow)
        try:
            fit_once(self.network, self.data, epochs=epochs, batch_size=3, pruner=pruner, rng=seed)
        except BudgetError:
            assert digest(self.network) == before
            return
        assert weights - self.network.kept == max(gone, round(level * weights))
        self.start_twin_anew()

    @rule(optimizer=st.sampled_from(list(OPTIMIZERS)))
    def diverge(self, optimizer):
        """A loss that turns infinite leaves the last finite weights, and the optimizer forgets."""
        before = digest(self.network)
        huge = np.finfo(self.network.dtype).max
        wild = self.network.copy()
        for p in wild.prunable.values():
            p.value = np.full(p.shape, huge / 2)
        values = digest(wild)
        try:
            fit_once(wild, (np.full_like(self.x, 8.0), self.data[1]), optimizer=OPTIMIZERS[optimizer])
        except MinpruneError:
            assert {name: now[0] for name, now in digest(wild).items()} == {n: was[0] for n, was in values.items()}
            assert not any(OPTIMIZERS[optimizer] in p.states for p in wild.parameters.values())
        assert digest(self.network) == before

    # ── pruning and regrowth ────────────────────────────────────────────────────────────────────────────────────────

    @rule(
        criterion=st.sampled_from(list(CRITERIA)),
        allocation=st.sampled_from(list(ALLOCATIONS)),
        pattern=st.sampled_from(list(PATTERNS)),
        level=st.floats(0, 0.95) | st.floats(0, 0.5),
        min_keep=st.sampled_from([0, 1, 2]),
        in_place=st.booleans(),
        seed=SEEDS,
    )
    def prune(self, criterion, allocation, pattern, level, min_keep, in_place, seed):
        network, before = self.network, digest(self.network)
        gone = {name: p.size - p.kept for name, p in network.prunable.items()}
        asked = {"allocation": ALLOCATIONS[allocation](network, level), "pattern": PATTERNS[pattern]}
        if allocation != "PerLayer":
            asked["sparsity"] = level
        if allocation == "PerLayer" and pattern == "Neurons":
            return  # the last layer has no neurons to go
        try:
            plan = mp.plan(network, CRITERIA[criterion](seed), data=self.data, min_keep=min_keep, **asked)
        except BudgetError:
            assert digest(network) == before
            return
        pruned = network if in_place else plan.apply(network)
        assert digest(network) == before
        if in_place:
            plan.apply_in_place(network)
        self.network = pruned
        check_counts(pruned, plan, gone, level, allocation, pattern)
        for name, mask in plan.masks.items():
            was = np.frombuffer(before[name][2], np.bool_).reshape(mask.shape)
            np.testing.assert_array_equal(pruned.parameters[name].mask, was & mask)  # nothing comes back
        again = plan.apply(pruned)
        assert digest(again) == digest(pruned.copy())
        if in_place and not plan.values:
            self.drop_from_twin()
        else:
            self.start_twin_anew()

    @rule(threshold=st.floats(0, 1), min_keep=st.sampled_from([0, 1]))
    def prune_below(self, threshold, min_keep):
        before = digest(self.network)
        exact = np.float64(threshold)  # a plain float would be rounded to float32, a tiny one to 0
        kept = {name: p.mask & (np.abs(p.value) >= exact) for name, p in self.network.prunable.items()}
        try:
            plan = mp.plan(self.network, mp.Magnitude(), threshold=threshold, min_keep=min_keep)
        except BudgetError:
            assert digest(self.network) == before
            assert any(not mask.any() for mask in kept.values())
            return
        plan.apply_in_place(self.network)
        for name, mask in kept.items():
            np.testing.assert_array_equal(self.network.parameters[name].mask, mask)
        self.drop_from_twin()

    @rule(level=st.floats(0, 0.5), seed=SEEDS)
    def apply_what_was_planned_when_all_was_there(self, level, seed):
        """A plan that knows nothing of what is gone since brings nothing of it back."""
        plan = mp.plan(self.twin, mp.Random(rng=seed), sparsity=level, min_keep=0)
        kept = {name: p.mask & plan.masks[name] for name, p in self.network.prunable.items()}
        plan.apply_in_place(self.network)
        for name, mask in kept.items():
            np.testing.assert_array_equal(self.network.parameters[name].mask, mask)
        self.drop_from_twin()

    @rule(kind=st.sampled_from(["SET", "RigL"]), pattern=st.sampled_from(list(TILES)), t=st.floats(0, 1), seed=SEEDS)
    def regrow(self, kind, pattern, t, seed):
        """As many come as go, and what comes is new: no weight, no gradient, no memory."""
        regrow, before = {"SET": mp.SET(0.75), "RigL": mp.RigL(LOSS, 0.75)}[kind], digest(self.network)
        masks = regrown(self.network, self.data, regrow, TILES[pattern], t, seed)
        assert digest(self.network) == before
        for name, mask in masks.items():
            p, q = self.network.parameters[name], self.twin.parameters[name]
            assert np.count_nonzero(mask) == p.kept
            grown = mask & ~p.mask
            p.mask = mask
            for array in (p.value, p.grad, *(a for state in p.states.values() for a in state.arrays.values())):
                assert not array[grown].any()
            q.value[grown] = 0
        self.drop_from_twin()

    @rule(seed=SEEDS)
    def shuffle(self, seed):
        kept = {name: p.kept for name, p in self.network.prunable.items()}
        masks = mp.shuffled({name: p.mask for name, p in self.network.prunable.items()}, rng=seed)
        for name, mask in masks.items():
            self.network.parameters[name].mask = mask
        assert {name: p.kept for name, p in self.network.prunable.items()} == kept
        self.drop_from_twin()

    @rule(name=st.sampled_from(["weight", "bias"]), full=st.booleans())
    def mask_one_layer(self, name, full):
        """All of it goes, or all of it comes back."""
        p = getattr(self.network.dense[-1], name)
        if p is not None:
            p.mask = np.full(p.shape, full)
            self.drop_from_twin()

    # ── copies and undo ─────────────────────────────────────────────────────────────────────────────────────────────

    @rule(how=st.sampled_from(list(COPIES)))
    def remember(self, how):
        twin = COPIES[how](self.network)
        states = {name: (*bits[:3], {}) for name, bits in digest(self.network).items()}
        assert digest(twin) == states  # a copy remembers no steps
        self.past = [*self.past, (twin, digest(twin))][-4:]

    @rule(data=st.data())
    def undo(self, data):
        if self.past:
            self.network = data.draw(st.sampled_from([network for network, _ in self.past])).copy()
            self.start_twin_anew()

    # ── packing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule()
    def pack_down(self):
        """What is left after folding gives the same, and the network is not touched."""
        before, expected = digest(self.network), self.network(self.x)
        small = mp.compact(self.network)
        assert (np.abs(small(self.x) - expected) <= rounding(self.network, self.x)).all()
        assert small.kept <= self.network.kept
        assert digest(self.network) == before

    @rule(kernel=st.sampled_from(KERNELS), batch=st.sampled_from([1, ROWS]))
    def pack(self, kernel, batch):
        before, expected = digest(self.network), self.network(self.x)
        program = mp.compile(self.network, kernels=kernel, batch_size=batch)
        parts = [program(self.x[i : i + batch]) for i in range(0, ROWS, batch)]
        assert (np.abs(np.concatenate(parts) - expected) <= rounding(self.network, self.x)).all()
        assert (program.kept, program.sparsity) == (self.network.kept, self.network.sparsity)
        assert digest(self.network) == before

    @rule(call=st.sampled_from(list(REFUSED)))
    def refuse(self, call):
        before = digest(self.network)
        with pytest.raises(MinpruneError):
            REFUSED[call](self.network, self.data)
        assert digest(self.network) == before

    # ── what holds all the time ─────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def what_is_dropped_is_plus_zero_to_the_last_bit(self):
        for name, p in self.network.parameters.items():
            for array in (p.value, p.grad, *(a for state in p.states.values() for a in state.arrays.values())):
                assert not array[~p.mask].view(f"u{array.itemsize}").any(), name
                assert np.isfinite(array).all(), name

    @invariant()
    def masks_are_masks_and_counts_come_from_them(self):
        kept = 0
        for p in self.network.parameters.values():
            assert (p.mask.dtype, p.mask.shape, p.mask.flags.writeable) == (np.bool_, p.shape, False)
            assert p.kept == np.count_nonzero(p.mask)
            assert p.is_masked == (not p.mask.all())
            np.testing.assert_array_equal(p.kept_at, np.flatnonzero(p.mask))
            assert p.value.flags.c_contiguous
            assert p.value.dtype == p.grad.dtype == self.network.dtype
            kept += np.count_nonzero(p.mask) if p.prunable else 0
        assert self.network.kept == kept
        assert self.network.sparsity == 1 - kept / self.network.weights

    @invariant()
    def it_is_its_twin_to_the_last_bit(self):
        for p, q in zip(self.network.parameters.values(), self.twin.parameters.values(), strict=True):
            assert p.value.tobytes() == q.value.tobytes(), p.name
            assert q.mask.all()
            for optimizer, state in p.states.items():
                for slot, array in state.arrays.items():
                    assert array.tobytes() == q.states[optimizer].arrays[slot].tobytes(), (p.name, slot)
        assert np.isfinite(self.network(self.x)).all()
        assert self.network(self.x).tobytes() == self.twin(self.x).tobytes()

    @invariant()
    def copies_stay_what_they_were_and_nothing_is_shared(self):
        assert all(digest(network) == bits for network, bits in self.past)
        networks = [self.network, self.twin, *(network for network, _ in self.past)]
        spans = sorted((a.__array_interface__["data"][0], a.nbytes) for net in networks for a in arrays_of(net))
        assert all(begin + size <= after for (begin, size), (after, _) in pairwise(spans))


EXAMPLES = settings.default.max_examples  # of a profile: 30 in dev, 60 in ci; here they cost more, and find more
TestTraining = Training.TestCase
TestTraining.settings = settings(max_examples=10 if EXAMPLES < 60 else max(200, EXAMPLES), stateful_step_count=40)
