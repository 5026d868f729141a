"""Every public call refuses bad input: by type and text, without a warning, in little memory, and changes nothing.

The table is in the `bad_*` modules beside this one, a row for each call and bad argument.
"""

import tracemalloc

import bad_fitting
import bad_hooks
import bad_inference
import bad_made
import bad_measured
import bad_plans
import bad_pruning
import bad_study
import bad_training
import numpy as np
import pytest
from bad_world import Row, World, quietly

import minprune as mp
from minprune import errors

TABLE: list[Row] = [
    *bad_training.LAYERS, *bad_training.LOSSES, *bad_training.PENALTIES, *bad_training.OPTIMIZERS,
    *bad_fitting.NETWORKS, *bad_fitting.FIT,
    *bad_pruning.CRITERIA, *bad_pruning.PATTERNS, *bad_pruning.ALLOCATIONS, *bad_pruning.SCHEDULES,
    *bad_plans.PLANS, *bad_plans.MASKINGS, *bad_plans.WAYS,
    *bad_inference.INFERENCE, *bad_inference.KEEPING,
    *bad_hooks.SCORING, *bad_hooks.SHAPING, *bad_hooks.TRAINING, *bad_hooks.PROGRESS,
    *bad_made.RESULTS, *bad_made.FORMATS, *bad_made.OVERFLOWS,
    *bad_measured.MAPS, *bad_measured.REPLAYS,
    *bad_study.MEASURES, *bad_study.SWEEPS, *bad_study.PLOTS, *bad_study.DATA,
]  # fmt: skip
MEMORY = 2**20  # bytes that a refusal may take at most

# Public, but called with nothing of the caller's that could be bad.
WITHOUT_ROWS = {
    "takes no argument": {"ReLU", "Tanh", "Sigmoid", "GELU"},
    "is raised, not called": set(errors.__all__),
}


for name in mp.__all__:
    getattr(mp, name)  # is imported when it is first asked for, which takes memory


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.call}-{i}" for i, row in enumerate(TABLE)])
def test_bad_input_is_refused_and_nothing_is_changed(world, row):
    before = world.seen
    tracemalloc.start()
    try:
        with pytest.raises(mp.MinpruneError) as caught:
            quietly(row.do, world)
        took = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(caught.value) == row.text.replace("{folder}", str(world.folder))
    assert type(caught.value) is row.error
    assert took < MEMORY
    world.seen = world.digest()
    assert world.seen == before


def test_every_public_call_has_rows():
    """By its name, or by that of one of its methods; what needs none is listed with the reason."""
    covered = {row.call.split(".")[0] for row in TABLE}
    excused = set().union(*WITHOUT_ROWS.values())
    assert covered | excused == set(mp.__all__), covered ^ excused ^ set(mp.__all__)
    assert not covered & excused
    assert {f"datasets.{name}" for name in mp.datasets.__all__ if name != "NAMES"} <= {row.call for row in TABLE}


def test_the_digest_sees_every_part_of_the_world(tmp_path):
    """Each change below is one that a refused call might have made."""
    world = World(tmp_path)
    parameter = world.net.parameters["dense2.weight"]
    changes = [
        lambda: parameter.value.__setitem__((0, 0), 7),
        lambda: parameter.grad.__setitem__((0, 0), 7),
        lambda: setattr(parameter, "mask", np.eye(6, 3, dtype=bool)),
        lambda: world.adam.state(parameter).arrays["mean"].__setitem__((0, 0), 7),
        lambda: setattr(world.adam.state(parameter), "steps", 7),
        lambda: world.x.__setitem__((0, 0), 7),
        lambda: world.y.__setitem__(0, 2),
        lambda: world.rng.random(),
        lambda: np.random.random(),  # noqa: NPY002
        lambda: world.pruner.updates.clear(),
        lambda: world.file.write_bytes(b""),
        lambda: (tmp_path / "new").touch(),
    ]
    seen = [world.digest()]
    for change in changes:
        change()
        seen.append(world.digest())
    assert len(set(seen)) == len(seen)
