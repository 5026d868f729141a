import numpy as np
import pytest

from minprune import GELU, Dense, Network
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.complexity import analyze

NET = Network.mlp([4, 2], rng=0)
FAR = Network([Dense.from_arrays(np.float32([[1e30]]), None), GELU(), Dense(1, 2, rng=0)])  # GELU of −∞ is no number


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("net",), InvalidTypeError, "network must be a Network, got str 'net' in analyze()"),
        ((NET, "x"), InvalidTypeError, "x must hold real numbers, got dtype <U1 in analyze()"),
        ((NET, np.ones(4)), InvalidValueError,
         "x must have shape (batch, 4), got (4,) in analyze(); one row is x[None, :]"),
        ((NET, np.ones((1, 3))), InvalidValueError, "x must have 4 columns, got 3 in analyze()"),
        ((NET, np.full((1, 4), np.nan)), InvalidValueError,
         "x must be finite, got 4 NaN or infinite in analyze(), the first at (0, 0): nan"),
        ((FAR, [[1e30]]), InvalidValueError,
         "the units of dense1 must be finite, got 1 NaN or infinite in analyze(), the first at (0, 0): inf"),
        ((FAR, [[0.0], [-1e30]]), InvalidValueError,  # and neither with a warning
         "the units of dense1 must be finite, got 1 NaN or infinite in analyze(), the first at (1, 0): nan"),
    ],
)  # fmt: skip
def test_what_can_not_be_analysed_is_refused(arguments, error, text):
    with pytest.raises(error) as refused:
        analyze(*arguments)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("size", "error", "text"),
    [(0, InvalidValueError, "at least 1, got 0"), (2.0, InvalidTypeError, "a whole number, got float 2.0")],
)
def test_a_batch_size_must_be_a_whole_number(size, error, text):
    with pytest.raises(error) as refused:
        analyze(NET, np.ones((1, 4)), batch_size=size)
    assert str(refused.value) == f"batch_size must be {text} in analyze()"
