from types import SimpleNamespace

import numpy as np
import pytest
from clocks import Clock

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.patterns import NM, Blocks, Neurons, Unstructured, Vectors
from minprune.study import breakeven as module
from minprune.study import timing
from minprune.study.breakeven import breakeven
from minprune.study.timing import Blas

MS = 10**6  # nanoseconds


class Workshop:
    """Compiles programs that take the times they are told, and keeps the networks."""

    def __init__(self, clock, dense, pruned, nbytes):
        self.clock, self.times, self.nbytes = clock, {"dense": dense, None: pruned}, nbytes
        self.made = []

    def __call__(self, network, batch_size, *, kernels=None, seconds=0.0):
        self.made.append(SimpleNamespace(network=network, batch_size=batch_size, kernels=kernels, seconds=seconds))
        times = self.times[kernels]
        program = self.clock.model(kernels, *(times(network, batch_size, len(self.made)) if callable(times) else times))
        program.nbytes = 100 if kernels == "dense" else self.nbytes
        return program


@pytest.fixture
def workshop(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter_ns", clock)
    monkeypatch.setattr(module, "blas", lambda: Blas("someblas 1.0", 1, "OMP_NUM_THREADS"))

    def make(dense=(4 * MS,), pruned=(2 * MS,), nbytes=50):
        workshop = Workshop(clock, dense, pruned, nbytes)
        monkeypatch.setattr(module, "compile", workshop)
        return workshop

    return make


def test_the_speed_up_is_the_median_of_the_paired_ratios_of_three_pairs_with_its_quartiles(workshop):
    # The pairs' dense programs take 2, 4 and 8 ms, by where they lie; the pruned ones 2 ms each. Three rounds a pair.
    workshop(dense=lambda _, __, made: [2 ** ((made + 1) // 2) * MS])
    [cell] = breakeven([4], [0.5], [1], [Unstructured()], rounds=9, seconds=0.9).cells
    assert (cell.speedup, cell.low, cell.high) == pytest.approx((2.0, 1.0, 4.0))  # of 1, 1, 1, 2, 2, 2, 4, 4, 4
    assert (cell.dense, cell.pruned) == pytest.approx((0.004, 0.002))
    assert cell.bytes == 0.5
    assert not cell.pays  # by its lower quartile


def test_a_ratio_is_of_two_that_ran_at_the_same_time(workshop):
    # The machine gets slower from pair to pair, for both alike.
    workshop(dense=lambda _, __, made: [4 * made * MS], pruned=lambda _, __, made: [2 * (made - 1) * MS])
    [cell] = breakeven([4], [0.5], [1], [Unstructured()]).cells
    assert (cell.low, cell.speedup, cell.high) == pytest.approx((2.0, 2.0, 2.0))


def test_each_pair_is_compiled_anew_dense_from_the_network_before_it_was_pruned(workshop):
    made = workshop()
    breakeven([4], [0.5, 0.75], [1, 16], [Unstructured()])
    assert [(one.kernels, one.batch_size) for one in made.made] == 2 * [
        *[("dense", 1), (None, 1)] * 3,
        *[("dense", 16), (None, 16)] * 3,
    ]
    assert [one.network.sparsity for one in made.made] == [0, 0.5] * 6 + [0, 0.75] * 6
    assert len({id(one.network) for one in made.made if one.kernels}) == 1


def test_batches_have_the_size_asked_for_and_both_programs_get_the_same(workshop):
    made = workshop()
    breakeven([4], [0.5], [3], [Unstructured()])
    assert {x.shape for _, x in made.clock.calls} == {(3, 4)}
    assert {x.dtype for _, x in made.clock.calls} == {np.dtype(np.float32)}
    seen = [{x.tobytes() for name, x in made.clock.calls if name == kernels} for kernels in ("dense", None)]
    assert seen[0] <= seen[1]  # who is faster comes further


def test_where_calls_are_slow_there_are_fewer_rounds_two_a_pair_at_least(workshop):
    made = workshop(dense=[MS], pruned=[MS])
    breakeven([4], [0.5], [1], [Unstructured()], seconds=0.9, rounds=9)
    many = len(made.clock.calls)
    made = workshop(dense=[1000 * MS], pruned=[1000 * MS])
    made.clock.calls.clear()
    breakeven([4], [0.5], [1], [Unstructured()], seconds=0.9, rounds=9)
    # A pair: dense once, and an uncounted and a warm-up call to see how slow it is, and its three; then each warmed up
    # once, and two rounds of a call that is not counted and three that are.
    assert len(made.clock.calls) == 3 * (1 + 1 + 3 + 2 * (1 + 2 * 4))
    assert many > 9 * 2 * 90


def test_dense_networks_are_as_wide_as_asked_for_and_all_patterns_prune_the_same_weights(workshop):
    made = workshop()
    breakeven([6, [4, 5, 3]], [0.5], [1], [Unstructured(), Vectors(2)], depth=2)
    widths = [[one.network.inputs, *(d.outputs for d in one.network.dense)] for one in made.made]
    assert widths == [[6, 6, 6]] * 12 + [[4, 5, 3]] * 12
    for networks in (made.made[:12], made.made[12:]):
        first = networks[0].network
        for one in networks[1:]:
            for name, p in one.network.prunable.items():
                assert np.array_equal(p.value, np.where(p.mask, first.prunable[name].value, 0))


def test_all_layers_have_the_sparsity_asked_for(workshop):
    made = workshop()
    found = breakeven([16], [0.25, 0.75], [1], [Unstructured(), Blocks((2, 2)), Vectors(4)])
    for one in made.made:
        if one.kernels is None:
            assert len({p.kept for p in one.network.prunable.values()}) == 1
    assert [cell.achieved for cell in found.cells] == [0.25, 0.75] * 3


def test_cells_come_by_width_pattern_batch_size_and_rising_sparsity(workshop):
    workshop()
    found = breakeven([8, 4], [0.75, 0.5], [16, 1], [Vectors(2), Unstructured()])
    assert [(c.width, c.pattern, c.batch_size, c.sparsity) for c in found.cells] == [
        (width, pattern, batch_size, sparsity)
        for width in (8, 4)
        for pattern in ("Vectors(2)", "Unstructured")
        for batch_size in (16, 1)
        for sparsity in (0.5, 0.75)
    ]


def test_a_pattern_that_says_how_much_goes_is_measured_there_and_nowhere_else(workshop):
    made = workshop()
    found = breakeven([8], [0.25, 0.5, 0.75], [1, 16], [NM(2, 4)])
    known = {cell.sparsity for cell in found.cells if cell.known}
    assert known == {0.5}
    assert len(made.made) == 2 * 6
    why = {cell.why for cell in found.cells if not cell.known}
    assert why == {f"NM(2, 4) prunes 0.5 of the weights here, not {s:g}" for s in (0.25, 0.75)}


def test_a_sparsity_that_would_empty_a_layer_is_a_cell_without_a_measurement(workshop):
    workshop()
    found = breakeven([8], [0.5, 0.99], [1], [Neurons()])
    assert [cell.known for cell in found.cells] == [True, False]
    assert "would empty dense1.weight" in found.cells[1].why
    assert found.frontier() == {(8, 1, "Neurons"): 0.5}


def test_a_pattern_that_fits_no_such_network_does_not_stop_the_others(workshop):
    workshop()
    found = breakeven([8], [0.5], [1], [Neurons(), Unstructured()], depth=1)
    assert [cell.known for cell in found.cells] == [False, True]
    assert "needs a network with a hidden layer" in found.cells[0].why


@pytest.mark.parametrize(("nbytes", "pays"), [(99, True), (100, False)])
def test_a_program_with_the_bytes_of_the_dense_one_is_that_one_whatever_the_clock(workshop, nbytes, pays):
    workshop(nbytes=nbytes)
    [cell] = breakeven([4], [0.5], [1], [Unstructured()]).cells
    assert cell.speedup == pytest.approx(2)
    assert cell.pays == pays


def test_a_cell_in_which_dense_took_much_longer_is_measured_once_more(workshop):
    # Six programs a cell. While the second cell is measured the machine is busy, and is free again later.
    made = workshop(dense=lambda _, __, made: [(20 if 6 < made <= 12 else 4) * MS])
    found = breakeven([4], [0.25, 0.5, 0.75], [1], [Unstructured()])
    assert len(made.made) == 4 * 6
    assert made.made[-1].network.sparsity == 0.5
    assert [cell.speedup for cell in found.cells] == pytest.approx([2, 2, 2])
    assert not any(cell.disturbed for cell in found.cells)
    assert found.blas == Blas("someblas 1.0", 1, "OMP_NUM_THREADS")


def test_what_is_measured_once_more_is_the_same_work(workshop):
    # Twelve programs a pattern. While the first pattern's second cell is measured the machine is busy.
    made = workshop(dense=lambda _, __, made: [(20 if 6 < made <= 12 else 4) * MS])
    breakeven([4], [0.25, 0.5], [2], [Vectors(2), Unstructured()])
    before, again = made.made[6:12], made.made[24:]
    assert [one.batch_size for one in again] == [2] * 6
    for first, second in zip(before, again, strict=True):
        for name, p in first.network.prunable.items():
            np.testing.assert_array_equal(second.network.prunable[name].value, p.value)


def test_a_cell_that_is_still_disturbed_then_says_nothing(workshop):
    made = workshop(dense=lambda _, __, made: [(20 if made > 12 else 4) * MS])
    found = breakeven([4], [0.25, 0.5, 0.75], [1], [Unstructured()])
    assert len(made.made) == 4 * 6
    assert [cell.disturbed for cell in found.cells] == [False, False, True]
    assert not found.cells[2].pays
    assert found.frontier() == {(4, 1, "Unstructured"): 0.25}


def test_that_dense_takes_longer_in_larger_batches_is_no_disturbance(workshop):
    made = workshop(dense=lambda network, batch_size, _: [batch_size * network.inputs * MS])
    found = breakeven([4, 8], [0.5], [1, 16], [Unstructured()])
    assert len(made.made) == 4 * 6
    assert not any(cell.disturbed for cell in found.cells)


def test_it_says_beforehand_how_long_it_takes(workshop, capsys):
    workshop()
    breakeven([4], [0.25, 0.5], [1], [Unstructured()], seconds=0.5, progress=True)
    said = capsys.readouterr().err
    assert "2 cells, about 2.54 s" in said  # twice two programs, and tuning three layers in three programs
    breakeven([4], [0.25, 0.5], [1], [Unstructured()], seconds=0.5, progress=False)
    assert capsys.readouterr().err == ""


def test_the_default_grid_takes_a_minute_or_so(workshop, capsys):
    workshop()
    breakeven(widths=(8, 16), progress=True)
    assert "90 cells, about 51.3 s" in capsys.readouterr().err


def test_for_real_a_network_of_few_neurons_is_faster():
    found = breakeven([64], [0.0, 0.9], [16], [Neurons(), Unstructured()], seconds=0.003, rounds=3)
    none, most, *_ = found.cells
    assert none.bytes == 1
    assert not none.pays
    assert most.bytes < 0.2
    assert 0 < most.low <= most.speedup <= most.high
    assert most.achieved == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"widths": []}, InvalidValueError, "widths must hold at least one entry, got none in breakeven()"),
        ({"widths": 256}, InvalidTypeError, "widths must be a sequence, got int 256 in breakeven()"),
        ({"widths": "256"}, InvalidTypeError, "widths must be a sequence, got str '256' in breakeven()"),
        ({"widths": [0]}, InvalidValueError, "widths[0] must be at least 1, got 0 in breakeven()"),
        ({"widths": [8, 2.0]}, InvalidTypeError, "widths[1] must be a whole number, got float 2.0 in breakeven()"),
        ({"widths": [[4]]}, InvalidValueError,
         "widths[0] must hold inputs and outputs at least, got [4] in breakeven()"),
        ({"widths": [[4, -1]]}, InvalidValueError, "widths[0][1] must be at least 1, got -1 in breakeven()"),
        ({"widths": [8, 8]}, InvalidValueError, "widths must be different, got 8 twice in breakeven()"),
        ({"sparsities": []}, InvalidValueError, "sparsities must hold at least one entry, got none in breakeven()"),
        ({"sparsities": [0.5, 90]}, InvalidValueError, "sparsities[1] must be in [0, 1), got 90 in breakeven()"),
        ({"sparsities": [np.nan]}, InvalidValueError, "sparsities[0] must be in [0, 1), got nan in breakeven()"),
        ({"sparsities": [True]}, InvalidTypeError, "sparsities[0] must be a number, got bool True in breakeven()"),
        ({"sparsities": [0.5, 0.5]}, InvalidValueError, "sparsities must be different, got 0.5 twice in breakeven()"),
        ({"batch_sizes": 16}, InvalidTypeError, "batch_sizes must be a sequence, got int 16 in breakeven()"),
        ({"batch_sizes": [0]}, InvalidValueError, "batch_sizes[0] must be at least 1, got 0 in breakeven()"),
        ({"batch_sizes": [1, 1]}, InvalidValueError, "batch_sizes must be different, got 1 twice in breakeven()"),
        ({"patterns": []}, InvalidValueError, "patterns must hold at least one entry, got none in breakeven()"),
        ({"patterns": Unstructured()}, InvalidTypeError,
         "patterns must be a sequence, got Unstructured Unstructured() in breakeven()"),
        ({"patterns": ["nm"]}, InvalidTypeError, "pattern must be a Pattern, got 'nm' in breakeven()"),
        ({"patterns": [Neurons]}, InvalidTypeError,
         f"pattern must be a Pattern, got {Neurons} in breakeven(); pass an instance: Neurons()"),
        ({"patterns": [Vectors(4)] * 2}, InvalidValueError,
         "patterns must be different, got Vectors(4) twice in breakeven()"),
        ({"depth": 0}, InvalidValueError, "depth must be at least 1, got 0 in breakeven()"),
        ({"depth": 1001}, InvalidValueError, "depth must be at most 1000, got 1001 in breakeven()"),
        ({"depth": 1.0}, InvalidTypeError, "depth must be a whole number, got float 1.0 in breakeven()"),
        ({"widths": ["8"]}, InvalidTypeError, "widths[0] must be a whole number, got str '8' in breakeven()"),
        ({"widths": [b"88"]}, InvalidTypeError, "widths[0] must be a whole number, got bytes b'88' in breakeven()"),
        ({"widths": [8, np.ones(2, int)]}, InvalidTypeError,
         "widths[1] must be a whole number, got ndarray array([1, 1]) in breakeven()"),
        ({"widths": b"8"}, InvalidTypeError, "widths must be a sequence, got bytes b'8' in breakeven()"),
        ({"sparsities": 0.5}, InvalidTypeError, "sparsities must be a sequence, got float 0.5 in breakeven()"),
        ({"batch_sizes": []}, InvalidValueError, "batch_sizes must hold at least one entry, got none in breakeven()"),
        ({"batch_sizes": [1, 2**19 + 1], "widths": [1024]}, InvalidValueError,
         "batch_sizes[1] must be at most 524288, got 524289 in breakeven()"),
        ({"batch_sizes": [2**19 + 1], "widths": [8, [8, 1024, 2]]}, InvalidValueError,
         "batch_sizes[0] must be at most 524288, got 524289 in breakeven()"),
        ({"seconds": np.inf}, InvalidValueError, "seconds must be greater than 0 and finite, got inf in breakeven()"),
        ({"rounds": 3.0}, InvalidTypeError, "rounds must be a whole number, got float 3.0 in breakeven()"),
        ({"progress": 1}, InvalidTypeError, "progress must be True, False or None, got 1 in breakeven()"),
        ({"seconds": 0}, InvalidValueError, "seconds must be greater than 0 and finite, got 0 in breakeven()"),
        ({"seconds": True}, InvalidTypeError, "seconds must be a number, got bool True in breakeven()"),
        ({"rounds": 0}, InvalidValueError, "rounds must be at least 1, got 0 in breakeven()"),
        ({"rng": "x"}, InvalidTypeError, "rng must be a Generator, a seed or None, got str 'x' in breakeven()"),
    ],
)  # fmt: skip
def test_what_can_not_be_meant_is_refused_before_anything_is_measured(workshop, options, error, text):
    made = workshop()
    with pytest.raises(error) as refused:
        breakeven(**options)
    assert str(refused.value) == text
    assert not made.made
