import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune.study.ranking import area, average_precision, cuts

FEW = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 3.0])  # so that ties are common


@st.composite
def rankings(draw, scores=None):
    """Scores, with ties or without, and labels of which both occur."""
    scores = st.one_of(FEW, st.floats(-50, 50, width=32)) if scores is None else scores
    rows = draw(st.lists(st.tuples(scores, st.booleans()), min_size=2))
    score = np.array([score for score, _ in rows])
    y = np.array([label for _, label in rows], dtype=np.intp)
    y[draw(st.permutations(range(len(y))))[:2]] = [0, 1]
    return score, y


def auc(score, y):
    return area(*cuts(score, y)[1:])


def auc_over_all_pairs(score, y):
    pairs = [(s, t) for s, a in zip(score, y, strict=True) for t, b in zip(score, y, strict=True) if a > b]
    return sum(1.0 if s > t else 0.5 if s == t else 0.0 for s, t in pairs) / len(pairs)


def average_precision_over_all_thresholds(score, y):
    total, recall_before = 0.0, 0.0
    for t in sorted(set(score.tolist()), reverse=True):
        labels = [label for s, label in zip(score, y, strict=True) if s >= t]
        recall, precision = sum(labels) / sum(y), sum(labels) / len(labels)
        total += (recall - recall_before) * precision
        recall_before = recall
    return total


@given(rankings())
def test_cuts_count_each_class_at_each_threshold(ranking):
    score, y = ranking
    thresholds, caught, declined = cuts(score, y)
    assert thresholds.tolist() == sorted(set(score.tolist()), reverse=True)
    for t, c, d in zip(thresholds, caught, declined, strict=True):
        assert (c, d) == (sum(y[score >= t] == 1), sum(y[score >= t] == 0))


@given(rankings())
def test_auc_is_the_share_of_pairs_in_order_ties_half(ranking):
    assert auc(*ranking) == auc_over_all_pairs(*ranking)


@given(rankings())
def test_average_precision_is_the_sweep_over_thresholds(ranking):
    found = average_precision(*cuts(*ranking)[1:])
    assert found == pytest.approx(average_precision_over_all_thresholds(*ranking), rel=1e-12)


@given(rankings(scores=st.integers(-50, 50).map(float)))
def test_only_the_order_of_scores_counts(ranking):
    score, y = ranking
    for same_order in (3 * score - 7, score**3, np.arctan(score)):
        assert auc(same_order, y) == auc(score, y)
        assert average_precision(*cuts(same_order, y)[1:]) == average_precision(*cuts(score, y)[1:])


@given(rankings())
def test_swapping_the_classes_or_turning_the_scores_round_gives_the_complement(ranking):
    score, y = ranking
    assert auc(score, 1 - y) == pytest.approx(1 - auc(score, y), rel=1e-12, abs=1e-15)
    assert auc(-score, y) == pytest.approx(1 - auc(score, y), rel=1e-12, abs=1e-15)
    assert auc(-score, 1 - y) == auc(score, y)


@given(rankings(scores=st.just(0.25)))
def test_scores_that_all_tie_say_nothing(ranking):
    score, y = ranking
    assert auc(score, y) == 0.5
    assert average_precision(*cuts(score, y)[1:]) == y.mean()


def test_of_zeros_that_tie_the_last_one_stands_for_all():
    for seed in range(6):
        score = np.random.default_rng(seed).choice([-1.0, -0.0, 0.0, 1.0], 3000)
        one, zero, _ = cuts(score, np.arange(3000) % 2)[0]
        assert (one, zero) == (1, 0)
        assert np.signbit(zero) == np.signbit(score[score == 0][-1])


@given(rankings(), st.randoms())
def test_the_order_of_rows_does_not_matter(ranking, random):
    score, y = ranking
    order = random.sample(range(len(y)), len(y))
    for here, there in zip(cuts(score, y), cuts(score[order], y[order]), strict=True):
        assert np.array_equal(here, there)
