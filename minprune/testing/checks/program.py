"""The laws of what packs a network for inference: ``compile_fn(network, batch_size)`` returns a function of x."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.inference.compaction import compact
from minprune.testing import strategies
from minprune.testing.cases import Case, bits, digest
from minprune.testing.checks.kernel import LAYOUTS, laid_out
from minprune.testing.running import LawBroken, Property, demand

CLOSE = 1e-5  # float32, sums in another order
Compile = Callable[..., Callable[[Any], Any]]


def program_equal(compile_fn: Compile, case: Case) -> None:
    program = compile_fn(case.network, case.batch_size)
    want, got = case.network(case.x), np.asarray(program(case.x))
    demand(got.shape == want.shape, f"an output of shape {want.shape}", got.shape)
    demand(np.allclose(got, want, CLOSE, CLOSE), f"what the masked network says, {want.tolist()}", got.tolist())
    compacted = compact(case.network)(case.x)
    demand(np.allclose(got, compacted, CLOSE, CLOSE), f"what the compacted says, {compacted.tolist()}", got.tolist())


def program_repeats(compile_fn: Compile, case: Case) -> None:
    program = compile_fn(case.network, case.batch_size)
    first = program(case.x)
    kept = first.copy()
    program(-case.x + 1)
    demand(bits(first) == bits(kept), f"an earlier result to stay {kept.tolist()}", first.tolist())
    again = program(case.x)
    demand(bits(again) == bits(kept), f"the same result for the same x, {kept.tolist()}", again.tolist())


def layout_free(compile_fn: Compile, case: Case) -> None:
    program = compile_fn(case.network, case.batch_size)
    want, x = program(case.x), laid_out(case.x, case.layout)
    before = x.copy()
    got = program(x)
    same = np.allclose(got, want, CLOSE, CLOSE)
    demand(same, f"the same result for a {case.layout} x: {want.tolist()}", got.tolist())
    demand(bits(x.copy()) == bits(before), f"x left as it was: {before.tolist()}", x.tolist())


def refused_unchanged(compile_fn: Compile, case: Case) -> None:
    before = digest(case.network)
    for size in (0, "many"):
        try:
            compile_fn(case.network, size)
        except Exception:
            demand(digest(case.network) == before, "the network left alone by a refusal", "a changed one")
        else:
            raise LawBroken(f"a refusal of batch_size={size!r}", "a program")
    program = compile_fn(case.network, case.batch_size)
    want = program(case.x)
    for bad in (case.x[:, :-1], np.where(np.arange(case.x.shape[1]) == 0, np.nan, case.x)):
        try:
            program(bad)
        except Exception:
            again = program(case.x)
            demand(bits(again) == bits(want), f"the same result after a refusal, {want.tolist()}", again.tolist())
        else:
            raise LawBroken(f"a refusal of x = {bad.tolist()}", "a result")
    demand(digest(case.network) == before, "the network left alone", "a changed one")


@st.composite
def _calls(draw: DrawFn) -> Case:
    batch_size = draw(st.sampled_from([1, 3]))
    network = draw(strategies.networks(layers=(1, 3), width=4, activations=("relu", "tanh", "sigmoid")))
    x = draw(strategies.weights((draw(st.integers(1, 3)), network.inputs)))
    return Case(network=network, batch_size=batch_size, x=x)


@st.composite
def _laid_out(draw: DrawFn) -> Case:
    return Case(**vars(draw(_calls())), layout=draw(st.sampled_from(LAYOUTS[1:])))


PROPERTIES = {
    "program_equal": Property(program_equal, lambda _: _calls()),
    "program_repeats": Property(program_repeats, lambda _: _calls()),
    "layout_free": Property(layout_free, lambda _: _laid_out()),
    "refused_unchanged": Property(refused_unchanged, lambda _: _calls()),
}
