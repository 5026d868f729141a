"""The charts' details that no whole picture shows: which ticks an axis of sparsities gets, and what is drawn when."""

import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from minprune.study.charts import sparsity_axis

pytestmark = pytest.mark.usefixtures("unlaid")


def log_axis():
    axis = Figure().subplots()
    axis.set_xscale("log")
    return axis


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ([1.0, 0.1], "0 50 80 90"),
        ([0.005, 0.5, 0.05], "50 80 90 95 98 99 99.5"),  # whatever their order
        ([0.75, 0.0025], "50 80 90 95 98 99 99.5"),  # 300 times as much, as far as all ticks go
        ([0.7525, 0.0025], "50 90 99"),
        ([1.0, 0.001], "0 50 90 99 99.9"),
        ([1.0, 0.00001], "0 50 90 99 99.9 99.99 99.999"),
        ([0.01, 0.00001], "99 99.9 99.99 99.999"),
        ([0.55, 0.19], "50 80"),  # two of the usual ticks are enough,
        ([0.5, 0.45], "50 55"),  # one is not, nor is none: then the first and the last are told
        ([0.45, 0.4375], "55 56.25"),
        ([0.5], "50"),
        ([0.375, 0.375], "62.5"),
        ([1 / 3], "66.6667"),
        ([0.51, 0.2], "50 80"),  # the ends are in,
        ([0.49, 0.205], "50 80"),  # and so is what is a bit beyond them
    ],
)
def test_ticks_are_shares_pruned_that_are_told_alike_everywhere_and_few_enough_to_be_read(kept, told):
    axis = log_axis()
    end = sparsity_axis(axis, kept)
    labels = [tick.get_text() for tick in axis.get_xticklabels()]
    assert labels == [f"{share} %" for share in told.split()]
    np.testing.assert_allclose(axis.get_xticks(), [1 - float(share) / 100 for share in told.split()], rtol=2e-6)
    assert isinstance(axis.xaxis.get_minor_locator(), NullLocator)
    left, right = axis.get_xlim()
    room = max((max(kept) / min(kept)) ** 0.03, 1.02)
    assert (left, right) == (pytest.approx(max(kept) * room), pytest.approx(min(kept) / room))
    assert end == right
    assert axis.get_xlabel() == "weights pruned (the share kept, on a log scale)"


@pytest.mark.parametrize("noise", [0.0, 1e-12])
def test_two_shares_that_only_rounding_tells_apart_have_one_tick(noise):
    axis = Figure().subplots()
    axis.set_xscale("log")
    sparsity_axis(axis, [0.15, 0.15 + noise])
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["85 %"]
