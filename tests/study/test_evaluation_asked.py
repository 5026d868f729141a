"""What evaluating asks of a model, and numbers at the ends of what a float holds."""

import numpy as np
import pytest

from minprune import evaluate


def test_rows_go_to_the_model_4096_at_a_time_unless_it_is_said():
    seen = []

    def model(x):
        seen.append(len(x))
        return x

    x, y = np.arange(4099.0)[:, None] % 5, np.arange(4099) % 2
    for size in ({}, {"batch_size": 2000}):
        assert evaluate(model, (x, y), **size) == evaluate(lambda x: x, (x, y), batch_size=10_000)
    assert seen == [4096, 3, 2000, 2000, 99]


def test_a_single_row_can_be_judged():
    assert evaluate(lambda x: x, ([[1.0]], [1])).note == "AUC and false declines need both classes; y holds only 1"


def test_the_threshold_is_in_the_dtype_of_the_logits_and_whole_numbers_become_floats():
    z = np.array([[1e-9, 1.0], [0.0, 0.5]], np.float32)
    assert evaluate(lambda x: z, (np.ones((2, 1)), [1, 0])).threshold == 1.0  # as it is in float32
    assert evaluate(lambda x: z.astype(float), (np.ones((2, 1)), [1, 0])).threshold == 1.0 - 1e-9
    whole = np.array([[0, 2**62], [2**62, 0]])
    assert evaluate(lambda x: -whole, (np.ones((2, 1)), [0, 1])).threshold == 2.0**62
    for dtype in (np.uint8, np.bool_):  # of which neither can be subtracted
        found = evaluate(lambda x, dtype=dtype: np.eye(2, dtype=dtype), (np.ones((2, 1)), [0, 1]))
        assert (found.threshold, found.auc) == (1.0, 1.0)


def test_logits_far_apart_are_infinite_in_their_place_and_so_may_the_loss_be():
    z = np.array([[-3e38, 3e38], [3e38, -3e38]], np.float32)
    found = evaluate(lambda x: z, (np.ones((2, 1)), [1, 0]))
    assert (found.threshold, found.auc, found.log_loss) == (np.inf, 1.0, 0.0)
    assert evaluate(lambda x: z, (np.ones((2, 1)), [0, 1])).log_loss == pytest.approx(6e38, rel=1e-6)
    far = np.array([[-1e308, 1e308], [1e308, -1e308]])
    assert evaluate(lambda x: far, (np.ones((2, 1)), [0, 1])).log_loss == np.inf
