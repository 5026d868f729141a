"""What the laws of a selector with a share for each layer say of each way to break them."""

import numpy as np
from test_check_selector import HALF, TIED, Changing, right, then
from told import rows_of

from minprune.testing import Case

COMPONENT = "local_selector"


def each(scores, sparsity):
    """Drop every layer's share."""
    return {name: mask for n, s in scores.items() for name, mask in right({n: s}, sparsity).items()}


def in_b(sparsity):
    """Ask the second layer, and no other, for another share."""
    return lambda scores, asked: each(scores, asked) | right({"b": scores["b"]}, sparsity)


def turned(name):
    return lambda scores, sparsity: each(scores | {name: -scores[name]}, sparsity)


def last_first(name):
    def select(scores, sparsity):
        (mask,) = right({name: scores[name][::-1, ::-1]}, sparsity).values()
        return each(scores, sparsity) | {name: mask[::-1, ::-1]}

    return select


def changing(name):
    """Drop nothing of one layer the second time."""
    return Changing(each, lambda scores, sparsity: each(scores, sparsity) | {name: np.ones((2, 2), bool)})


ROWS = [
    ("local_count", "as it should be", each, HALF),
    ("local_count", "less of the second", in_b(0.25), HALF),
    ("local_count", "more of the second", in_b(0.75), HALF),
    (
        "local_count",
        "of the network",
        right,
        Case(scores={"a": HALF.scores["a"], "b": 9 + HALF.scores["b"]}, sparsity=0.25),
    ),
    ("order", "as it should be", each, HALF),
    ("order", "turned round in the first", turned("a"), HALF),
    ("order", "turned round in the second", turned("b"), HALF),
    ("ties_by_position", "as it should be", each, TIED),
    ("ties_by_position", "the last first in the first", last_first("a"), TIED),
    ("ties_by_position", "the last first in the second", last_first("b"), TIED),
    ("ties_by_position", "another mask of the first the second time", changing("a"), TIED),
    ("ties_by_position", "another mask of the second the second time", changing("b"), TIED),
    ("tiny", "as it should be", each, HALF),
    ("tiny", "too little", lambda s, k: each(s, k / 2), HALF),
    ("tiny", "something goes at 0", in_b(0.5), HALF),
    ("mask_type", "lists", then(lambda m: {n: v.tolist() for n, v in m.items()}), HALF),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
