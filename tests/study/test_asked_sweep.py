"""What a sweep and a bench ask of the parts that they stand on, when little is said and when all is."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from noting import Notes
from test_drawn import ONE, cells, network

import minprune
from minprune import Global, GradientMagnitude, Magnitude, Neurons, Random, SoftmaxCrossEntropy, Uniform
from minprune.pruning.patterns import NM, Blocks, Unstructured, Vectors
from minprune.study import bench, sweep, timing
from minprune.study.frontier import Breakeven
from minprune.study.stages import Recipe, prune, train_dense
from minprune.study.timing import Turns

# sweep

CRITERIA = {"m": Magnitude(), "g": GradientMagnitude(SoftmaxCrossEntropy())}


def build(seed):
    return minprune.Network.mlp([4, 6, 3], rng=seed)


def train(network, seed):
    raise AssertionError("nothing is trained")


def finetune(network, seed):
    raise AssertionError("nothing is trained")


def judge(network):
    return 1.0


@pytest.fixture
def runs(monkeypatch):
    """Instead of runs, notes; a dense network is what `build` makes, and a run finds its own number."""

    def all_of(work, tasks, **how):
        if work is train_dense:
            return [task | {f"{name}{end}": getattr(p, kind) for name, p in build(task["seed"]).parameters.items()
                            for end, kind in (("", "value"), (".mask", "mask"))} for task in tasks]  # fmt: skip
        return [task | {"before": {"value": n / 2}, "after": {"value": float(n)}} for n, task in enumerate(tasks)]

    notes = Notes(all_of)
    monkeypatch.setattr(sweep, "run_all", notes)
    monkeypatch.setattr(sweep, "agree", Notes())
    return notes


def go(*asked, **more):
    return sweep.sweep(build, *asked, **{"train": train, "evaluate": judge, "workers": 0} | more)


def test_a_sweep_of_which_little_is_said(runs):
    found = go([Magnitude()], [0.5], [7])
    (work, tasks), how = runs[0]
    recipe = how.pop("shared")["recipe"]
    assert (work, tasks) == (train_dense, [{"seed": 7}])
    assert how == {"folder": None, "label": "dense networks", "executor": None, "workers": 0, "progress": None}
    (work, tasks), how = runs[1]
    shared = how.pop("shared")
    assert how == {"folder": None, "label": "pruned networks", "executor": None, "workers": 0, "progress": None}
    assert work is prune
    asked = {"seed": 7, "sparsity": 0.5, "criterion": "Magnitude", "allocation": "Global", "pattern": "Unstructured"}
    nothing = {"criterion": None, "allocation": None, "pattern": None}
    assert tasks == [
        {"seed": 7, "control": "dense", "sparsity": 0.0} | nothing,
        asked | {"control": None},
        asked | {"control": "shuffled"},
        asked | {"control": "reinitialised"},
        asked | {"control": "random", "criterion": None},
        {"seed": 7, "control": "small_dense", "sparsity": 0.5} | nothing,
    ]
    given = shared(tasks[0])
    assert given["recipe"] is recipe
    np.testing.assert_array_equal(given["dense"].dense[0].weight.value, build(7).dense[0].weight.value)
    assert (recipe.build, recipe.train, recipe.finetune, recipe.evaluate, recipe.data) == (
        build,
        train,
        None,
        judge,
        None,
    )
    assert [list(part) for part in (recipe.criteria, recipe.allocations, recipe.patterns)] == [
        ["Magnitude"], ["Global"], ["Unstructured"]
    ]  # fmt: skip
    assert isinstance(recipe.allocations["Global"], Global)
    assert found.metrics == ("value",)
    assert found.records == tuple(task | {"value_before": n / 2, "value": float(n)} for n, task in enumerate(tasks))
    assert not sweep.agree


def test_a_sweep_of_which_all_is_said(runs, tmp_path):
    data = (np.ones((2, 4)), np.array([0, 1]))
    go(
        CRITERIA, (0.25, 0.5), (2, 1), finetune=finetune, data=data, allocations=[Global(), Uniform()],
        patterns={"n": Neurons()}, controls=["random", "dense"], latency=16, folder=tmp_path, workers=0, progress=False,
    )  # fmt: skip
    (_, tasks), how = runs[0]
    assert tasks == [{"seed": 2}, {"seed": 1}]
    assert how["folder"] == tmp_path / "dense"
    (_, tasks), how = runs[1]
    assert (how["folder"], how["progress"]) == (tmp_path / "runs", False)
    names = ("seed", "control", "sparsity", "criterion", "allocation", "pattern", "batch_size")
    wanted = []
    for seed in (2, 1):
        wanted.append((seed, "dense", 0.0, None, None, None, 16))
        for level in (0.25, 0.5):
            for allocation in ("Global", "Uniform"):
                wanted += [(seed, None, level, c, allocation, "n", 16) for c in ("m", "g")]
                wanted.append((seed, "random", level, None, allocation, "n", 16))
    assert tasks == [dict(zip(names, one, strict=True)) for one in wanted]
    for seed in (1, 2):
        dense = how["shared"]({"seed": seed})["dense"]
        np.testing.assert_array_equal(dense.dense[0].weight.value, build(seed).dense[0].weight.value)
    [((place, parts), _)] = sweep.agree
    assert place == tmp_path
    assert list(parts) == [
        "minprune",
        "build",
        "train",
        "finetune",
        "evaluate",
        "data",
        "criteria",
        "allocations",
        "patterns",
    ]
    assert parts["minprune"] == minprune.__version__
    assert [parts[name].partition("#")[0] for name in ("build", "train", "finetune", "evaluate")] == [
        "build", "train", "finetune", "judge"
    ]  # fmt: skip
    assert {
        kind: {name: part.partition("#")[0] for name, part in parts[kind].items()}
        for kind in ("criteria", "allocations", "patterns")
    } == {
        "criteria": {name: repr(criterion) for name, criterion in CRITERIA.items()},
        "allocations": {"Global": "Global()", "Uniform": "Uniform()"},
        "patterns": {"n": repr(Neurons())},
    }


def test_an_executor_does_both_stages_and_what_it_is_given_need_not_be_sendable(runs):
    pool = ThreadPoolExecutor(1)
    go([Magnitude()], [0.5], [0], train=lambda network, seed: None, executor=pool, workers=None, progress=True)
    assert [(how["executor"], how["workers"], how["progress"]) for _, how in runs] == [(pool, None, True)] * 2


class Own:
    """A criterion, an allocation and a pattern that derives from none: it has the methods, and says nothing else."""

    def scores(self, network, data=None):
        return Magnitude().scores(network)

    def groups(self, units, sparsity):
        return Global().groups(units, sparsity)

    def units(self, *asked):
        return Unstructured().units(*asked)

    def __repr__(self):
        return "Own()"


def test_parts_of_ones_own_need_no_more_than_the_method_of_their_kind(runs):
    found = go([Own()], [0.5], [0], allocations=[Own()], patterns=[Own()], controls=[])
    [record] = found.records
    assert [record[kind] for kind in ("criterion", "allocation", "pattern")] == ["Own"] * 3


def test_data_that_are_none_are_no_part_of_what_made_a_folder(runs, tmp_path):
    go([Magnitude()], [0.5], [0], folder=str(tmp_path))
    [((place, parts), _)] = sweep.agree
    assert place == Path(tmp_path)
    assert "data" not in parts
    assert parts["finetune"] == "none"


def test_the_largest_sparsity_is_rehearsed_with_the_first_seed_and_every_allocation_and_pattern(runs, monkeypatch):
    planned, seeds, shrunk = Notes(), [], Notes()
    monkeypatch.setattr(sweep, "plan", planned)
    monkeypatch.setattr(sweep, "smaller", shrunk)

    def noted(seed):
        seeds.append(seed)
        return build(seed)

    sweep._rehearse(
        Recipe(noted, train, None, judge, None, {"m": Magnitude()}, {"g": Global(), "u": Uniform()},
               {"u": Unstructured(), "n": Neurons()}), 5, [0.5, 0.75, 0.25], ["small_dense"],
    )  # fmt: skip
    assert seeds == [5]
    assert [(how["sparsity"], type(how["allocation"]), type(how["pattern"])) for _, how in planned] == [
        (0.75, Global, Unstructured), (0.75, Global, Neurons), (0.75, Uniform, Unstructured), (0.75, Uniform, Neurons)
    ]  # fmt: skip
    for (net, criterion), _ in planned:  # by the same scores each time
        for name, scores in criterion.scores(net).items():
            np.testing.assert_array_equal(scores, Random(rng=0).scores(net)[name])
    [((network, weights), how)] = shrunk
    assert (weights, how) == (network.weights, {"rng": 0})


# bench


@pytest.fixture
def benched(monkeypatch):
    notes = SimpleNamespace()
    found = Breakeven(tuple(cells((0.5, 0.9), (1, 16))), 3, ONE)

    class Program:
        def __init__(self, network, batch_size, **how):
            self.said = f"program of {network.kept} for {batch_size}, {how}"
            self.nbytes = 4000 if how else 1234

        def __repr__(self):
            return self.said

    def turns(programs, x, *, batch_size, seconds):
        one = timing.Timing(batch_size, 9, 2e-6, 1e-6, 3e-6, 4e-6, 1e-6, ONE)
        bursts = {name: np.array([4e-6, 6e-6]) / (1 + k) for k, name in enumerate(programs)}
        return Turns(dict.fromkeys(programs, one), bursts)

    for name, answer in (
        ("breakeven", found), ("compile", Program), ("time_in_turns", turns), ("blas", ONE),
        ("plot_breakeven", "figure"), ("save", lambda figure, path: path), ("write_whole", lambda path, text: path),
    ):  # fmt: skip
        setattr(notes, name, Notes(answer))
        monkeypatch.setattr(bench, name, getattr(notes, name))
    notes.found = found
    return notes


def test_a_bench_of_which_nothing_is_said(benched, capsys):
    assert bench.run() == [Path("minprune-bench/map.png"), Path("minprune-bench/bench.json")]
    assert capsys.readouterr().out == f"Where pruning pays:\n{benched.found!r}\n"
    [((widths, levels, sizes, patterns), how)] = benched.breakeven
    assert (widths, levels, sizes, how) == ((256, 1024), (0.5, 0.8, 0.9, 0.95, 0.99), (1, 16, 256), {"seconds": 0.15})
    assert [repr(p) for p in patterns] == [repr(p) for p in (Unstructured(), Vectors(64), Neurons())]
    assert benched.plot_breakeven == [((benched.found,), {})]
    assert benched.save == [(("figure", Path("minprune-bench/map.png")), {})]
    [((path, text), _)] = benched.write_whole
    figures = json.loads(text)
    assert path == Path("minprune-bench/bench.json")
    assert text == json.dumps(figures, indent=1) + "\n"
    assert list(figures) == ["minprune", "python", "numpy", "machine", "blas", "breakeven"]
    assert figures["minprune"] == minprune.__version__
    assert figures["blas"] == {"library": "some BLAS", "threads": 1, "source": "OMP_NUM_THREADS"}
    assert figures["breakeven"] == benched.found.to_dict()


def test_a_figure_that_is_no_number_is_not_written(benched):
    broken = SimpleNamespace(to_dict=lambda: {"speedup": float("nan")})
    benched.breakeven.answer = broken
    with pytest.raises(ValueError, match="Out of range float values"):
        bench.run()
    assert benched.write_whole == []


def test_what_is_measured_next_is_seen_before_it_is_measured(benched, monkeypatch):
    said = Notes()
    monkeypatch.setattr(bench, "print", said, raising=False)
    bench.run(network([8, 6, 2]), batch_sizes=(2,))
    bench.run()
    assert [how for _, how in said] == [{}, {"flush": True}, {"flush": True}, {}, {"flush": True}, {}]


def test_a_bench_of_a_network(benched, capsys, tmp_path):
    net = network([8, 6, 2])
    bench.run(net, batch_sizes=(2, 100), seconds=0.5, out=tmp_path, sparsities=[0.5],
              chosen=[("Blocks", (2, 3)), ("NM", (2, 4))])  # fmt: skip
    timed = [benched.time_in_turns.answer(args[0], args[1], **how) for args, how in benched.time_in_turns]
    told = [
        f"program of 40 for {size}, {{}}\n\n{turns!r}\nbytes: 1,234, dense 4,000\n\n"
        for size, turns in zip((2, 100), timed, strict=True)
    ]
    assert capsys.readouterr().out == (
        f"network: {net!r}\n\n{''.join(told)}Where it would pay, random weights of these widths:\n{benched.found!r}\n"
    )
    [((widths, levels, sizes, patterns), how)] = benched.breakeven
    assert (widths, levels, sizes, how) == ([(8, 6, 2)], [0.5], (2, 100), {"seconds": 0.5})
    assert [repr(p) for p in patterns] == [repr(Blocks((2, 3))), repr(NM(2, 4))]
    assert [(net.kept, size, how) for (net, size), how in benched.compile] == [
        (60, 2, {"kernels": "dense"}), (40, 2, {}), (60, 100, {"kernels": "dense"}), (40, 100, {})
    ]  # fmt: skip
    for ((programs, x), how), size in zip(benched.time_in_turns, (2, 100), strict=True):
        assert list(programs) == ["dense", "program"]
        np.testing.assert_array_equal(x, np.random.default_rng(0).standard_normal((max(64, 4 * size), 8)))
        assert how == {"batch_size": size, "seconds": 0.5}
    figures = json.loads(benched.write_whole[0][0][1])
    told = figures["network"]
    assert (told["name"], told["kept"], told["sparsity"]) == ("network", 40, net.sparsity)
    assert told["batches"] == [
        turns.to_dict() | {"batch_size": size, "nbytes": {"dense": 4000, "program": 1234}, "speedup": 2.0}
        for size, turns in zip((2, 100), timed, strict=True)
    ]
    assert bench.run(net, name="n", widths=[5], out=str(tmp_path))[0] == tmp_path / "map.png"
    assert benched.breakeven[-1][0][0] == [5]
    assert capsys.readouterr().out.startswith(f"n: {net!r}\n")
