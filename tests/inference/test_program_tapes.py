"""Tapes: for a batch size that is known, a good x goes in by a quick look; any other is looked at closely."""

import tracemalloc

import numpy as np
import pytest
from matrices import bits
from packing import held_arrays

from minprune import Dense, Network, Sigmoid, compile
from minprune.inference import program as module
from minprune.inference.kernels import KERNELS

GOOD = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


class Subclass(np.ndarray):
    pass


def program(batch=2, kernel="dense"):
    return compile(Network.mlp([3, 4, 2], rng=0), batch, kernels=kernel)


@pytest.fixture
def looks(monkeypatch):
    """What has been looked at closely."""
    seen, features = [], module.features

    def look(x, *options, **more):
        seen.append(x)
        return features(x, *options, **more)

    monkeypatch.setattr(module, "features", look)
    return seen


@pytest.mark.parametrize("kernel", KERNELS)
def test_only_the_first_of_its_size_is_looked_at_closely(looks, kernel):
    made = program(kernel=kernel)
    first = made(GOOD)
    assert first.dtype == np.float32
    assert np.allclose(first, Network.mlp([3, 4, 2], rng=0)(GOOD), atol=1e-6)
    assert len(looks) == 1
    assert bits(made(GOOD)) == bits(first)
    assert bits(made(-GOOD)) != bits(first)
    assert len(looks) == 1
    made(GOOD[:1])
    assert len(looks) == 2
    made(GOOD)  # the size that it was compiled for is remembered, and so is the last other one
    made(GOOD[:1])
    assert len(looks) == 2


@pytest.mark.parametrize(
    "other",
    [
        GOOD.tolist(), GOOD.astype(np.float64), GOOD.astype(">f4"), np.asfortranarray(GOOD), GOOD[:, ::-1],
        GOOD.view(Subclass), np.repeat(GOOD, 2, axis=1)[:, ::2],
    ],
    ids=["list", "float64", "big-endian", "Fortran", "backwards", "subclass", "strided"],
)  # fmt: skip
def test_what_is_of_another_kind_is_looked_at_closely(looks, other):
    made = program()
    made(GOOD)
    result = made(other)
    assert type(result) is np.ndarray
    assert len(looks) == 2
    assert looks[1] is other
    assert bits(result) == bits(made(np.array(other, np.float32, order="C")))
    assert len(looks) == 2


@pytest.mark.parametrize("bad", [np.array(1.0, np.float32), GOOD[0], GOOD[None], GOOD[:, :2].copy(), GOOD * np.inf, []])
def test_what_can_not_be_is_refused_after_a_close_look(looks, bad):
    made = program()
    made(GOOD)
    with pytest.raises(ValueError, match=r"in Program\(\)"):
        made(bad)
    assert len(looks) == 2
    made(GOOD)
    assert len(looks) == 2


def test_functions_in_front_work_on_a_copy_each_time(looks):
    network = Network([Sigmoid(), *Network.mlp([3, 2], rng=0).layers])
    made, x = compile(network, 2, kernels="dense"), GOOD.copy()
    assert np.allclose(made(x), network(x), atol=1e-6)
    results = {bits(made(x)) for _ in range(3)}
    assert len(results) == 1
    assert len(looks) == 1
    assert bits(x) == bits(GOOD)


def test_a_copy_begins_without_tapes():
    made = program()
    made(GOOD)
    assert list(made._tapes) == [2]
    assert made.copy()._tapes == {}
    assert made.copy().__dict__ == made.__dict__ | {"_tapes": {}}


def test_what_it_holds_besides_its_steps_and_a_call_in_a_tape_allocates_nothing():
    made, x = compile(Network.mlp([50_000, 2], rng=0), 3, kernels="dense"), np.ones((3, 50_000), np.float32)
    made(x)
    own = {id(array) for array in held_arrays(made.steps)}
    held = sorted((array.dtype.kind, array.shape) for array in held_arrays(made) if id(array) not in own)
    assert held == [("b", (3, 2)), ("b", (3, 50_000)), ("f", (3, 2))]
    tracemalloc.start()
    made(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000  # of the 150 kB of what is good in x


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("batch", [1, 2])
def test_what_is_infinite_on_the_way_is_refused_without_a_warning(kernel, batch):
    layers = [Dense.from_arrays(np.full((3, 4), 3e38, np.float32)), Dense.from_arrays(np.eye(4, 2, dtype=np.float32))]
    made = compile(Network(layers), batch, kernels=kernel)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"the program's output must be finite, .*: nan"):  # 0 · ∞
            made(np.full((batch, 3), 9, np.float32))


def test_an_output_that_is_not_finite_is_refused_again_and_again_and_good_ones_are_not():
    made = program()
    made.steps[0].matrix.values.base[...] = 3e38
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"the program's output must be finite, got 4 NaN or infinite in Program\(\)"
        ):
            made(GOOD + 10)
    assert np.isfinite(made(GOOD * 0)).all()
