"""The conformance table: PyTorch's selection counts right, and lets a NaN and the position of ties decide."""

import pytest
from conformance import report

pytest.importorskip("torch")
pytestmark = pytest.mark.peers


def test_the_table_is_as_it_was():
    reports = report(examples=30)
    assert {name: set(each.failed) for name, each in reports.items()} == {
        "minprune_plan": set(),
        "torch_global_unstructured": {"ties_by_position", "no_nan_decides"},
        "minprune_uniform": set(),
        "torch_l1_unstructured": {"ties_by_position", "no_nan_decides"},
    }
