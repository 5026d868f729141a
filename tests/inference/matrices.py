"""Matrices, their bits and layouts, the formats and every way through them, and the product in three loops."""

from contextlib import ExitStack, contextmanager
from functools import partial
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune.inference import csr, ell, panels
from minprune.inference.csr import CSR
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.panels import Panels

FLOATS = st.sampled_from([np.float32, np.float64])
SIZES = st.integers(0, 7)
BATCHES = (0, 1, 2, 17)
FORMATS = (DenseMatrix, PackedDense, Panels, ELL, CSR)
MODULES = {CSR: csr, ELL: ell, Panels: panels}
HUGE = 10**9

# Every way through a format: the names in its module that decide, each with a value that forces one answer.
WAYS = {
    "dense": (DenseMatrix, {}),
    "packed": (PackedDense, {}),
    "panels": (Panels, {}),
    "panels all in a group": (Panels, {"_FILL": HUGE}),
    "panels cut in two or three": (Panels, {"_FILL": HUGE, "_CACHE": 200}),
    "panels cut one by one": (Panels, {"_FILL": HUGE, "_CACHE": 1}),
    "panels never filled up": (Panels, {"_FILL": 0, "_MOST_GROUPS": 64}),
    "panels apart": (Panels, {}),
    "ell": (ELL, {}),
    "ell in one slice": (ELL, {"_WASTE": 0, "_MOST_SLICES": 1}),
    "ell in a few slices": (ELL, {"_LEAST": 1}),
    "ell in many slices": (ELL, {"_WASTE": 0, "_MOST_SLICES": 64, "_LEAST": 1}),
    "csr": (CSR, {}),
    "csr by row": (CSR, {"_STEP": -1}),
    "csr by sample": (CSR, {"_STEP": HUGE}),
    "csr in blocks of 1": (CSR, {"_STEP": HUGE, "_BLOCK": 1}),
    "csr in blocks of 3": (CSR, {"_STEP": HUGE, "_BLOCK": 3}),
}
EACH_FORMAT = pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.__name__)
EACH_WAY = pytest.mark.parametrize("way", WAYS)
SHARED = settings(
    max_examples=settings.default.max_examples // 2
)  # for properties that are tried in each of these ways


@contextmanager
def going(way):
    """Have matrices packed and multiplied in one way; gives their format."""
    kind, names = WAYS[way]
    with ExitStack() as stack:
        if names:
            stack.enter_context(mock.patch.multiple(MODULES[kind], **names))
        if way == "panels apart":
            for name in ("from_dense", "_pack"):
                stack.enter_context(mock.patch.object(Panels, name, partial(getattr(Panels, name), together=False)))
        yield kind


@contextmanager
def going_all(draw_way):
    """Force one way for each format at once, for programs: `draw_way` picks among a list."""
    with ExitStack() as stack:
        for kind, module in MODULES.items():
            names = draw_way([names for its, names in WAYS.values() if its is kind])
            if names:
                stack.enter_context(mock.patch.multiple(module, **names))
        yield


def slow_matmul(w, x):
    """Three nested loops over Python floats: y[r, b] = Σ_c w[r, c] · x[c, b]."""
    y = np.zeros((w.shape[0], x.shape[1]), w.dtype)
    w, x = w.tolist(), x.T.tolist()
    for r, row in enumerate(w):
        for b, sample in enumerate(x):
            total = 0.0
            for weight, number in zip(row, sample, strict=True):
                total += weight * number
            y[r, b] = total
    return y


def bits(array):
    return array.dtype, array.shape, array.tobytes()


def layouts(array):
    """The same values C-ordered, Fortran-ordered, strided both ways, backwards and read-only."""
    strided = np.full([2 * n for n in array.shape], 99, array.dtype)
    strided[tuple(slice(None, None, 2) for _ in array.shape)] = array
    frozen = array.copy()
    frozen.flags.writeable = False
    backwards = np.flip(np.flip(array).copy())
    return {
        "C": array.copy(),
        "Fortran": np.asfortranarray(array),
        "strided": strided[tuple(slice(None, None, 2) for _ in array.shape)],
        "backwards": backwards,
        "read-only": frozen,
    }


def eighths(shape, dtype, seed=0):
    """Multiples of 1/8 in [-4, 4], a quarter of them zero: sums of some products are exact in float32."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-32, 33, shape) * (rng.random(shape) < 0.75)).astype(dtype) / np.dtype(dtype).type(8)


@st.composite
def masks(draw, rows=SIZES, columns=SIZES):
    """Any mask: with empty rows and columns, and sizes of 0."""
    mask = draw(hnp.arrays(bool, (draw(rows), draw(columns))))
    mask[draw(hnp.arrays(bool, mask.shape[0]))] = False
    mask[:, draw(hnp.arrays(bool, mask.shape[1]))] = False
    return mask


@st.composite
def structured_masks(draw):
    """What structured pruning leaves: rows repeated (panels, ragged, some of them empty), blocks, or equal rows."""
    width = draw(st.integers(1, 12))
    runs = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2**16)), min_size=1, max_size=5))
    kind, lines = draw(st.sampled_from(["panels", "blocks", "equal rows", "nearly equal rows"])), []
    few = draw(st.integers(0, width))
    for height, seed in runs:
        rng = np.random.default_rng(seed)
        if kind == "panels":
            lines += [rng.random(width) < rng.choice([0.0, 0.3, 0.7])] * height
        elif kind == "blocks":
            lines += [np.repeat(rng.random(width) < 0.4, 2)[:width]] * 2
        else:
            uneven = kind == "nearly equal rows"
            lines += [rng.permutation(width) < few - (uneven and rng.random() < 0.3) for _ in range(height)]
    return np.array(lines, bool)


ANY_MASK = st.one_of(masks(), structured_masks())


@st.composite
def matrices(draw, mask=ANY_MASK):
    """A matrix of eighths and its mask; under the mask stands what must not be looked at."""
    mask, dtype = draw(mask), draw(FLOATS)
    w = eighths(mask.shape, dtype, draw(st.integers(0, 2**16)))
    return np.where(mask, w, draw(st.sampled_from([dtype(0), dtype(99), dtype(np.nan)]))), mask


def kept(w, mask):
    """The matrix itself: +0.0 where the mask is False."""
    return np.where(mask, w, w.dtype.type(0))


@st.composite
def any_bits(draw):
    """A matrix of arbitrary bits: −0.0, subnormal, infinite, NaN with any payload; half of them +0.0."""
    shape, bits = (draw(SIZES), draw(SIZES)), draw(st.sampled_from([np.uint32, np.uint64]))
    special = [0, 1 << (np.iinfo(bits).bits - 1), np.iinfo(bits).max]
    elements = st.one_of(st.just(0), st.sampled_from(special), st.integers(0, np.iinfo(bits).max))
    return draw(hnp.arrays(bits, shape, elements=elements)).view(f"f{np.dtype(bits).itemsize}")


def random_matrix(shape, sparsity, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(shape).astype(dtype)
    w[rng.random(shape) < sparsity] = 0
    return w


def in_panels(shape, height, sparsity, dtype=np.float32, seed=0):
    """A matrix with panels of about `height` rows, the last one ragged."""
    rng = np.random.default_rng(seed)
    some = np.repeat(rng.random((-(-shape[0] // height), shape[1])) >= sparsity, height, axis=0)[: shape[0]]
    return (rng.standard_normal(shape) * some).astype(dtype)


def bound(w, x):
    """|fl(Σ) − Σ| ≤ n·u·Σ|w||x| for a sum of n products in any order, u half an epsilon (n + 1 for the product)."""
    magnitudes = np.abs(w).astype(np.float64) @ np.abs(x).astype(np.float64)
    return (w.shape[1] + 1) * np.finfo(w.dtype).eps / 2 * magnitudes
