"""Tuning: which kernel is taken, by a clock that only the kernels move."""

import numpy as np
import pytest
from matrices import bits

from minprune.inference import tuning
from minprune.inference.kernels import LayerWeights
from minprune.inference.tuning import fastest

LAYER = LayerWeights(np.ones((3, 2), np.float32), np.ones((3, 2), bool), 5, np.arange(3))
US = 1000


class _Clock:
    def __init__(self):
        self.now, self.called = 0, []

    def kernel(self, name, *nanoseconds, then=None):
        """A kernel whose calls take these times, and `then` that of all later ones (the last one if not given)."""
        return _Kernel(self, name, list(nanoseconds), nanoseconds[-1] if then is None else then)


class _Kernel:
    def __init__(self, clock, name, first, then):
        self.clock, self.name, self.first, self.then = clock, name, first, then
        self.shapes, self.rows = set(), set()

    def __call__(self, x, out):
        self.clock.called.append(self.name)
        self.clock.now += self.first.pop(0) if self.first else self.then
        self.shapes.add((x.shape, x.dtype, out.shape, out.dtype))
        self.rows.add(bits(x))
        assert x.flags.c_contiguous
        assert out.flags.c_contiguous


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(tuning, "perf_counter_ns", lambda: clock.now)
    return clock


def _names(kernels, seconds=1e-3):
    best, times = fastest(kernels, LAYER, 4, seconds)
    return best.name, {name: round(t * 1e9) for name, t in times.items()}


def test_the_fastest_is_taken(clock):
    kernels = [clock.kernel("dense", 9 * US), clock.kernel("a", 5 * US), clock.kernel("b", 3 * US)]
    assert _names(kernels) == ("b", {"dense": 9 * US, "a": 5 * US, "b": 3 * US})


@pytest.mark.parametrize(("nanoseconds", "taken"), [(9400, "csr"), (9500, "dense"), (9600, "dense"), (11000, "dense")])
def test_the_first_stays_unless_another_is_clearly_faster(clock, nanoseconds, taken):
    assert _names([clock.kernel("dense", 10_000), clock.kernel("csr", nanoseconds)])[0] == taken


def test_a_slow_call_now_and_then_does_not_decide(clock):
    slow_at_times = clock.kernel("csr", 2 * US, 900 * US, 2 * US, 2 * US, 900 * US, then=2 * US)
    assert _names([clock.kernel("dense", 5 * US), slow_at_times], seconds=1e-2) == (
        "csr",
        {"dense": 5 * US, "csr": 2 * US},
    )


def test_a_quick_call_now_and_then_does_not_decide(clock):
    quick_at_times = clock.kernel("csr", 9 * US, 1 * US, then=9 * US)
    assert _names([clock.kernel("dense", 5 * US), quick_at_times]) == ("dense", {"dense": 5 * US, "csr": 9 * US})


def test_the_first_call_of_a_burst_is_not_counted(clock):
    cold = clock.kernel("csr", *([50 * US] + [2 * US] * tuning._BURST) * 300)
    assert _names([clock.kernel("dense", 5 * US), cold]) == ("csr", {"dense": 5 * US, "csr": 2 * US})


def test_they_take_turns_in_bursts(clock):
    _names([clock.kernel("a", 1 * US), clock.kernel("b", 1 * US)])
    burst = tuning._BURST + 1
    assert clock.called[: 4 * burst] == (["a"] * burst + ["b"] * burst) * 2
    assert abs(clock.called.count("a") - clock.called.count("b")) <= tuning._BURST


def test_the_time_asked_for_is_kept_to(clock):
    fast, slow = clock.kernel("dense", 10 * US), clock.kernel("csr", 30 * US)
    fastest([fast, slow], LAYER, 4, 1e-3)
    assert 1000 * US <= clock.now <= 1000 * US + 2 * (10 + 30) * US


def test_without_time_each_is_timed_once_all_the_same(clock):
    assert _names([clock.kernel("dense", 4 * US), clock.kernel("csr", 2 * US)], seconds=0.0) == (
        "csr",
        {"dense": 4 * US, "csr": 2 * US},
    )
    assert clock.called == ["dense", "dense", "csr", "csr"]


def test_one_alone_is_timed_in_one_burst(clock):
    assert _names([clock.kernel("dense", 4 * US)]) == ("dense", {"dense": 4 * US})
    assert len(clock.called) == tuning._BURST + 1


def test_a_clock_that_stands_still_ends_and_divides_by_nothing(clock):
    assert _names([clock.kernel("dense", 0), clock.kernel("csr", 0)]) == ("dense", {"dense": 1, "csr": 1})


def test_all_get_the_same_batches_of_the_size_asked_for(clock):
    kernels = [clock.kernel("dense", 1 * US), clock.kernel("csr", 1 * US)]
    fastest(kernels, LAYER, 4, 1e-4)
    assert kernels[0].shapes == kernels[1].shapes == {((4, 5), np.dtype("f4"), (4, 2), np.dtype("f4"))}
    assert kernels[0].rows == kernels[1].rows
    assert len(kernels[0].rows) == 1
