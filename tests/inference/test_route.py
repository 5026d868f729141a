"""Route: the cheapest way is the one that trying all ways finds."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune.inference.kernels import KERNELS
from minprune.inference.layouts import FEATURES, ROWS
from minprune.inference.route import cheapest

NAMES = st.sampled_from(list(KERNELS))
SECONDS = st.integers(1, 50).map(float)
CHANGES = st.dictionaries(st.sampled_from([(ROWS, FEATURES), (FEATURES, ROWS)]), SECONDS)


def cost_of(names, times, changes):
    """The seconds of a route, kernel by kernel and change by change."""
    layouts = [ROWS, *(KERNELS[name].layout for name in names), ROWS]
    between = sum(change.get(step, 0.0) for change, step in zip(changes, pairwise(layouts), strict=True))
    return sum(took[name] for name, took in zip(names, times, strict=True)) + between


@st.composite
def tables(draw, ties):
    """Times of some kernels in each layer, and what changes cost; without ties none is nearly as fast as another."""
    layers = draw(st.integers(1, 4))
    seconds = SECONDS if ties else st.integers(0, 8).map(lambda k: 1.5**k)
    unique = None if ties else lambda pair: pair[1]
    pairs = st.lists(
        st.tuples(NAMES, seconds), min_size=1, max_size=4, unique_by=(lambda p: p[0], *filter(None, [unique]))
    )
    return [dict(draw(pairs)) for _ in range(layers)], [draw(CHANGES) for _ in range(layers + 1)]


@given(tables(ties=False))
def test_it_is_the_cheapest_of_all_routes(table):
    times, changes = table
    names, cost = cheapest(times, KERNELS, changes)
    assert cost == pytest.approx(cost_of(names, times, changes))
    assert cost == pytest.approx(min(cost_of(way, times, changes) for way in product(*times)))


@given(tables(ties=True))
def test_with_ties_it_costs_what_it_says_and_little_more_than_the_cheapest(table):
    times, changes = table
    names, cost = cheapest(times, KERNELS, changes)
    assert all(name in took for name, took in zip(names, times, strict=True))
    assert cost == pytest.approx(cost_of(names, times, changes))
    assert cost <= min(cost_of(way, times, changes) for way in product(*times)) / 0.95**3


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        ({"panels": 10.0, "csr": 9.6}, "panels"),
        ({"panels": 10.0, "csr": 9.4}, "csr"),
        ({"csr": 10.0, "panels": 9.6}, "csr"),
        ({"panels": 10.0, "ell": 10.0, "csr": 10.0}, "panels"),
        ({"panels": 100.0, "csr": 95.0}, "panels"),  # just the share that is not enough
    ],
)
def test_of_two_that_are_about_as_fast_the_earlier_is_taken(times, taken):
    assert cheapest([times], KERNELS, [{}, {}])[0] == [taken]


def test_a_layer_stays_in_rows_if_changing_costs_more_than_it_gains():
    times, both = [{"dense": 5.0, "csr": 1.0}], {(ROWS, FEATURES): 1.5, (FEATURES, ROWS): 1.5}
    assert cheapest(times, KERNELS, [both, both]) == (["csr"], 4.0)
    dear = dict.fromkeys(both, 3.0)
    assert cheapest(times, KERNELS, [dear, dear]) == (["dense"], 5.0)


def test_layers_in_a_row_share_the_change():
    both = {(ROWS, FEATURES): 3.0, (FEATURES, ROWS): 3.0}
    layer = {"dense": 5.0, "dense features": 5.0, "csr": 3.0}
    assert cheapest([layer], KERNELS, [both] * 2)[0] == ["dense"]
    assert cheapest([layer] * 4, KERNELS, [both] * 5) == (["csr"] * 4, 18.0)


def test_of_routes_that_cost_the_same_the_one_by_earlier_kernels_is_taken():
    same = {"packed": 1.0, "csr": 1.0}
    assert cheapest([same], KERNELS, [{}, {}]) == (["packed"], 1.0)
    assert cheapest([same, {"dense": 1.0}], KERNELS, [{}] * 3) == (["packed", "dense"], 2.0)
    assert cheapest([same, same], KERNELS, [{}] * 3) == (["packed", "packed"], 2.0)
    turned = dict(reversed(same.items()))
    assert cheapest([turned, {"panels": 1.0}], KERNELS, [{}] * 3) == (["csr", "panels"], 2.0)
