from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune.study.paths import count_paths, reached


@st.composite
def chains(draw):
    """Masks that fit one after another, small enough to walk every path."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    return [draw(hnp.arrays(np.bool_, shape, elements=st.booleans(), fill=st.nothing())) for shape in pairwise(widths)]


def walks(masks):
    """Every path, as the units that it visits."""
    widths = [len(masks[0]), *(mask.shape[1] for mask in masks)]
    tries = product(*map(range, widths))
    return [units for units in tries if all(m[i, j] for m, (i, j) in zip(masks, pairwise(units), strict=True))]


@given(chains())
def test_paths_are_as_many_as_can_be_walked(masks):
    assert count_paths(masks) == len(walks(masks))


@given(chains())
def test_a_unit_is_reached_if_a_walk_from_an_input_ends_there(masks):
    for depth, units in enumerate(reached(masks)):
        ends = {walk[-1] for walk in walks(masks[:depth])} if depth else set(range(len(masks[0])))
        assert set(np.flatnonzero(units).tolist()) == ends


@given(chains())
def test_there_are_no_paths_exactly_when_no_output_is_reached(masks):
    assert (count_paths(masks) == 0) == (not reached(masks)[-1].any())


@pytest.mark.parametrize("depth", [1, 3, 8, 40])
def test_the_count_is_exact_where_floats_and_64_bits_end(depth):
    widths = [3, 1000, 7] * depth
    masks = [np.ones(shape, bool) for shape in pairwise(widths)]
    assert count_paths(masks) == 21000**depth


def test_the_parts_of_a_number_carry_over():
    fan = [np.ones((1, 2), bool), np.ones((2, 1), bool)]
    assert [count_paths(fan * depth) for depth in range(1, 131)] == [2**depth for depth in range(1, 131)]
