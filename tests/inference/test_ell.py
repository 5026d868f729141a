"""ELL: a rectangle on its side, or a few slices, of which little is filling."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import ANY_MASK, bits, random_matrix

from minprune.inference import ell as module
from minprune.inference.ell import ELL


def lines(packed):
    """Values and columns of each row, out of its slice and at its place, filling included."""
    stored = [(v[:, k].tolist(), c[:, k].tolist()) for v, c in packed.slices for k in range(v.shape[1])]
    stored.append(([], []))
    places = range(packed.shape[0]) if packed.places is None else packed.places.tolist()
    return [stored[place] for place in places]


def test_the_picture_in_the_module():
    packed = ELL.from_dense(np.array([[5, 0, 0, 7], [0, 8, 6, 0]], np.float32))
    ((values, columns),) = packed.slices
    assert values.tolist() == [[5, 8], [7, 6]]
    assert columns.tolist() == [[0, 1], [3, 2]]
    assert packed.places is None


@given(ANY_MASK)
def test_each_row_is_at_its_place_and_filled_up_with_zeros_at_its_own_first_column(mask):
    w = np.arange(1.0, 1 + mask.size).reshape(mask.shape)
    with mock.patch.object(module, "_LEAST", 1):
        packed = ELL.from_dense(w, mask)
    for (values, columns), row, keep in zip(lines(packed), w, mask, strict=True):
        at = np.flatnonzero(keep)
        assert values[: at.size] == row[at].tolist()
        assert columns[: at.size] == at.tolist()
        assert set(values[at.size :]) <= {0.0}
        assert set(columns[at.size :]) <= set(at[:1].tolist())


@given(ANY_MASK)
def test_filling_is_bounded_where_the_slices_allow_it(mask):
    with mock.patch.object(module, "_LEAST", 1):
        packed, lengths = ELL.from_dense(np.ones(mask.shape), mask), np.sort(mask.sum(axis=1))[::-1]
    assert len(packed.slices) <= module._MOST_SLICES
    filled = lengths[lengths > 0]
    if packed.multiply_adds > module._WASTE * packed.nnz:  # then no cut in so many parts would have been better
        assert len(packed.slices) == min(module._MOST_SLICES, filled.size)
    if len(np.unique(filled)) == 1:
        assert packed.multiply_adds == packed.nnz
        assert len(packed.slices) == 1


def test_as_few_slices_as_will_do():
    mask = np.arange(64)[None] < np.repeat([60, 30], 16)[:, None]
    with mock.patch.object(module, "_LEAST", 1):
        packed = ELL.from_dense(np.ones(mask.shape), mask)
    assert [values.shape for values, _ in packed.slices] == [(60, 16), (30, 16)]
    assert [values.shape for values, _ in ELL.from_dense(np.ones(mask.shape), mask).slices] == [(60, 32)]  # few entries
    nearly = np.arange(64)[None] < np.array([60] * 31 + [58])[:, None]
    assert ELL.from_dense(np.ones(nearly.shape), nearly).places is None  # a little filling, and nothing to sort


@pytest.mark.parametrize("lengths", [[3, 3, 3, 3], [4, 4, 4, 4, 4]])
def test_equal_rows_make_one_rectangle_without_filling(lengths):
    rng = np.random.default_rng(0)
    mask = np.array([rng.permutation(8) < n for n in lengths])
    packed = ELL.from_dense(np.ones(mask.shape), mask)
    assert len(packed.slices) == 1
    assert packed.places is None
    assert packed.multiply_adds == packed.nnz == sum(lengths)


@given(st.integers(0, 5), st.sampled_from([1, 2, 17]))
def test_empty_rows_never_see_a_sample(gone, batch):
    w = random_matrix((6, 5), 0)
    w[:gone] = 0
    x = np.full((5, batch), np.nan)
    assert np.isnan(ELL.from_dense(w) @ x).all(axis=1).tolist() == [False] * gone + [True] * (6 - gone)
    assert not (ELL.from_dense(w) @ x)[:gone].any()


def test_rows_come_out_in_their_order_however_they_are_sorted():
    mask = np.tri(40, dtype=bool)[np.random.default_rng(0).permutation(40)]
    x = np.arange(40.0)[:, None] * [1.0, 2.0]
    for most in (1, 2, 3, 8, 64):
        with mock.patch.multiple(module, _WASTE=0, _MOST_SLICES=most, _LEAST=1):
            packed = ELL.from_dense(np.ones((40, 40)), mask)
        assert sum(values.shape[1] for values, _ in packed.slices) == 40
        assert bits(packed @ x) == bits(mask @ x)
        assert len(packed.slices) >= min(most, 40) / 2


@pytest.mark.parametrize(
    ("lengths", "text"),
    [
        ([0, 0], "ELL 2×8 float32, 0 stored (0.0 %), 0 in each row, 16 B"),
        ([3, 3], "ELL 2×8 float32, 6 stored (37.5 %), 3 in each row, 72 B"),
        ([8, 8, 1, 1], "ELL 4×8 float32, 18 stored (56.2 %), 8 … 1 in each row of 2 slices, 248 B"),
        ([1, 8, 5, 3], "ELL 4×8 float32, 17 stored (53.1 %), 8 … 1 in each row of 4 slices, 236 B"),
    ],
)
def test_repr(lengths, text):
    mask = np.arange(8)[None] < np.array(lengths)[:, None]
    with mock.patch.object(module, "_LEAST", 1):
        assert repr(ELL.from_dense(np.ones(mask.shape, np.float32), mask)) == text


@pytest.mark.parametrize(
    ("waste", "least", "most", "slices"),
    [
        (1.25, 1, 8, [(5, 2)]),  # 10 entries for 8: just as much as is accepted
        (1.24, 1, 8, [(5, 1), (3, 1)]),
        (1.24, 4, 8, [(5, 1), (3, 1)]),  # four entries in each slice
        (1.24, 5, 8, [(5, 2)]),  # there are not enough for two slices of five
        (1.24, 1, 1, [(5, 2)]),
    ],
)
def test_when_rows_are_cut_into_slices(waste, least, most, slices):
    mask = np.arange(6)[None] < np.array([3, 5])[:, None]
    with mock.patch.multiple(module, _WASTE=waste, _LEAST=least, _MOST_SLICES=most):
        packed = ELL.from_dense(np.ones(mask.shape), mask)
    assert [values.shape for values, _ in packed.slices] == slices
    assert (packed.places is None) == (len(slices) == 1)


def test_slices_double_until_filling_up_is_little():
    mask = np.tri(12, dtype=bool)  # 78 entries in rows of 1 … 12
    for waste, cuts in ((1.85, [12]), (1.39, [6, 6]), (1.38, [3] * 4), (1.15, [2] * 4 + [1] * 4)):
        with mock.patch.multiple(module, _WASTE=waste, _LEAST=1):
            packed = ELL.from_dense(np.ones((12, 12)), mask)
        assert [values.shape[1] for values, _ in packed.slices] == cuts, waste
