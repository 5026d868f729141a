"""What the laws of regrowth say of each way to break them."""

import numpy as np
from told import rows_of

import minprune as mp
from minprune.testing import Case, network

COMPONENT = "regrowth"
NET = network(
    [np.ones((2, 3), np.float32), np.ones((3, 2), np.float32)],
    masks=[
        np.array([[True, False, True], [True, True, False]]),
        np.array([[True, False], [True, True], [False, True]]),
    ],
)
CASE = Case(
    network=NET,
    scores={name: np.arange(6.0).reshape(p.shape) for name, p in NET.prunable.items()},
    place=0.25,
    x=np.ones((2, 2), np.float32),
    y=np.array([0, 1]),
    seed=3,
)


class Other(mp.SET):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def masks(self, net, scores, t, **options):
        return self.change(super().masks(net, scores, t, **options), net)


class Says(mp.SET):
    def masks(self, net, scores, t, *, pattern, data, rng):
        raise RuntimeError(
            f"{net!r} {list(scores)} {t} {pattern} {data[0].tolist()} {data[1].tolist()} {rng.integers(1000)}"
        )


def touched(masks, net):
    net.dense[0].weight.grad[...] = 1
    return masks


ROWS = [
    ("regrow_conserves", "as it should be", mp.SET(), CASE),
    ("regrow_conserves", "what it is called with", Says(), CASE),
    ("regrow_conserves", "all grow", Other(lambda masks, net: {n: np.ones_like(m) for n, m in masks.items()}), CASE),
    (
        "regrow_conserves",
        "one less of the second",
        Other(lambda masks, net: masks | {"dense2.weight": masks["dense2.weight"] & (np.arange(6).reshape(3, 2) > 0)}),
        CASE,
    ),
    (
        "regrow_conserves",
        "none of the second",
        Other(lambda masks, net: masks | {"dense2.weight": np.zeros((3, 2), bool)}),
        CASE,
    ),
    ("regrow_conserves", "the network is touched", Other(touched), CASE),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
