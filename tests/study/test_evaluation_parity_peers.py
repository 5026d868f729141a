"""To 1e-12 beside SciPy and scikit-learn in float64: what an evaluation tells, with ties and without."""

import numpy as np
import pytest

import minprune as mp

metrics = pytest.importorskip("sklearn.metrics")
stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")
pytestmark = pytest.mark.peers

CLOSE = 1e-12


def rows(seed, classes, *, tied):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((200, classes))
    return (np.round(2 * z) / 2 if tied else z), rng.permutation(np.arange(200) % max(classes, 2))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_two_classes(seed, classes, tied):
    z, y = rows(seed, classes, tied=tied)
    found, score = mp.evaluate(lambda x: x, (z, y)), z[:, 0] if classes == 1 else z[:, 1] - z[:, 0]
    p = special.expit(score)
    assert found.auc == pytest.approx(metrics.roc_auc_score(y, score), rel=CLOSE)
    u = stats.mannwhitneyu(score[y == 1], score[y == 0]).statistic
    assert found.auc == pytest.approx(u / (np.sum(y == 1) * np.sum(y == 0)), rel=CLOSE)
    assert found.average_precision == pytest.approx(metrics.average_precision_score(y, score), rel=CLOSE)
    assert found.brier == pytest.approx(metrics.brier_score_loss(y, p), rel=CLOSE)
    assert found.log_loss == pytest.approx(metrics.log_loss(y, p), rel=CLOSE)
    assert found.accuracy == metrics.accuracy_score(y, score > 0)
    assert found.recall == metrics.recall_score(y, score >= found.threshold)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("classes", [3, 10])
def test_several_classes(classes, tied):
    z, y = rows(0, classes, tied=tied)
    found = mp.evaluate(lambda x: x, (z, y))
    assert found.log_loss == pytest.approx(metrics.log_loss(y, special.softmax(z, axis=1)), rel=CLOSE)
    assert found.accuracy == metrics.accuracy_score(y, z.argmax(axis=1))
    assert found.error == pytest.approx(metrics.zero_one_loss(y, z.argmax(axis=1)), rel=CLOSE)
    assert found.majority == np.max(stats.contingency.crosstab(y).count) / 200


@pytest.mark.parametrize("seed", range(3))
def test_each_group_is_judged_as_if_it_were_alone(seed):
    z, y = rows(seed, 2, tied=True)
    by = np.random.default_rng(seed).integers(0, 3, 200)
    found, score = mp.evaluate(lambda x: x, (z, y), by=by), z[:, 1] - z[:, 0]
    for group in found.groups:
        here = by == group.group
        assert group.count == here.sum()
        assert group.accuracy == pytest.approx(metrics.accuracy_score(y[here], score[here] > 0), rel=CLOSE)
        assert group.auc == pytest.approx(metrics.roc_auc_score(y[here], score[here]), rel=CLOSE)
        assert group.recall == pytest.approx(metrics.recall_score(y[here], score[here] >= found.threshold), rel=CLOSE)
