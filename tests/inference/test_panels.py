"""Panels: where the columns change, and how panels are put together, filled up, and taken apart."""

from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import ANY_MASK, bits, in_panels, structured_masks

from minprune.inference import panels as module
from minprune.inference.panels import Panels, panel_starts

EACH = pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])


def starts_by_hand(mask):
    found = [r for r in range(len(mask)) if r == 0 or mask[r].tolist() != mask[r - 1].tolist()]
    return [*found, len(mask)]


def panels_of(packed):
    """First row, values and columns of each panel, nothing of what fills up; in the order of the rows."""
    return sorted(
        (int(start), group.values[p, :height, :width].tolist(), group.columns[p, :width].tolist())
        for group in packed.groups
        for p, (start, height, width) in enumerate(zip(group.starts, group.heights, group.widths, strict=True))
    )


def test_the_picture_in_the_module():
    w = np.array([[1.0, 0, 2, 0], [3, 0, 4, 0], [0, 0, 0, 5], [0, 0, 0, 6]])
    for together in (True, False):
        assert panels_of(Panels.from_dense(w, together=together)) == [
            (0, [[1, 2], [3, 4]], [0, 2]),
            (2, [[5], [6]], [3]),
        ]


@given(ANY_MASK)
def test_panels_start_where_the_columns_change(mask):
    found = panel_starts(mask)
    assert found.tolist() == starts_by_hand(mask)
    assert found.dtype == np.intp


@EACH
@given(ANY_MASK)
def test_each_run_of_equal_rows_that_is_not_empty_is_a_panel(together, mask):
    w, starts = np.arange(1.0, 1 + mask.size).reshape(mask.shape), starts_by_hand(mask)
    expected = [
        (a, w[a:b, mask[a]].tolist(), np.flatnonzero(mask[a]).tolist()) for a, b in pairwise(starts) if mask[a].any()
    ]
    assert panels_of(Panels.from_dense(w, mask, together=together)) == expected


@EACH
@given(ANY_MASK)
def test_what_fills_up_is_zero_and_at_a_column_that_the_panel_has(together, mask):
    for group in Panels.from_dense(np.ones(mask.shape), mask, together=together).groups:
        for values, columns, height, width in zip(
            group.values, group.columns, group.heights, group.widths, strict=True
        ):
            assert values.sum() == values[:height, :width].sum() == height * width
            assert set(columns[width:]) <= {columns[0]}


@given(structured_masks())
def test_filling_is_bounded_unless_there_would_be_too_many_groups(mask):
    packed = Panels.from_dense(np.ones(mask.shape), mask)
    panels = sum(len(group.values) for group in packed.groups)
    assert len(packed.groups) <= min(module._MOST_GROUPS, max(1, panels))
    if packed.multiply_adds > module._FILL * packed.nnz:
        assert len(packed.groups) == min(module._MOST_GROUPS, panels)


@given(structured_masks())
def test_apart_nothing_is_filled_up_and_each_panel_is_a_group(mask):
    packed = Panels.from_dense(np.ones(mask.shape), mask, together=False)
    assert packed.multiply_adds == packed.nnz
    assert all(len(group.values) == 1 for group in packed.groups)


def test_equal_panels_make_one_group_without_filling():
    mask = np.zeros((64, 20), bool)
    for panel in range(8):
        mask[8 * panel : 8 * panel + 8, (panel + 3 * np.arange(4)) % 20] = True
    packed = Panels.from_dense(np.ones(mask.shape), mask)
    assert [group.values.shape for group in packed.groups] == [(8, 8, 4)]
    assert packed.multiply_adds == packed.nnz


@EACH
@pytest.mark.parametrize("height", [1, 3, 16, 60])
@given(batch=st.sampled_from([1, 2, 17]), fill=st.sampled_from([0, 1.1, 1000]), room=st.sampled_from([1, 500, 10**6]))
def test_ragged_heights_and_empty_panels_in_between(together, height, batch, fill, room):
    w = np.round(8 * in_panels((58, 30), height, 0.7)) / 8
    w[20:25] = w[50] = w[57] = 0
    x = np.arange(30.0 * batch).reshape(30, batch).astype(np.float32) % 7
    with mock.patch.multiple(module, _FILL=fill, _CACHE=room):
        packed = Panels.from_dense(w, together=together)
        assert bits(packed @ x) == bits(w @ x + 0.0)


def test_repr_without_panels():
    assert repr(Panels.from_dense(np.zeros((2, 2)))) == "Panels 2×2 float64, 0 stored (0.0 %), 0 panels, 0 B"


@pytest.mark.parametrize(
    ("fill", "most", "groups"),
    [
        (1.25, 8, [(2, 2, 5)]),  # 20 entries for 16: just as much as is accepted
        (1.24, 8, [(1, 2, 3), (1, 2, 5)]),
        (1.24, 1, [(2, 2, 5)]),
    ],
)
def test_when_panels_are_cut_into_groups(fill, most, groups):
    mask = np.arange(6)[None] < np.array([5, 5, 3, 3])[:, None]
    with mock.patch.multiple(module, _FILL=fill, _MOST_GROUPS=most):
        packed = Panels.from_dense(np.ones(mask.shape), mask)
    assert [group.values.shape for group in packed.groups] == groups
    assert [group.starts.tolist() for group in packed.groups] == ([[0, 2]] if len(groups) == 1 else [[2], [0]])


def test_they_come_together_unless_they_are_asked_to_stay_apart():
    w = np.eye(4)
    assert Panels.from_dense(w).together is True
    assert Panels._pack(w, w > 0).together is True
    assert Panels.from_dense(w, together=False).together is False


def test_repr_with_panels():
    mask = np.arange(9)[None] < np.array([7, 7, 2, 4])[:, None]
    text = "Panels 4×9 float64, 20 stored (55.6 %), 3 panels, 2 … 7 columns in each, {}"
    assert repr(Panels.from_dense(np.ones(mask.shape), mask)) == text.format("368 B")  # two in a group
    assert repr(Panels.from_dense(np.ones(mask.shape), mask, together=False)) == text.format("336 B")


def test_panels_of_equal_width_are_grouped_in_the_order_of_their_rows():
    heights = [1] * 32 + [2] * 32
    mask = np.zeros((len(heights), 4), bool)
    mask[::2, :2] = mask[1::2, 2:] = True
    packed = Panels.from_dense(np.ones((96, 4)), np.repeat(mask, heights, axis=0))
    assert [group.values.shape for group in packed.groups] == [(32, 1, 2), (32, 2, 2)]
    assert packed.groups[0].starts.tolist() == list(range(32))
    assert packed.groups[1].starts.tolist() == list(range(32, 96, 2))
