"""A sweep is the loops that one would write by hand: the same records, whoever runs them, and each run once."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import sweeping
from sweeping import ASKED, CLOCKS, CRITERIA, build, finetune, judge, noted, points, same, train

from minprune import Dense, Global, GradientMagnitude, Magnitude, Network, Neurons, Random, Uniform, plan
from minprune.study import stages
from minprune.study.controls import reinitialised, shuffled_in_layers, smaller
from minprune.study.sweep import sweep
from minprune.study.timing import Timing, Turns, blas

LEVELS, SEEDS = [0.5, 0.8], [3, 0]


@pytest.fixture(scope="module")
def found():
    return sweep(build, CRITERIA, LEVELS, SEEDS, **ASKED, workers=0)


def by_hand(seed, criterion, sparsity, control):
    """Return the network of one run before fine-tuning, made step by step."""
    dense = build(seed)
    train(dense, seed)
    rng = np.random.default_rng([stages._DRAWS[control], seed])
    if control == "dense":
        return dense
    if control == "small_dense":
        small = smaller(dense, dense.weights - round(sparsity * dense.weights), rng=rng)
        train(small, seed)
        return small
    chosen = Random(rng=rng) if control == "random" else CRITERIA[criterion]
    made = plan(dense, chosen, sparsity=sparsity, data=points())
    if control == "shuffled":
        return shuffled_in_layers(dense, made.masks, rng=rng)
    pruned = made.apply(dense)
    if control == "reinitialised":
        pruned = reinitialised(pruned, rng=rng)
        train(pruned, seed)
    return pruned


def test_each_record_is_what_the_loop_by_hand_finds(found):
    expected = []
    for seed in SEEDS:
        runs = [("dense", 0.0, None)]
        for sparsity in LEVELS:
            for criterion in CRITERIA:
                runs += [(control, sparsity, criterion) for control in (None, "shuffled", "reinitialised")]
            runs += [("random", sparsity, None), ("small_dense", sparsity, None)]
        for control, sparsity, criterion in runs:
            network = by_hand(seed, criterion, sparsity, control)
            before = judge(network)
            finetune(network, seed)
            shaped = control not in ("dense", "small_dense")
            expected.append(
                {"seed": seed, "control": control, "sparsity": sparsity, "criterion": criterion}
                | {"allocation": "Global" if shaped else None, "pattern": "Unstructured" if shaped else None}
                | {"achieved": 1 - network.kept / 186, "kept": network.kept, "weights": 186}
                | {f"{name}_before": value for name, value in before.items()}
                | judge(network)
            )
    assert same(found.records) == expected
    assert found.metrics == ("accuracy", "loss")


def test_all_the_pruned_keep_as_many_weights_and_the_small_network_nearly(found):
    for record in found.records:
        if record["control"] == "small_dense":
            assert abs(record["kept"] - round(186 * (1 - record["sparsity"]))) <= 4  # one unit of the last hidden layer
        else:
            assert record["kept"] == 186 - round(186 * record["sparsity"])


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_whoever_runs_it_the_records_are_the_same(found, kind):
    if kind == "threads":
        with ThreadPoolExecutor(3) as executor:
            other = sweep(build, CRITERIA, LEVELS, SEEDS, **ASKED, executor=executor)
    else:
        other = sweep(build, CRITERIA, LEVELS, SEEDS, **ASKED)
    assert same(other.records) == same(found.records)


def test_seeds_and_sparsities_in_another_order_bring_the_same_records(found):
    other = sweep(build, CRITERIA, LEVELS[::-1], SEEDS[::-1], **ASKED, workers=0)
    assert sorted(map(repr, same(other.records))) == sorted(map(repr, same(found.records)))


def test_a_finished_folder_is_read_and_only_what_is_missing_is_run(found, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    asked = ASKED | {"finetune": partial(noted, folder=str(notes)), "folder": tmp_path / "runs", "workers": 0}
    count = {}

    def runs(criteria, levels, seeds, **more):
        before = len(list(notes.iterdir()))
        result = sweep(build, criteria, levels, seeds, **asked | more)
        return result, len(list(notes.iterdir())) - before

    first, count["first"] = runs({"magnitude": Magnitude()}, [0.5], [3])
    again, count["again"] = runs({"magnitude": Magnitude()}, [0.5], [3])
    _, count["one more seed"] = runs({"magnitude": Magnitude()}, [0.5], [3, 0])
    _, count["one more sparsity"] = runs({"magnitude": Magnitude()}, LEVELS, SEEDS)
    full, count["one more criterion"] = runs(CRITERIA, LEVELS, SEEDS)
    _, count["fewer"] = runs(CRITERIA, LEVELS[:1], SEEDS[:1], controls=["dense"])
    assert again.records == first.records  # what the clock said included: it is read, not run
    assert same(full.records) == same(found.records)
    assert count == {
        "first": 6,
        "again": 0,
        "one more seed": 6,
        "one more sparsity": 2 * 5,
        "one more criterion": 2 * 2 * 3,
        "fewer": 0,
    }


def test_every_criterion_goes_with_every_allocation_and_pattern():
    found = sweep(
        build, [Magnitude()], [0.5], [0], **ASKED, workers=0, controls=["random", "shuffled"],
        allocations=[Global(), Uniform()], patterns={"single": Neurons(reduce="sum"), "whole": Neurons()},
    )  # fmt: skip
    ways = [(r["criterion"], r["allocation"], r["pattern"], r["control"]) for r in found.records]
    expected = {
        (criterion, allocation, pattern, control)
        for criterion, control in (("Magnitude", None), ("Magnitude", "shuffled"), (None, "random"))
        for allocation in ("Global", "Uniform")
        for pattern in ("single", "whole")
    }
    assert len(ways) == len(expected)
    assert set(ways) == expected


def test_without_fine_tuning_before_and_after_are_one():
    asked = ASKED | {"finetune": None}
    found = sweep(build, [Magnitude()], [0.5], [0], **asked, workers=0)
    assert all(record["loss"] == record["loss_before"] for record in found.records)


def test_a_number_is_called_value():
    asked = ASKED | {"evaluate": lambda network: network.kept}
    found = sweep(build, [Magnitude()], [0.5], [0], **asked, controls=[], workers=0)
    assert found.metrics == ("value",)
    assert found.records[0]["value"] == 93


def test_latency_is_a_ratio_in_turns_with_the_dense_program(monkeypatch):
    monkeypatch.setattr(stages, "_SECONDS", 0.003)
    found = sweep(build, [Magnitude()], [0.5], [0], **ASKED, controls=["dense"], latency=2, workers=0)
    for record in found.records:
        assert record["batch_size"] == 2
        assert 0.2 < record["speedup"] * record["latency"] / record["dense_latency"] < 5
    assert [row["count"] for row in found.summary("speedup")] == [1, 1]


def test_a_program_that_takes_a_third_of_the_time_is_three_times_as_fast(monkeypatch):
    def timed(programs, rows, *, batch_size, seconds):
        assert rows.shape[1] == 8
        medians = {name: 1.0 if program.sparsity else 3.0 for name, program in programs.items()}
        timings = {name: Timing.of(np.array([m * 1e9]), batch_size, blas()) for name, m in medians.items()}
        return Turns(timings, {name: np.array([m]) for name, m in medians.items()})

    monkeypatch.setattr(stages, "time_in_turns", timed)
    [dense, pruned] = sweep(build, [Magnitude()], [0.5], [0], **ASKED, controls=["dense"], latency=4, workers=0).records
    assert [dense[key] for key in CLOCKS[1:]] == [3.0, 3.0, 1.0]
    assert [pruned[key] for key in CLOCKS[1:]] == [1.0, 3.0, 3.0]


class Remembers(Magnitude):
    """A criterion that is changed by being asked."""

    asked = 0

    def scores(self, network, data=None):
        self.asked += 1
        return {name: scores ** (2 if self.asked > 1 else 1) for name, scores in super().scores(network).items()}


def test_a_criterion_that_remembers_starts_anew_in_each_run():
    criterion = Remembers()
    sweep(build, [criterion], [0.5], [0, 1], **ASKED, controls=[], workers=0)
    assert criterion.asked == 0


def test_data_is_read_by_those_who_need_it_only():
    def refuse():
        raise AssertionError

    found = sweep(build, [Magnitude()], [0.5], [0], **ASKED | {"data": refuse}, controls=["random"], workers=0)
    assert len(found.records) == 2
    pair = sweep(
        build, [GradientMagnitude(sweeping.LOSS)], [0.5], [0], **ASKED | {"data": points()}, controls=[], workers=0
    )
    read = sweep(build, [GradientMagnitude(sweeping.LOSS)], [0.5], [0], **ASKED, controls=[], workers=0)
    assert same(pair.records) == same(read.records)


def test_a_network_of_one_layer_has_every_control_but_a_smaller_one():
    def single(seed):
        return Network([Dense(8, 3, rng=seed)])

    controls = ["dense", "random", "shuffled", "reinitialised"]
    assert len(sweep(single, [Magnitude()], [0.5], [0], **ASKED, controls=controls, workers=0).records) == 5
