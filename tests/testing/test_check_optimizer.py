"""What the laws of an optimizer say of each way to break them."""

import numpy as np
from told import rows_of

import minprune as mp
from minprune.testing import Case, network
from minprune.testing.checks.optimizer import PENALTIES

COMPONENT = "optimizer"
NET = network(
    [np.array([[1.0, -2.0], [0.5, 3.0]], np.float32), np.array([[1.0], [-1.0]], np.float32)],
    biases=[np.ones(2, np.float32), None],
)
MASKS = [np.array([[True, False], [False, True]]), np.array([[True], [False]])]


def case(**changes):
    return Case(**{"network": NET, "masks": MASKS, "penalty": "", "steps": 3, "seed": 1, **changes})


class Does(mp.SGD):
    """Momentum that does something after its steps: ``after(parameters, number)``."""

    def __init__(self, after, **options):
        super().__init__(0.1, momentum=0.5, **options)
        self.after, self.number = after, 0

    def step(self, parameters, progress=0.0):
        super().step(parameters, progress)
        self.number += 1
        self.after(self, parameters)


def value(name, at, new, number=3):
    """Write a value after a step."""

    def after(optimizer, parameters):
        if optimizer.number == number:
            parameters[name].value[at] = new

    return Does(after)


def state(name, at, new, number=3):
    def after(optimizer, parameters):
        if optimizer.number == number:
            next(iter(optimizer.state(parameters[name]).arrays.values()))[at] = new

    return Does(after)


class Counts(mp.SGD):
    """Note what it is called with, and say it when it is asked for its state."""

    def __init__(self):
        super().__init__(0.1, momentum=0.5)
        self.seen = []

    def step(self, parameters, progress=0.0):
        self.seen.append([(p.grad.tolist(), p.value.tolist(), p.mask.tolist()) for p in parameters.values()])
        super().step(parameters, progress)
        if len(self.seen) == 3:
            raise RuntimeError(repr(self.seen))


ROWS = [
    *(
        (
            name,
            f"as it should be, {type(optimizer).__name__}, {penalty or 'no penalty'}",
            optimizer,
            case(penalty=penalty, steps=4),
        )
        for name in ("stays_zero", "state_clean", "grown_start_zero")
        for optimizer in (mp.SGD(0.1, momentum=0.9), mp.Adam(0.1))
        for penalty in ("", *PENALTIES)
    ),
    *(
        ("stays_zero", f"what it is called with, {penalty or 'no penalty'}", Counts(), case(penalty=penalty))
        for penalty in ("", *PENALTIES)
    ),
    ("stays_zero", "a value is there", value("dense1.weight", (0, 1), 0.5), case()),
    ("stays_zero", "a value is there of the second", value("dense2.weight", (1, 0), -0.5), case()),
    ("stays_zero", "a value is there in the fourth step", value("dense2.weight", (1, 0), -0.5, 4), case(steps=4)),
    ("stays_zero", "it is -0.0", value("dense1.weight", (0, 1), -0.0), case()),
    ("stays_zero", "before the masks are set it may be", value("dense1.weight", (0, 1), 0.5, 2), case()),
    ("state_clean", "momentum is there", state("dense1.weight", (0, 1), 0.5), case()),
    ("state_clean", "momentum is there of the second", state("dense2.weight", (1, 0), -0.0), case()),
    ("grown_start_zero", "a value is there", value("dense2.weight", (1, 0), 0.5), case()),
    ("grown_start_zero", "momentum is there", state("dense1.weight", (0, 1), 0.5), case()),
    ("grown_start_zero", "a value comes without a gradient", value("dense2.weight", (1, 0), 0.5, 4), case()),
    ("grown_start_zero", "a value comes where it was kept", value("dense2.weight", (0, 0), 0.5, 4), case()),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
