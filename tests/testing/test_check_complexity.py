"""What the laws of counting say of each way to break them."""

from types import SimpleNamespace

import numpy as np
from told import rows_of

from minprune.study.complexity import analyze
from minprune.testing import Case, Framework, network

COMPONENT = "complexity"
NET = network(
    [np.ones((2, 3)), np.ones((3, 2))],
    biases=[np.ones(3), None],
    masks=[
        np.array([[True, False, True], [True, True, False]]),
        np.array([[True, False], [True, True], [False, True]]),
    ],
    bias_masks=[np.array([True, False, True]), None],
)
CASE = Case(network=NET)


def counting(paths=0, flops=0, kept=0):
    def counted(net):
        found = analyze(net)
        total = SimpleNamespace(flops=found.total.flops + flops, kept_flops=found.total.kept_flops + kept)
        return SimpleNamespace(paths=found.paths + paths, total=total)

    return Framework(analyze=counted)


ROWS = [
    ("paths", "as it should be", Framework(), CASE),
    ("paths", "one more", counting(paths=1), CASE),
    ("flops_honest", "as it should be", Framework(), CASE),
    ("flops_honest", "one more", counting(flops=1), CASE),
    ("flops_honest", "one more is kept", counting(kept=1), CASE),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
