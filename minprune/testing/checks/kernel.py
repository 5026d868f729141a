"""The laws of a matrix format: ``kind.from_dense(w, mask=None)``, ``to_dense()``, ``m @ x``, ``nbytes``."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.arguments import Array
from minprune.testing import strategies
from minprune.testing.cases import Case, bits
from minprune.testing.running import Property, demand

LAYOUTS = ("C", "Fortran", "strided", "backwards", "read-only")


def laid_out(array: Array, layout: str) -> Array:
    """Return the same numbers in another memory layout."""
    if layout == "Fortran":
        return np.asfortranarray(array)
    if layout == "strided":
        wide = np.full([2 * n for n in array.shape], 99, array.dtype)
        part = tuple(slice(None, None, 2) for _ in array.shape)
        wide[part] = array
        return wide[part]
    if layout == "backwards":
        return np.flip(np.flip(array).copy())
    result = array.copy()
    result.flags.writeable = layout != "read-only"
    return result


def packed(kind: Any, case: Case) -> tuple[Any, Array]:
    """Return the packed matrix, and the dense one that it stands for."""
    if case.mask is None:
        return kind.from_dense(case.w), case.w
    return kind.from_dense(case.w, mask=case.mask), np.where(case.mask, case.w, 0).astype(case.w.dtype)


def format_round_trip(kind: Any, case: Case) -> None:
    matrix, w = packed(kind, case)
    back = matrix.to_dense()
    demand(bits(back) == bits(w), f"{w.dtype} {w.shape} {w.tolist()}, bit for bit", _shown(back))
    demand(tuple(matrix.shape) == w.shape, f"a shape of {w.shape}", matrix.shape)
    demand(matrix.dtype == w.dtype, f"a dtype of {w.dtype}", matrix.dtype)


def matmul_equal(kind: Any, case: Case) -> None:
    matrix, w = packed(kind, case)
    for x in (case.x, case.x[:, 0]) if case.x.shape[1] else (case.x,):
        got, want = matrix @ x, _product(w, x)
        demand(got.shape == want.shape and got.dtype == w.dtype, f"{w.dtype} of shape {want.shape}", _shown(got))
        demand((got == want).all(), f"W x = {want.tolist()}", got.tolist())


def _product(w: Array, x: Array) -> Array:
    """W x by loops; small multiples of 1/8 make every sum exact."""
    y = np.zeros((w.shape[0], *x.shape[1:]))
    for r, c in np.ndindex(w.shape):
        y[r] += w[r, c] * x[c]
    return y


def bytes_honest(kind: Any, case: Case) -> None:
    matrix, _ = packed(kind, case)
    held = {(array.__array_interface__["data"][0], array.nbytes): array for array in _arrays(matrix)}
    want = sum(array.nbytes for array in held.values())
    demand(matrix.nbytes == want, f"{want} bytes, those of the {len(held)} arrays held", matrix.nbytes)


def _arrays(value: Any, depth: int = 3) -> Iterator[Array]:
    """Go through the arrays that an object holds, in slots, fields, dicts and sequences."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _arrays(each, depth)
    elif depth and not isinstance(value, type | str | bytes | int | float | np.dtype):
        names = [f.name for f in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
        names += [*getattr(value, "__dict__", {}), *getattr(type(value), "__slots__", ())]
        for name in dict.fromkeys(names):
            if hasattr(value, name):
                yield from _arrays(getattr(value, name), depth - 1)


def layout_free(kind: Any, case: Case) -> None:
    matrix, w = packed(kind, case)
    want = matrix @ case.x
    x = laid_out(case.x, case.layout)
    before = x.copy()
    got = matrix @ x
    demand(bits(got) == bits(want), f"the same product for a {case.layout} x: {want.tolist()}", got.tolist())
    demand(bits(x.copy()) == bits(before), f"x left as it was: {before.tolist()}", x.tolist())
    mask = None if case.mask is None else laid_out(case.mask, case.layout)
    again = kind.from_dense(laid_out(case.w, case.layout), mask=mask).to_dense()
    demand(bits(again) == bits(w), f"the same matrix from a {case.layout} w: {w.tolist()}", again.tolist())


def _shown(array: Any) -> str:
    return f"{array.dtype} {array.shape} {array.tolist()}" if isinstance(array, np.ndarray) else repr(array)


@st.composite
def products(draw: DrawFn, *, least: int = 0) -> Case:
    """Draw a sparse matrix, a mask or none, and a batch."""
    w = draw(strategies.sparse_matrices(least=least))
    mask = draw(st.one_of(st.none(), st.none(), strategies.masks(w.shape)))
    batch = draw(st.one_of(st.integers(1, 3), st.integers(least, 4)))
    x = draw(strategies.weights((w.shape[1], batch), zeros=False, dtype=w.dtype))
    return Case(w=w, mask=mask, x=x)


@st.composite
def _laid_out(draw: DrawFn) -> Case:
    return Case(**vars(draw(products(least=1))), layout=draw(st.sampled_from(LAYOUTS[1:])))


PROPERTIES = {
    "format_round_trip": Property(format_round_trip, lambda _: products()),
    "matmul_equal": Property(matmul_equal, lambda _: products()),
    "bytes_honest": Property(bytes_honest, lambda _: products()),
    "layout_free": Property(layout_free, lambda _: _laid_out()),
}
