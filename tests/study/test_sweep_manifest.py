"""Runs of two recipes are never taken for one: what made a folder is known, and what is added to it may be new."""

import importlib.util
import re
from functools import cache, partial

import numpy as np
import pytest
from sweeping import ASKED, CRITERIA, build, points

from minprune import GradientMagnitude, Magnitude, Random, SoftmaxCrossEntropy
from minprune.errors import InvalidValueError, StorageError
from minprune.splits import Split
from minprune.study.manifest import agree, described
from minprune.study.sweep import sweep

SOURCE = '''
from math import sqrt
import numpy as np
RATE = 0.1
WIDTHS = (8, 4)
EPOCHS = 3
TABLE = np.arange(3)

def helper(x):
    return x * RATE

def train(network, seed, epochs=EPOCHS, *, more=EPOCHS + 1):
    """Train."""
    return helper(seed) + sqrt(TABLE[0]) + sum(w for w in WIDTHS)

def other():
    return 1
'''
CHANGES = {
    "nothing": (SOURCE, True),
    "a comment": (SOURCE.replace("    return helper", "    # a thought\n    return  helper"), True),
    "what it does not use": (SOURCE.replace("return 1", "return 2"), True),
    "its own code": (SOURCE.replace("helper(seed)", "helper(-seed)"), False),
    "a number that it uses": (SOURCE.replace("WIDTHS = (8, 4)", "WIDTHS = (8, 5)"), False),
    "an array that it uses": (SOURCE.replace("np.arange(3)", "np.arange(3) + 1"), False),
    "a default": (SOURCE.replace("EPOCHS = 3", "EPOCHS = 4"), False),
    "the code of what it calls": (SOURCE.replace("return x *", "return 2 * x *"), False),
    "a number that that uses": (SOURCE.replace("RATE = 0.1", "RATE = 0.2"), False),
}


@pytest.fixture
def module(tmp_path):
    def load(source):
        path = tmp_path / f"study{len(list(tmp_path.iterdir()))}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location("study", path)
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    return load


@pytest.mark.parametrize("change", CHANGES)
def test_a_function_is_another_when_what_it_does_may_be(change, module):
    source, same = CHANGES[change]
    assert (described(module(source).train) == described(module(SOURCE).train)) == same


def test_wrapped_and_partial_functions_are_told_by_what_is_inside():
    def one(network, seed, rate):
        return rate

    def two(network, seed, rate):
        return -rate

    assert described(partial(one, rate=0.1)) == described(partial(one, rate=0.1))
    different = [one, two, cache(two), partial(one, rate=0.1), partial(one, rate=0.2), partial(two, rate=0.1)]
    assert described(two) == described(cache(two))
    assert len({described(part).split("#")[1] for part in different}) == 5
    assert described(partial(one, rate=0.1)).startswith(one.__qualname__ + "#")


def calls_itself(n):
    return calls_itself(n - 1) if n else calls_back


def calls_back(n):
    return calls_itself(n)


def test_functions_that_call_each_other_come_to_an_end():
    assert described(calls_itself).startswith("calls_itself#")
    assert described(eval("lambda network: 1")) != described(eval("lambda network: 2"))  # of which there is no source


def test_criteria_are_told_by_what_they_print_and_by_what_they_hold():
    loss = SoftmaxCrossEntropy()
    parts = [Magnitude(), Random(rng=0), Random(rng=1), GradientMagnitude(loss), GradientMagnitude(loss, batch_size=7)]
    assert len({described(part) for part in parts}) == 5
    assert described(GradientMagnitude(loss)) == described(GradientMagnitude(SoftmaxCrossEntropy()))


def test_data_are_told_by_their_content():
    x, y = points()
    other = x.copy()
    other[-1, -1] += 1
    assert described((x, y)) == described((x.copy(), y.copy()))
    assert described(Split(x, y)) == described(Split(x.copy(), y))
    assert (
        len({described(part) for part in ((x, y), (other, y), (x.astype(float), y), Split(x, y), Split(other, y))}) == 5
    )
    assert len(described((x, y))) < 20
    assert described(None) == "none"
    assert described({"a": {2, 1}, "b": np}) == described({"a": {1, 2}, "b": np})


def test_new_names_are_added_and_known_ones_must_be_what_they_were(tmp_path):
    agree(tmp_path, {"train": "a", "criteria": {"m": "1"}})
    agree(tmp_path, {"train": "a", "criteria": {"n": "2"}, "data": "x"})
    kept = (tmp_path / "sweep.json").read_text()
    for parts, text in (
        ({"train": "b"}, f"train must be what made the runs in {tmp_path}, a, got b in sweep()"),
        ({"train": "a", "data": "y"}, f"data must be what made the runs in {tmp_path}, x, got y in sweep()"),
        ({"criteria": {"m": "2"}}, f"criteria['m'] must be what made the runs in {tmp_path}, 1, got 2 in sweep()"),
        ({"criteria": {"n": "3"}}, f"criteria['n'] must be what made the runs in {tmp_path}, 2, got 3 in sweep()"),
    ):
        with pytest.raises(InvalidValueError) as caught:
            agree(tmp_path, parts)
        assert str(caught.value) == f"{text}: take another folder, or put it back"
    assert (tmp_path / "sweep.json").read_text() == kept


def test_a_manifest_that_is_none_is_refused(tmp_path):
    for content in ("", "[]", "{"):
        (tmp_path / "sweep.json").write_text(content)
        with pytest.raises(StorageError, match=re.escape(f"{tmp_path / 'sweep.json'} does not say what made the runs")):
            agree(tmp_path, {})


def test_a_sweep_of_another_recipe_is_refused_before_anything_is_run(tmp_path):
    def go(criteria=CRITERIA, **more):
        return sweep(build, criteria, [0.5], [0], **ASKED | {"folder": tmp_path, "workers": 0, "controls": []} | more)

    def train(network, seed):
        raise AssertionError

    go({"magnitude": Magnitude()}, data=None)
    with pytest.raises(InvalidValueError, match="train must be what made"):
        go(train=train)
    with pytest.raises(InvalidValueError, match="finetune must be what made"):
        go(finetune=None)
    with pytest.raises(InvalidValueError, match=r"criteria\['magnitude'\] must be what made"):
        go({"magnitude": Random(rng=0)})
    assert len(go().records) == 2  # data for a criterion that is new
