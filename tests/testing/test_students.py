"""What `check_selector` finds in pruners written from memory: a table, so that a change in what is found is seen."""

import pytest
from students import STUDENTS

from minprune.testing import checks
from minprune.testing.running import run

BROKEN = {
    "percentile_threshold": {"no_nan_decides", "exact_count", "zero_is_identity", "tiny"},
    "percent_for_fraction": {"no_nan_decides", "exact_count", "zero_is_identity", "tiny"},
    "sorted_and_at_least": {"no_nan_decides", "exact_count", "tiny"},
    "truncated_topk": {"no_nan_decides", "exact_count", "tiny", "ties_by_position"},
    "kthvalue_style": {"no_nan_decides", "exact_count", "zero_is_identity", "tiny", "nested", "mask_type"},
    "layer_by_layer": {"no_nan_decides", "exact_count", "tiny", "order", "ties_by_position"},
    "of_what_is_left": {"no_nan_decides", "exact_count", "zero_is_identity", "target_is_idempotent", "tiny"},
    "mean_and_deviation": {"no_nan_decides", "exact_count", "zero_is_identity", "tiny", "order", "monotone_free"},
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("student", STUDENTS, ids=lambda student: student.__name__)
def test_the_laws_that_a_student_breaks(student):
    laws = checks.properties("selector")
    outcomes = {name: run("selector", name, student, laws[name], examples=20, shrink=False).outcome for name in laws}
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == BROKEN[student.__name__]
