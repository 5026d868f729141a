"""What runs keep, byte by byte, and what a manifest makes of a part; clocks, activity and small widths."""

import hashlib
import json
import os
from concurrent.futures import Future
from functools import partial

import numpy as np
import pytest
from clocks import Clock
from noting import Bar, Notes

from minprune import Dense, Network, ReLU, Select, analyze
from minprune.errors import InvalidValueError, StorageError
from minprune.study import complexity, manifest, runs, timing
from minprune.study.activity import share_active
from minprune.study.controls import small_widths
from minprune.study.runs import check_workers, run_all
from minprune.study.timing import Blas, time_in_turns, time_inference

# runs


def half(*, x, label="", shift=0):
    return {"half": x / 2 + shift, "array": np.arange(x), "said": "é"}


def name_of(task):
    return hashlib.sha256(json.dumps(task, sort_keys=True).encode()).hexdigest()[:16]


def test_a_result_is_kept_in_a_file_named_by_its_task_beside_its_arrays(tmp_path):
    task = {"x": 3, "label": "ä"}
    run_all(half, [task], folder=str(tmp_path / "new"), workers=0)
    stem = tmp_path / "new" / name_of(task)
    plain = {"x": 3, "label": "ä", "half": 1.5, "said": "é", "arrays": ["array"]}
    assert stem.with_suffix(".json").read_text(encoding="utf-8") == json.dumps(plain, indent=1) + "\n"
    with np.load(stem.with_suffix(".npz")) as arrays:
        assert {name: arrays[name].tolist() for name in arrays.files} == {"array": [0, 1, 2]}
    run_all(lambda *, x: {"y": [x]}, [{"x": 4}], folder=tmp_path, workers=0)
    assert (tmp_path / f"{name_of({'x': 4})}.json").read_text() == '{\n "x": 4,\n "y": [\n  4\n ]\n}\n'
    assert len(os.listdir(tmp_path)) == 2


def test_progress_begins_with_what_is_there_and_goes_on_run_by_run(tmp_path, monkeypatch):
    bar = Bar()
    monkeypatch.setattr(runs, "Progress", bar)
    run_all(half, [{"x": 1}], folder=tmp_path, workers=0)
    assert (bar.asked, bar.steps) == ((1, "runs", None), [("", 0), ("", 1)])
    run_all(half, [{"x": 2}, {"x": 1}, {"x": 3}], folder=tmp_path, workers=0, label="own", progress=False)
    assert (bar.asked, bar.steps) == ((3, "own", False), [("", 1), ("", 1), ("", 1)])


class AtOnce(runs.Executor):
    """Does work the moment it gets it."""

    def __init__(self):
        self.given = []

    def submit(self, work, /, *args, **more):
        self.given.append((work, args, more))
        future = Future()
        future.set_result(work(*args, **more))
        return future


def test_an_executor_is_given_each_task_with_what_is_shared():
    pool = AtOnce()
    found = run_all(half, [{"x": 1}, {"x": 2}], executor=pool, shared=lambda task: {"shift": task["x"]})
    assert [one["half"] for one in found] == [1.5, 3.0]
    assert pool.given == [(half, (), {"x": 1, "shift": 1}), (half, (), {"x": 2, "shift": 2})]
    assert run_all(half, [{"x": 1}], workers=0, shared={"shift": 7})[0]["half"] == 7.5


def test_there_are_as_many_processes_as_processors_or_as_asked_for_and_no_more_than_runs(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0: [4, 5, 6]}[pid], raising=False)
    assert check_workers(None, None, "fn") == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    for processors, wanted in ((5, 5), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda n=processors: n)
        assert check_workers(None, None, "fn") == wanted
    assert check_workers(None, 0, "fn") == 0
    asked = []

    class Pool(AtOnce):
        def __init__(self, count, *, mp_context, initializer):
            super().__init__()
            asked.append((count, mp_context.get_start_method(), initializer, os.environ["OMP_NUM_THREADS"]))

        def shutdown(self, **how):
            asked.append(how)

    monkeypatch.setattr(runs, "ProcessPoolExecutor", Pool)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    for tasks, count in ((2, 2), (9, 4)):
        run_all(half, [{"x": x} for x in range(tasks)], workers=4)
        assert asked == [(count, "spawn", runs._leave_with_parent, "1"), {"wait": True, "cancel_futures": True}]
        asked.clear()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ
    assert run_all(half, [], workers=4) == []
    assert asked == []


def test_an_error_has_a_note_that_says_in_which_run_it_came():
    def fails(*, x, name):
        raise ArithmeticError("no")

    with pytest.raises(ArithmeticError) as caught:
        run_all(fails, [{"x": 1, "name": "a"}], workers=0)
    assert caught.value.__notes__ == ["in the run x=1, name='a'"]
    with pytest.raises(runs.BrokenExecutor) as caught, runs._named({"x": 2}):
        raise runs.BrokenExecutor
    assert caught.value.__notes__ == [
        "in the run x=2",
        "a process ended at once: for lack of memory, or since a script must have its code under "
        'if __name__ == "__main__":',
    ]


def test_a_file_that_is_no_result_is_refused_to_the_letter(tmp_path):
    run_all(half, [{"x": 1}], folder=tmp_path, workers=0)
    plain, packed = (tmp_path / f"{name_of({'x': 1})}{end}" for end in (".json", ".npz"))
    packed.unlink()
    for content, text in (
        (None, f"{packed} is missing, beside its json; remove that to run again"),
        ("[1]", f"{plain} is no result of a run: it holds a list; remove it to run again"),
    ):
        plain.write_text(content) if content else None
        with pytest.raises(StorageError) as caught:
            run_all(half, [{"x": 1}], folder=tmp_path, workers=0)
        assert str(caught.value) == text


# manifests


class Plain:
    """Has an address in its repr, and no state."""

    __slots__ = ()


class Stateful:
    def __init__(self):
        self.rate, self.parts = 0.5, [1, (2, "b")]

    def __repr__(self):
        return "Stateful()"


def test_a_part_is_made_of_what_can_be_read_of_it():
    array = np.arange(3, dtype=np.int16)
    digest = hashlib.sha256(array.tobytes()).hexdigest()
    own = f"{Plain.__module__}.Plain"
    for part, text in (
        (array, f"array (3,) int16 {digest}"),
        ({"a": 1, 2: [3]}, "{'a': 1, 2: [3]}"),
        ((1, "b", [2.5]), "[1, 'b', [2.5]]"),
        ({3, 1, 2}, "{1, 2, 3}"),
        (frozenset("ba"), "{'a', 'b'}"),
        (np, "numpy"),
        (Plain, own),
        (Plain(), own),
        (None, "None"),
        (partial(Plain, 1, b=2), f"partial({own}, [[1], {{'b': 2}}])"),
    ):
        assert manifest._content(part, set()) == text
    assert manifest._state(Plain()) == ""
    assert manifest._state(Stateful()) == "{'rate': 0.5, 'parts': [1, [2, 'b']]}"


def digits(text):
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def test_a_description_is_a_name_and_eight_digits_of_all_that_it_is():
    assert manifest.described(Stateful()) == "Stateful()#" + digits("Stateful(){'rate': 0.5, 'parts': [1, [2, 'b']]}")
    assert manifest.described(Plain) == "Plain#" + digits(f"{Plain.__module__}.Plain")
    assert manifest.described("x" * 98) == f"{'x' * 98!r}#" + digits(f"{'x' * 98!r}")
    assert manifest.described("x" * 99) == "str#" + digits(f"{'x' * 99!r}")
    assert manifest.described(("a\n", 1)).startswith("('a\\n', 1)#")
    assert manifest.described(np.array([[1], [2]])).startswith("ndarray#")  # which prints on two lines
    assert manifest.described(None) == "none"


def test_a_manifest_is_written_where_something_is_new(tmp_path, monkeypatch):
    manifest.agree(tmp_path, {"a": "1", "b": {"x": "2"}})
    assert (tmp_path / "sweep.json").read_text() == '{\n "a": "1",\n "b": {\n  "x": "2"\n }\n}\n'
    manifest.agree(tmp_path, {"b": {"y": "é"}, "c": "4"})
    assert json.loads((tmp_path / "sweep.json").read_text()) == {"a": "1", "b": {"x": "2", "y": "é"}, "c": "4"}
    monkeypatch.setattr(manifest, "write_whole", Notes())
    manifest.agree(tmp_path, {"a": "1", "b": {"x": "2"}})
    assert manifest.write_whole == []
    (tmp_path / "sweep.json").write_text("[]")
    with pytest.raises(StorageError) as caught:
        manifest.agree(tmp_path, {})
    assert str(caught.value) == f"{tmp_path / 'sweep.json'} does not say what made the runs beside it: it holds a list"


# clocks

X = np.arange(20.0).reshape(10, 2)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter_ns", clock)
    monkeypatch.setattr(timing, "blas", lambda: Blas("b", 1, "s"))
    return clock


def test_a_timing_of_which_nothing_is_said(clock):
    found = time_inference(clock.model("m", 10**7), X)
    assert (found.batch_size, found.calls) == (1, 30)  # 0.3 s of 10 ms each
    assert len(clock.calls) == 10 + 1 + 30
    order = np.random.default_rng(0).permutation(10)
    given = [x for _, x in clock.calls]
    wanted = [*range(10), 9, *(k % 10 for k in range(30))]  # to warm up, one that is not counted, and those timed
    assert [x.tolist() for x in given] == [[X[order[k]].tolist()] for k in wanted]


def test_turns_of_which_nothing_is_said(clock):
    found = time_in_turns({"a": clock.model("a", 10**6), "b": clock.model("b", 10**6)}, X)
    assert len(found.bursts["a"]) == 9
    assert found["a"].calls == 9 * 34  # a ninth of 0.3 s takes 33.3 calls of 1 ms
    assert len(clock.calls) == 2 * (10 + 9 * 35)


def test_batches_are_cut_from_the_rows_in_an_order_that_is_drawn_32_at_most():
    def cut(count, size):
        rows = np.arange(count)[:, None]
        return [batch[:, 0].tolist() for batch in timing._batches(rows, size, np.random.default_rng(3))]

    order = np.random.default_rng(3).permutation(5).tolist()
    assert cut(5, 2) == [order[:2], order[2:4], [order[4], order[0]]]
    assert cut(5, 7) == [[*order, *order[:2]]]
    assert [len(cut(count, 1)) for count in (31, 32, 33)] == [31, 32, 32]


def test_a_model_of_no_name_and_a_size_beyond_memory_are_refused_to_the_letter(clock):
    model = clock.model("m", 10**7)
    for call, text in (
        (lambda: time_inference(model, X, batch_size=2**40), "batch_size must be at most {most}, got 1099511627776 in "
         "time_inference()"),
        (lambda: time_in_turns({"a": model}, X, rounds=0), "rounds must be at least 1, got 0 in time_in_turns()"),
        (lambda: time_in_turns({"a": model}, X, warmup=-1), "warmup must be at least 0, got -1 in time_in_turns()"),
        (lambda: time_in_turns({"a": model}, X, seconds=0), "seconds must be greater than 0 and finite, got 0 in "
         "time_in_turns()"),
        (lambda: time_in_turns({"a": model}, X[0]), "x must have shape (batch, inputs), with at least one row, got "
         "(2,) in time_in_turns()"),
        (lambda: time_in_turns({"a": model}, X)["b"], "name must be a known name, got 'b' in Turns(); known: a"),
        (lambda: time_in_turns({"a": model}, X).speedup("a", "b"), "name must be a known name, got 'b' in speedup(); "
         "known: a"),
    ):  # fmt: skip
        with pytest.raises(InvalidValueError) as caught:
            call()
        assert str(caught.value) == text.format(most=timing.LARGEST_LAYER // 2)


# activity and widths


def test_rows_are_looked_at_1024_at_a_time_unless_it_is_said(monkeypatch):
    asked = Notes(lambda network, x, batch_size: [np.zeros(3), None])
    monkeypatch.setattr(complexity, "share_active", asked)
    network = Network.mlp([2, 3, 2], rng=0)
    analyze(network, X)
    analyze(network, X, batch_size=7)
    assert [args[2] for args, _ in asked] == [1024, 7]


@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_a_unit_is_active_where_it_is_not_0_after_its_activation(batch_size):
    first = Dense.from_arrays(np.array([[1.0, -1, 0, 1], [0, 0, 0, 1]], np.float32), None)
    second = Dense.from_arrays(np.eye(4, 2, dtype=np.float32), np.array([0, -4], np.float32))
    network = Network([Select([0, 2], 3), first, ReLU(), second, ReLU(), Dense(2, 1, rng=0)])
    x = np.column_stack([np.arange(10) - 4.0, np.full(10, 9.0), np.arange(10) % 5 - 2.0]).astype(np.float32)
    before = x.copy()
    found = share_active(network, x, batch_size)
    h = np.maximum(x[:, [0, 2]] @ first.weight.value, 0)
    k = np.maximum(h @ second.weight.value + second.bias.value, 0)
    assert found[0].tolist() == (h != 0).mean(axis=0).tolist()
    assert found[1].tolist() == (k != 0).mean(axis=0).tolist()
    assert found[2] is None
    np.testing.assert_array_equal(x, before)


def test_units_that_are_not_finite_are_refused_by_their_layer():
    big = Dense.from_arrays(np.array([[3e38, 1.0]], np.float32), None)
    second = Dense.from_arrays(np.array([[1e-38], [1.0]], np.float32), None)
    third = Dense.from_arrays(np.array([[3e38]], np.float32), None)
    last = Dense.from_arrays(np.array([[1.0]], np.float32), None)
    for layers, x, name in (([big, second], 3.0, "dense1"), ([last, third, last.copy()], 3.0, "dense2")):
        with pytest.raises(InvalidValueError) as caught:
            analyze(Network(layers), np.array([[x]], np.float32))
        text = f"the units of {name} must be finite, got 1 NaN or infinite in analyze(), the first at (0, 0): inf"
        assert str(caught.value) == text


@pytest.mark.parametrize(
    ("widths", "weights", "wanted"),
    [
        ([784, 300, 100, 10], 5_324, [784, 6, 39, 10]),
        ([784, 300, 100, 10], 266_200, [784, 300, 100, 10]),
        ([784, 300, 100, 10], 1, [784, 1, 1, 10]),
        ([8, 12, 6, 3], 105, [8, 7, 5, 3]),
        ([4, 10, 2], 32, [4, 5, 2]),
        ([4, 10, 2], 33, [4, 6, 2]),
    ],
)
def test_small_widths_are_these(widths, weights, wanted):
    assert small_widths(widths, weights) == wanted
