"""The choice of a kernel, by a clock that goes on only where it is told to."""

from itertools import cycle, groupby

import numpy as np
import pytest
from matrices import bits

from minprune.inference import tuning
from minprune.inference.kernels import LayerWeights

LAYER = LayerWeights(np.ones((3, 2), np.float32), np.ones((3, 2), bool), 5, np.arange(3))


class Clock:
    def __init__(self):
        self.now = 0
        self.calls = []

    def kernel(self, name, *nanoseconds):
        clock, times = self, cycle(nanoseconds)

        class Fake:
            def __init__(self):
                self.name = name

            def __call__(self, x, out):
                clock.calls.append((name, x, out))
                clock.now += next(times)

        return Fake()

    @property
    def bursts(self):
        return [(name, len(list(calls))) for name, calls in groupby(name for name, *_ in self.calls)]


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(tuning, "perf_counter_ns", lambda: clock.now)
    return clock


@pytest.mark.parametrize(
    ("dense", "csr", "winner"),
    [(1000, 940, "csr"), (1000, 960, "dense"), (1000, 1000, "dense"), (1000, 3000, "dense"), (1000, 1, "csr")],
)
def test_dense_stays_unless_another_is_clearly_faster(clock, dense, csr, winner):
    kernels = [clock.kernel("dense", dense), clock.kernel("csr", csr)]
    kernel, times = tuning.fastest(kernels, LAYER, 1, 1e-4)
    assert kernel is kernels[winner == "csr"]
    assert times == pytest.approx({"dense": dense * 1e-9, "csr": csr * 1e-9})


def test_the_fastest_wins_also_where_a_slower_one_beats_dense_too(clock):
    kernels = [clock.kernel("dense", 100), clock.kernel("used inputs", 80), clock.kernel("csr", 79)]
    assert tuning.fastest(kernels, LAYER, 1, 1e-5)[0] is kernels[2]


def test_kernels_take_turns_in_bursts(clock):
    tuning.fastest([clock.kernel("dense", 100), clock.kernel("csr", 100)], LAYER, 1, 3600e-9)
    assert clock.bursts == [("dense", 6), ("csr", 6)] * 3


def test_the_first_call_of_a_burst_is_not_counted(clock):
    kernels = [clock.kernel("dense", 10), clock.kernel("csr", 100_000, 5, 5, 5, 5, 5)]
    kernel, times = tuning.fastest(kernels, LAYER, 1, 1e-3)
    assert kernel is kernels[1]
    assert times["csr"] == pytest.approx(5e-9)


def test_the_median_decides_not_the_mean_or_the_least(clock):
    kernels = [clock.kernel("dense", 0, 10, 10, 10, 10_000, 10_000), clock.kernel("csr", 0, 1, 20, 20, 20, 20)]
    kernel, times = tuning.fastest(kernels, LAYER, 1, 1e-3)
    assert kernel is kernels[0]
    assert times == pytest.approx({"dense": 10e-9, "csr": 20e-9})


@pytest.mark.parametrize("seconds", [0.0, 1e-12])
def test_each_is_called_twice_and_timed_once_however_little_time_there_is(clock, seconds):
    kernels = [clock.kernel("dense", 50, 10), clock.kernel("csr", 50, 7)]
    kernel, times = tuning.fastest(kernels, LAYER, 1, seconds)
    assert clock.bursts == [("dense", 2), ("csr", 2)]
    assert times == pytest.approx({"dense": 10e-9, "csr": 7e-9})
    assert kernel is kernels[1]


def test_tuning_ends_with_its_time(clock):
    tuning.fastest([clock.kernel("dense", 1000), clock.kernel("csr", 1000)], LAYER, 1, 1e-3)
    assert 1_000_000 <= clock.now <= 1_000_000 + 12 * 1000


def test_a_clock_that_does_not_move_ends_too_and_dense_stays(clock):
    kernels = [clock.kernel("dense", 0), clock.kernel("csr", 0)]
    kernel, times = tuning.fastest(kernels, LAYER, 1, 1.0)
    assert kernel is kernels[0]
    assert times == {"dense": 1e-9, "csr": 1e-9}


def test_a_kernel_without_rivals_is_timed_only_for_one_burst(clock):
    kernels = [clock.kernel("dense", 100)]
    assert tuning.fastest(kernels, LAYER, 1, 1.0) == (kernels[0], {"dense": pytest.approx(100e-9)})
    assert clock.bursts == [("dense", 6)]


@pytest.mark.parametrize("batch", [1, 16])
def test_all_get_the_same_rows_as_a_program_would_give_them(clock, batch):
    tuning.fastest([clock.kernel("dense", 1000), clock.kernel("csr", 1000)], LAYER, batch, 1e-5)
    assert len({bits(x) for _, x, _ in clock.calls}) == 1
    for _, x, out in clock.calls:
        assert (x.shape, x.dtype, x.flags.c_contiguous) == ((batch, 5), np.float32, True)
        assert (out.shape, out.dtype, out.flags.c_contiguous) == ((batch, 2), np.float32, True)
        assert (x != 0).all()
