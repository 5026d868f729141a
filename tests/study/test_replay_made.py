"""A Replay that is made by hand is one that could have been measured."""

from math import inf

import numpy as np
import pytest

from minprune.errors import MinpruneError
from minprune.study.rates import Highest
from minprune.study.replay import Replay
from minprune.study.serving import Served
from minprune.study.timing import Blas

ONE = Served(1.0, np.ones(1), np.ones(1), np.full(1, 2.0), 2.0)
NEVER = Highest(0.0, (), None)


def made(**change):
    parts = {"rate": 1.0, "seconds": 2, "budget": 0.5, "served": {"a": ONE, "b": ONE}}
    parts |= {"highest": {"a": NEVER, "b": NEVER}, "blas": Blas("a BLAS", 1, "processor count"), "_gaps": np.ones(1)}
    return Replay(**parts | change)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rate": 0}, "rate must be greater than 0 and finite, got 0 in Replay()"),
        ({"seconds": -1.0}, "seconds must be greater than 0 and finite, got -1 in Replay()"),
        ({"budget": inf}, "budget must be greater than 0 and finite, got inf in Replay()"),
        ({"budget": "1"}, "budget must be a number, got str '1' in Replay()"),
        ({"served": 3}, "served must be a dict with at least one entry, got 3 in Replay()"),
        ({"served": {}}, "served must be a dict with at least one entry, got {} in Replay()"),
        ({"highest": []}, "highest must be a dict with at least one entry, got [] in Replay()"),
        ({"served": {"a": ONE, "b": 3}}, "served must map names to Served, got 'b': 3 in Replay()"),
        ({"highest": {3: NEVER}}, f"highest must map names to Highest, got 3: {NEVER!r} in Replay()"),
        ({"highest": {"a": ONE}}, f"highest must map names to Highest, got 'a': {ONE!r} in Replay()"),
        ({"highest": {"b": NEVER, "c": NEVER}}, "highest must be of the models of served, a, b, got b, c in Replay()"),
        ({"served": {"a": ONE}}, "highest must be of the models of served, a, got a, b in Replay()"),
        ({"blas": "a BLAS"}, "blas must be a Blas, got 'a BLAS' in Replay()"),
        ({"_gaps": None}, "_gaps must be an array with at least one entry, got None in Replay()"),
        ({"_gaps": np.float64(1)}, "_gaps must be an array with at least one entry, got np.float64(1.0) in Replay()"),
        ({"_gaps": np.array(1.0)}, "_gaps must be an array with at least one entry, got array(1.) in Replay()"),
        ({"_gaps": np.ones((1, 1))}, "_gaps must be an array with at least one entry, got array([[1.]]) in Replay()"),
        ({"_gaps": np.ones(0)},
         "_gaps must be an array with at least one entry, got array([], dtype=float64) in Replay()"),
    ],
)  # fmt: skip
def test_what_can_not_have_been_measured_is_refused(change, text):
    with pytest.raises(MinpruneError) as refused:
        made(**change)
    assert str(refused.value) == text


def test_what_can_is_kept_as_it_is():
    found = made()
    assert (found.rate, found.seconds, found.budget, list(found.served)) == (1.0, 2, 0.5, ["a", "b"])
    assert found.response_at("b", 0.001) == 1.0
