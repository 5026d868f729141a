import pytest
from hypothesis import given
from test_ranking import auc, rankings

from minprune.study.ranking import average_precision, cuts

metrics = pytest.importorskip("sklearn.metrics")
pytestmark = pytest.mark.peers


@given(rankings())
def test_scikit_learn_agrees(ranking):
    score, y = ranking
    assert auc(score, y) == pytest.approx(metrics.roc_auc_score(y, score), rel=1e-12, abs=1e-15)
    found = average_precision(*cuts(score, y)[1:])
    assert found == pytest.approx(metrics.average_precision_score(y, score), rel=1e-12)
