"""Hypothesis strategies for pruning: weights, scores, masks, networks, data, and what may be asked of a pruner.

Values are dyadic by default, small multiples of 1/8: sums and products of a few of them are exact in float32, in
whatever order, so that equal can mean equal to the last bit. Everything is small and shrinks to something readable: a
layer to 1×1, a value to 0 or 1, a mask to all kept. Strategies that are asked for again and again are kept (`cache`):
Hypothesis looks each new one over, and that takes longer than drawing.

Importing this module also tells Hypothesis how to make a `Network` or a `Split`: ``st.from_type(mp.Network)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import DrawFn, SearchStrategy

from minprune.arguments import Array, Bools
from minprune.nn.network import Network
from minprune.splits import Split
from minprune.testing.cases import Case
from minprune.testing.cases import network as made

FEW = (0.0, 0.25, 0.5, 1.0, 2.0)  # ties everywhere
_ZEROS = [0.0, -0.0]
_EIGHTHS = [sign * k / 8 for k in (8, 4, 2, 1, 6, 12, 16, 24, 32) for sign in (1, -1)]


@cache
def weights(
    shape: tuple[int, ...] | SearchStrategy[tuple[int, ...]] | None = None,
    *,
    ties: bool = True,
    zeros: bool = True,
    dtype: Any = np.float32,
) -> SearchStrategy[Array]:
    """Return arrays of dyadic numbers of both signs.

    Parameters
    ----------
    shape : tuple, strategy of tuples, optional
        By default (inputs, outputs), each 1 to 6.
    ties : bool
        Whether two may be of one size. Without, sizes are k/8 for different k.
    zeros : bool
        Whether there may be zeros.
    dtype : float32 or float64

    Examples
    --------
    >>> from hypothesis import find
    >>> find(weights((2, 2)), lambda w: (w != 0).all())
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    shapes = shape if isinstance(shape, SearchStrategy) else st.just(shape) if shape is not None else _shapes()
    if ties:
        elements = st.sampled_from([*_ZEROS, *_EIGHTHS] if zeros else _EIGHTHS)
        return shapes.flatmap(lambda s: hnp.arrays(dtype, s, elements=elements, fill=st.nothing()))

    def apart(s: tuple[int, ...]) -> SearchStrategy[Array]:
        size = int(np.prod(s))
        signs = hnp.arrays(np.bool_, size)
        order = orders(size).map(lambda numbers: numbers + (1 - zeros))
        return st.tuples(order, signs).map(
            lambda pair: (pair[0] * np.where(pair[1], -1, 1) / 8).astype(dtype).reshape(s)
        )

    return shapes.flatmap(apart)


@cache
def masks(shape: tuple[int, ...]) -> SearchStrategy[Bools]:
    """Return masks of a shape: any, nearly full or nearly empty ones, and full and empty ones."""
    some = hnp.arrays(np.bool_, shape, elements=st.sampled_from([True, False]), fill=st.nothing())
    return st.one_of(st.just(True).map(lambda _: np.ones(shape, bool)), some, some, hnp.arrays(np.bool_, shape))


@cache
def orders(size: int) -> SearchStrategy[Array]:
    """Return the numbers 0 … size − 1 rising, falling or in any order: quicker than `permutations`."""
    rising = np.arange(size)
    shuffled = st.integers(0, 2**16).map(lambda seed: np.random.default_rng(seed).permutation(size))
    return st.one_of(st.sampled_from([rising, rising[::-1]]).map(np.copy), shuffled, shuffled)


@st.composite
def shapes_of_layers(
    draw: DrawFn, *, layers: tuple[int, int] = (1, 3), width: int = 5, least: int = 1
) -> list[tuple[int, int]]:
    """Draw the shapes of layers that fit: each takes as many inputs as the one before has outputs."""
    widths = [draw(st.integers(least, width)) for _ in range(draw(st.integers(*layers)) + 1)]
    return list(pairwise(widths))


@st.composite
def scores(
    draw: DrawFn,
    shapes: Sequence[tuple[int, int]] | Mapping[str, tuple[int, int]] | None = None,
    *,
    ties: bool | None = None,
    dtype: Any = np.float32,
) -> dict[str, Array]:
    """Draw scores by name: with ties, all equal or all zero; or without ties, the numbers 1 … N in any order.

    Parameters
    ----------
    shapes : sequence or mapping of name to shape, optional
        By default one to three layers that fit, named as in a `Network`.
    ties : bool, optional
        Only with, or only without; by default both.
    """
    given = draw(shapes_of_layers()) if shapes is None else shapes
    named = given if isinstance(given, Mapping) else {f"dense{k}.weight": s for k, s in enumerate(given, 1)}
    sizes = [int(np.prod(s)) for s in named.values()]
    if draw(st.booleans()) if ties is None else ties:
        values = FEW if draw(st.booleans()) else (draw(st.sampled_from(FEW)),)
        flat = draw(hnp.arrays(dtype, sum(sizes), elements=st.sampled_from(values), fill=st.nothing()))
    else:
        flat = (draw(orders(sum(sizes))) + 1).astype(dtype)
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    return {name: part.reshape(shape).copy() for (name, shape), part in zip(named.items(), parts, strict=True)}


@cache
def sparsities() -> SearchStrategy[float]:
    """Return sparsities in [0, 1): plain ones, which often fall halfway between two counts, next to 0 and next to 1."""
    plain = st.sampled_from([0.5, 0.25, 0.75, 0.125, 0.9, 0.1, 0.0])
    edges = st.sampled_from([0.999, 1e-12, float(np.nextafter(1.0, 0.0))])
    return st.one_of(plain, st.integers(1, 99).map(lambda k: k / 100), edges)


@st.composite
def networks(
    draw: DrawFn,
    *,
    layers: tuple[int, int] = (1, 3),
    width: int = 5,
    pruned: bool | None = None,
    bias: bool | None = None,
    activations: Sequence[str] = ("relu", "tanh"),
    zeros: bool = True,
    dtype: Any = np.float32,
) -> Network:
    """Draw a network of a few narrow layers with dyadic weights.

    Parameters
    ----------
    layers : (int, int)
        At least and at most so many `Dense`.
    width : int
        At most so many units.
    pruned : bool, optional
        Whether it has masks; by default perhaps.
    bias : bool, optional
        Whether layers have biases; by default each perhaps.
    activations : sequence of str
        One of them stands between the layers.
    zeros : bool
        Whether weights may be 0.
    """
    shapes = draw(shapes_of_layers(layers=layers, width=width))
    values = [draw(weights(shape, zeros=zeros, dtype=dtype)) for shape in shapes]
    has_bias = [draw(st.booleans()) if bias is None else bias for _ in shapes]
    biases = [draw(weights((s[1],), dtype=dtype)) if there else None for s, there in zip(shapes, has_bias, strict=True)]
    with_masks = draw(st.booleans()) if pruned is None else pruned
    kept = [draw(masks(shape)) for shape in shapes] if with_masks else None
    activation = draw(st.sampled_from(list(activations))) if len(shapes) > 1 else activations[0]
    return made(values, biases=biases, masks=kept, activation=activation)


@st.composite
def splits(
    draw: DrawFn,
    *,
    inputs: int = 3,
    outputs: int = 2,
    rows: tuple[int, int] = (1, 6),
    dtype: Any = np.float32,
) -> Split:
    """Draw data: dyadic x, (rows, inputs), with class labels."""
    number = draw(st.integers(*rows))
    x = draw(weights((number, inputs), dtype=dtype))
    return Split(x, np.array(draw(st.lists(st.integers(0, outputs - 1), min_size=number, max_size=number))))


@st.composite
def plan_requests(
    draw: DrawFn, /, *, ties: bool | None = None, pruned: bool | None = None, min_keep: int | None = 0, **limits: Any
) -> Case:
    """Draw what is asked of a plan: ``Case(network=…, scores=…, sparsity=…, min_keep=…)``.

    Parameters
    ----------
    ties : bool, optional
        As in `scores`.
    pruned : bool, optional
        As in `networks`, which takes the other arguments.
    min_keep : int, optional
        None for one of 0, 1, 2 and 20.
    """
    sparsity = draw(sparsities())
    network = draw(networks(pruned=pruned, **limits))
    given = draw(scores({name: p.shape for name, p in network.prunable.items()}, ties=ties))  # type: ignore[misc]
    least = draw(st.sampled_from([0, 1, 2, 20])) if min_keep is None else min_keep
    return Case(network=network, scores=given, sparsity=sparsity, min_keep=least)


@st.composite
def sparse_matrices(draw: DrawFn, *, dtype: Any = None, least: int = 0, most: int = 6) -> Array:
    """Draw matrices with many zeros, among them empty rows and columns, and those without any rows or columns."""
    kind = draw(st.sampled_from([np.float32, np.float64])) if dtype is None else dtype
    sides = st.one_of(st.integers(max(1, least), most), st.integers(least, most))
    shape = draw(st.tuples(sides, sides))
    matrix = draw(weights(shape, dtype=kind))
    matrix[~draw(masks(shape))] = 0
    matrix[~draw(masks(shape[:1]))] = 0
    if draw(st.booleans()):
        matrix[:, ~draw(masks(shape[1:]))] = 0
    return matrix


def _shapes() -> SearchStrategy[tuple[int, ...]]:
    return st.tuples(st.integers(1, 6), st.integers(1, 6))


st.register_type_strategy(Network, networks())
st.register_type_strategy(Split, splits())
