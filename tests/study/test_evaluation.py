import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune import Dense, Network
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.splits import Split
from minprune.study.evaluation import evaluate


def echo(x):
    """A model whose logits are its inputs."""
    return x


@st.composite
def questions(draw, most=4):
    """Logits with ties, labels, and no promise that every class occurs."""
    k = draw(st.integers(1, most))
    value = st.one_of(st.sampled_from([-1.0, 0.0, 0.5]), st.floats(-30, 30, width=32))
    rows = draw(st.lists(st.tuples(*[value] * k, st.integers(0, max(k, 2) - 1)), min_size=1, max_size=25))
    return np.array([row[:-1] for row in rows]), np.array([row[-1] for row in rows])


@st.composite
def two_classes(draw):
    """Questions of two classes, both of which occur; one logit or two."""
    z, y = draw(questions(most=2))
    z, y = np.concatenate([z, z[:1], z[-1:]]), np.concatenate([y, [0, 1]])
    return z, y


def score_of(z):
    return z[:, 0] if z.shape[1] == 1 else z[:, 1] - z[:, 0]


def probabilities_of_row(z):
    z = [0.0, *z] if len(z) == 1 else list(z)
    parts = [math.exp(a - max(z)) for a in z]
    return [part / sum(parts) for part in parts]


@given(questions())
def test_accuracy_log_loss_and_brier_score_are_those_of_one_row_at_a_time(question):
    z, y = question
    found = evaluate(echo, question)
    right, loss, brier = 0, 0.0, 0.0
    for row, label in zip(z, y, strict=True):
        p = probabilities_of_row(row)
        best = int(row[0] > 0) if len(row) == 1 else list(row).index(max(row))
        right += best == label
        loss -= math.log(p[label])
        brier += (p[1] - label) ** 2
    assert found.accuracy == right / len(y)
    assert found.majority == max(list(y).count(label) for label in range(4)) / len(y)
    assert found.error == 1 - found.accuracy
    assert found.log_loss == pytest.approx(loss / len(y), rel=1e-9, abs=1e-12)
    assert (found.count, found.classes) == (len(y), max(z.shape[1], 2))
    if found.classes == 2:
        assert found.brier == pytest.approx(brier / len(y), rel=1e-9, abs=1e-12)
    else:
        assert found.brier is None


@given(two_classes(), st.sampled_from([0.01, 0.07, 0.25, 1 / 3, 0.5, 0.7, 0.8, 0.9, 1.0]))
def test_false_declines_are_those_of_every_threshold_tried(question, recall):
    z, y = question
    score = score_of(z)
    for threshold in sorted(score, reverse=True):
        refused = score >= threshold
        if sum(refused & (y == 1)) / sum(y == 1) >= recall:
            break
    found = evaluate(echo, question, recall=recall)
    assert found.threshold == threshold
    assert found.recall == sum(refused & (y == 1)) / sum(y == 1)
    assert found.false_declines == sum(refused & (y == 0)) / sum(y == 0)
    assert found.approval_rate == sum(~refused) / len(y)
    assert found.default_rate == (None if refused.all() else sum(~refused & (y == 1)) / sum(~refused))
    assert found.recall >= recall


def test_a_recall_that_is_met_exactly_is_met():
    # 0.07 · 100 is a little above 7, yet seven of a hundred are 7 %.
    x = np.arange(200.0)[::-1, None]
    y = np.repeat([1, 0], 100)
    for percent in range(1, 101):
        found = evaluate(echo, (x, y), recall=percent / 100)
        assert found.recall == percent / 100


@given(two_classes())
def test_catching_more_defaulters_never_declines_fewer_good_customers(question):
    found = [evaluate(echo, question, recall=recall) for recall in (0.2, 0.5, 0.8, 1.0)]
    assert [f.false_declines for f in found] == sorted(f.false_declines for f in found)
    assert [f.threshold for f in found] == sorted((f.threshold for f in found), reverse=True)
    assert len({f.auc for f in found}) == 1


@given(two_classes())
def test_one_logit_is_two_of_which_one_is_zero(question):
    one, y = score_of(question[0])[:, None], question[1]
    first, second = (evaluate(echo, (z, y)).to_dict() for z in (one, np.concatenate([0 * one, one], axis=1)))
    assert first == second


@given(two_classes(), st.integers(1, 5))
def test_batches_change_nothing(question, batch_size):
    assert evaluate(echo, question, batch_size=batch_size) == evaluate(echo, question)


def test_the_threshold_repeats_the_refusals_in_the_dtype_of_the_logits():
    rng = np.random.default_rng(0)
    z, y = (10 * rng.standard_normal((1000, 2))).astype(np.float32), rng.integers(0, 2, 1000)
    found = evaluate(echo, (z, y))
    refused = z[:, 1] - z[:, 0] >= found.threshold
    assert (~refused).mean() == found.approval_rate
    assert refused[y == 0].mean() == found.false_declines


def test_logits_far_apart_neither_overflow_nor_round_a_loss_away():
    z, y = np.array([[1e30, -1e30], [-1e30, 1e30], [0.0, 1000.0]], np.float32), np.array([0, 1, 0])
    found = evaluate(echo, (z, y))
    assert found.log_loss == pytest.approx(1000 / 3)
    assert found.brier == pytest.approx(1 / 3)
    assert found.auc == 1.0


def test_the_loss_of_narrow_logits_is_that_of_wide_ones():
    z, y = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32), np.arange(50) % 3
    assert evaluate(echo, (z, y)).log_loss == evaluate(echo, (z.astype(np.float64), y)).log_loss


@given(two_classes(), st.data())
def test_a_group_is_judged_at_the_threshold_of_all(question, data):
    z, y = question
    by = np.array(data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=len(y), max_size=len(y))))
    found = evaluate(echo, question, by=by)
    refused = score_of(z) >= found.threshold
    assert [group.group for group in found.groups] == sorted(set(by.tolist()))
    for group in found.groups:
        ours = by == group.group
        bad, good = ours & (y == 1), ours & (y == 0)
        assert group.count == sum(ours)
        assert group.approval_rate == sum(ours & ~refused) / sum(ours)
        assert group.recall == (sum(bad & refused) / sum(bad) if bad.any() else None)
        assert group.false_declines == (sum(good & refused) / sum(good) if good.any() else None)
        assert group.default_rate == (sum(bad & ~refused) / sum(ours & ~refused) if (ours & ~refused).any() else None)
        assert (group.auc is None) == (not bad.any() or not good.any())
        if group.auc is not None:
            assert group.auc == evaluate(echo, (z[ours], y[ours])).auc
        assert group.accuracy == evaluate(echo, (z[ours], y[ours])).accuracy
    assert sum(group.count for group in found.groups) == found.count


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_is_told_and_not_ranked(label):
    found = evaluate(echo, (np.eye(2), np.full(2, label)), by=np.array([1, 2]))
    assert (found.auc, found.average_precision, found.threshold, found.false_declines, found.recall) == (None,) * 5
    assert found.brier is not None
    assert found.note == f"AUC and false declines need both classes; y holds only {label}"
    assert repr(found).endswith(found.note)
    assert [group.accuracy for group in found.groups] == [1 - label, label]


def test_more_classes_than_two_are_told_and_not_ranked():
    found = evaluate(echo, (np.eye(3), np.arange(3)))
    assert (found.accuracy, found.auc, found.brier, found.classes) == (1.0, None, None, 3)
    assert found.note == "AUC and false declines need two classes; there are 3"


def test_a_network_is_judged_as_its_own_predictions():
    rng = np.random.default_rng(0)
    network = Network.mlp([5, 8, 3], rng=rng)
    data = Split(rng.standard_normal((50, 5)), rng.integers(0, 3, 50))
    found = evaluate(network, data, batch_size=7)
    assert found.accuracy == np.mean(network.predict(data.x) == data.y)
    p = network.predict_proba(data.x)[np.arange(50), data.y]
    assert found.log_loss == pytest.approx(-np.log(p.astype(float)).mean(), rel=1e-5)


def test_a_model_that_writes_every_answer_into_one_array_is_judged_right():
    x, y = np.array([[-1.0], [1.0], [-2.0], [2.0]]), np.array([0, 1, 0, 1])
    buffer = np.empty((1, 1))

    def model(rows):
        buffer[...] = rows
        return buffer

    assert evaluate(model, (x, y), batch_size=1).accuracy == 1.0


def test_a_model_may_answer_in_lists_or_whole_numbers():
    x, y = np.array([[-1.0], [1.0]]), np.array([0, 1])
    assert evaluate(lambda rows: rows.astype(int).tolist(), (x, y)).auc == 1.0


@given(two_classes())
def test_the_dict_is_plain_and_whole(question):
    plain = evaluate(echo, question, by=np.arange(len(question[1]))).to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["error"] == 1 - plain["accuracy"]
    assert len(plain["groups"]) == len(question[1])


def test_the_table_is_aligned_and_shows_groups():
    shown = repr(evaluate(echo, (np.eye(2), np.array([1, 0])), by=np.array(["young", "old"]))).splitlines()
    assert shown[0] == "Evaluation of 2 rows, 2 classes"
    assert any(line.startswith("class 1 caught (recall, 80.0 % asked)") for line in shown)
    assert any(line.startswith("old ") for line in shown)
    multi = repr(evaluate(echo, (np.eye(3), np.arange(3))))
    assert "AUC  " not in multi
    assert "accuracy" in multi


X, Y = np.eye(2), np.array([0, 1])


def huge():
    """A network whose output is beyond its floats."""
    weight = np.full((2, 2), 1e30, np.float32)
    return Network([Dense.from_arrays(weight, None), Dense.from_arrays(weight, None)])


@pytest.mark.parametrize(
    ("model", "split", "options", "error", "text"),
    [
        (echo, (X, Y), {"recall": 0.0}, InvalidValueError, "recall must be in (0, 1], got 0 in evaluate()"),
        (echo, (X, Y), {"recall": 1.1}, InvalidValueError, "recall must be in (0, 1], got 1.1 in evaluate()"),
        (echo, (X, Y), {"batch_size": 0}, InvalidValueError, "batch_size must be at least 1, got 0 in evaluate()"),
        (echo, 3, {}, InvalidTypeError, "split must be a Split or a pair (x, y), got int in evaluate()"),
        ("net", (X, Y), {}, InvalidTypeError,
         "model must be a Network or a function from rows to logits, got str in evaluate()"),
        (echo, (X[0], Y), {}, InvalidValueError,
         "x must have shape (batch, inputs), with at least one row, got (2,) in evaluate()"),
        (echo, (X[:0], Y[:0]), {}, InvalidValueError,
         "x must have shape (batch, inputs), with at least one row, got (0, 2) in evaluate()"),
        (echo, (X * np.nan, Y), {}, InvalidValueError,
         "x must be finite, got 4 NaN or infinite in evaluate(), the first at (0, 0): nan"),
        (echo, ([["a"]], [0]), {}, InvalidTypeError, "x must hold real numbers, got dtype <U1 in evaluate()"),
        (lambda x: None, (X, Y), {}, InvalidTypeError,
         "the model's output must hold real numbers, got dtype object in evaluate()"),
        (lambda x: (x + 1) * 1e300 * 1e300, (X, Y), {}, InvalidValueError,  # without a warning
         "the model's output must be finite, got 4 NaN or infinite in evaluate(), the first at (0, 0): inf"),
        (lambda x: x * np.float64(np.inf), (X, Y), {}, InvalidValueError,
         "the model's output must be finite, got 4 NaN or infinite in evaluate(), the first at (0, 0): inf"),
        (huge(), (np.ones((1, 2)), [0]), {}, InvalidValueError,  # not "the network's output"
         "the model's output must be finite, got 2 NaN or infinite in evaluate(), the first at (0, 0): inf"),
        (echo, (X, Y[:1]), {}, InvalidValueError, "y must have shape (2,), one label a row, got (1,) in evaluate()"),
        (echo, (X, Y + 1), {}, InvalidValueError, "y must be in 0 … 1, got 2 at 1 in evaluate()"),
        (Network.mlp([3, 2], rng=0), (X, Y), {}, InvalidValueError, "x must have 3 columns, got 2 in evaluate()"),
        (lambda x: x[:, 0], (X, Y), {}, InvalidValueError,
         "the model's output must have shape (2, classes), got (2,) in evaluate()"),
        (lambda x: x[:, :0], (X, Y), {}, InvalidValueError,
         "the model's output must have shape (2, classes), got (2, 0) in evaluate()"),
        (lambda x: x[:1], (X, Y), {}, InvalidValueError,
         "the model's output must have shape (2, classes), got (1, 2) in evaluate()"),
        (lambda x: x / 0.5 + np.inf, (X, Y), {}, InvalidValueError,
         "the model's output must be finite, got 4 NaN or infinite in evaluate(), the first at (0, 0): inf"),
        (echo, (X, Y), {"by": np.ma.zeros(2)}, InvalidTypeError,
         "by must be a plain array, got a masked array in evaluate(): fill it first"),
        (echo, (X, Y), {"by": [b"a", b"b"]}, InvalidTypeError,
         "by must hold numbers or strings, got dtype |S1 in evaluate()"),
        (echo, (X, Y), {"by": np.arange(3)}, InvalidValueError,
         "by must have shape (2,), one group a row, got (3,) in evaluate()"),
        (echo, (X, Y), {"by": [None, 1]}, InvalidTypeError,
         "by must hold numbers or strings, got dtype object in evaluate()"),
        (echo, (X, Y), {"by": [np.nan, 1]}, InvalidValueError,
         "by must be finite, got 1 NaN or infinite in evaluate(), the first at (0,): nan"),
    ],
)  # fmt: skip
def test_what_can_not_be_evaluated_is_refused(model, split, options, error, text):
    with pytest.raises(error) as refused:
        evaluate(model, split, **options)
    assert str(refused.value) == text
