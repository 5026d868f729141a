"""What the laws of compaction say of each way to break them."""

import numpy as np
from told import rows_of

from minprune.inference.compaction import compact
from minprune.testing import Case, Framework, network

COMPONENT = "compaction"
W1, W2 = (
    np.array([[1.0, -2.0, 0.5], [0.5, 3.0, 1.0]], np.float32),
    np.array([[1.0, 2.0], [-1.0, 0.5], [0.25, 2.0]], np.float32),
)
M1, M2 = np.array([[True, False, True], [True, False, False]]), np.array([[True, True], [True, True], [False, False]])
NET = network([W1, W2], biases=[np.ones(3, np.float32), np.ones(2, np.float32)], masks=[M1, M2])
CASE = Case(network=NET, x=np.array([[1.0, 2.0], [0.5, -1.0]], np.float32))
FOLD = Case(**vars(CASE), unit=0)

THREE = Case(**{**vars(FOLD), "network": network([W1, W2, W2.T[:, :1]], biases=[np.ones(3, np.float32), None, None])})


def gives(change):
    """Return a compaction whose network answers otherwise."""

    class Answers:
        def __init__(self, net):
            self.net, self.dense = compact(net), compact(net).dense

        def __call__(self, x):
            return change(self.net(x))

    return Framework(compact=Answers)


def says(net):
    raise RuntimeError([[p.value.tolist(), p.mask.tolist()] for p in net.parameters.values()])


def drops(net):
    """Lose the units without inputs, and what they put out."""
    quiet = net.copy()
    bias = quiet.dense[0].bias
    bias.mask = bias.mask & quiet.dense[0].weight.mask.any(axis=0)
    return compact(quiet)


def masked(first, second):
    return lambda net: network([W1, W2], masks=[first, second])


class Shrinks:
    """One unit less at each call."""

    __name__ = "shrinks"

    def __init__(self):
        self.width = 3

    def __call__(self, net):
        self.width -= 1
        return network([W1[:, : self.width], W2[: self.width]])


COLUMN, ROW = np.ones((2, 3), bool), np.ones((3, 2), bool)
COLUMN[:, 1], ROW[2] = False, False

ROWS = [
    *((name, "as it should be", Framework(), FOLD) for name in ("compact_equal", "constant_folded", "compact_minimal")),
    ("constant_folded", "as it should be, three layers", Framework(), THREE),
    *((name, "another output", gives(lambda y: y + 1), FOLD) for name in ("compact_equal", "constant_folded")),
    *(
        (name, "an output a little off", gives(lambda y: y + 1e-3), FOLD)
        for name in ("compact_equal", "constant_folded")
    ),
    *(
        (name, "a rounding error", gives(lambda y: y * np.float32(1 + 2e-6)), FOLD)
        for name in ("compact_equal", "constant_folded")
    ),
    *(
        (
            name,
            f"an output off by {off}",
            gives(lambda y, off=off: 0 * y + off),
            Case(**{**vars(FOLD), "network": network([np.zeros((2, 2), np.float32), np.zeros((2, 1), np.float32)])}),
        )
        for name in ("compact_equal",)
        for off in (5e-6, 3e-5)
    ),
    *(
        (
            name,
            f"a share of {off}",
            gives(lambda y, off=off: y * np.float32(1 + off)),
            Case(
                **{
                    **vars(FOLD),
                    "network": network([np.full((2, 2), 100, np.float32), np.full((2, 1), 100, np.float32)]),
                }
            ),
        )
        for name in ("compact_equal",)
        for off in (5e-6, 3e-5)
    ),
    *((name, "another width", gives(lambda y: y[:, :1]), FOLD) for name in ("compact_equal", "constant_folded")),
    ("constant_folded", "what is asked for", Framework(compact=says), FOLD),
    ("constant_folded", "the constant is lost", Framework(compact=drops), FOLD),
    ("compact_minimal", "nothing is removed", Framework(compact=lambda net: net), CASE),
    ("compact_minimal", "a unit without inputs", Framework(compact=masked(COLUMN, None)), CASE),
    ("compact_minimal", "a unit without outputs", Framework(compact=masked(None, ROW)), CASE),
    ("compact_minimal", "less the second time", Framework(compact=Shrinks()), CASE),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
