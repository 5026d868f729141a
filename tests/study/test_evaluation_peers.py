import pytest
from hypothesis import given
from test_evaluation import echo, probabilities_of_row, questions, score_of, two_classes

from minprune.study.evaluation import evaluate

metrics = pytest.importorskip("sklearn.metrics")
pytestmark = pytest.mark.peers


@given(two_classes())
def test_scikit_learn_agrees_on_two_classes(question):
    z, y = question
    p = [probabilities_of_row(row) for row in z]
    found = evaluate(echo, question)
    assert found.accuracy == metrics.accuracy_score(y, score_of(z) > 0)
    assert found.brier == pytest.approx(metrics.brier_score_loss(y, [row[1] for row in p]), rel=1e-9, abs=1e-12)
    assert found.auc == pytest.approx(metrics.roc_auc_score(y, score_of(z)), rel=1e-12, abs=1e-15)
    assert found.average_precision == pytest.approx(metrics.average_precision_score(y, score_of(z)), rel=1e-12)


@given(questions())
def test_scikit_learn_agrees_on_any_number_of_classes(question):
    z, y = question[0] / 4, question[1]  # no further apart than 15: scikit-learn cuts probabilities off at 2e-16
    found = evaluate(echo, (z, y))
    p = [probabilities_of_row(row) for row in z]
    best = score_of(z) > 0 if found.classes == 2 else z.argmax(axis=1)
    assert found.accuracy == metrics.accuracy_score(y, best)
    expected = metrics.log_loss(y, p, labels=range(found.classes))
    assert found.log_loss == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(two_classes())
def test_false_declines_are_a_point_on_the_curve_of_scikit_learn(question):
    z, y = question
    found = evaluate(echo, question, recall=0.8)
    declined, caught, thresholds = metrics.roc_curve(y, score_of(z), drop_intermediate=False)
    first = next(i for i, share in enumerate(caught) if share >= 0.8)
    assert (found.threshold, found.recall) == (thresholds[first], caught[first])
    assert found.false_declines == declined[first]
