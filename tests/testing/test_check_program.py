"""What the laws of a packed network say of each way to break them."""

import numpy as np
import pytest
from test_check_kernel import lying
from told import rows_of

from minprune.testing import Case, LawBroken, network
from minprune.testing.checks import program
from minprune.testing.checks.kernel import LAYOUTS

COMPONENT = "program"
NET = network(
    [np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)],
    biases=[np.ones(2, np.float32)],
    masks=[np.array([[True, False], [True, True]])],
)
X = np.array([[1.0, 2.0], [0.5, -1.0], [4.0, 0.25]], np.float32)
CASE = Case(network=NET, batch_size=3, x=X)


class Program:
    """A copy of the network that looks at what it is given; what is wrong is in its subclasses."""

    def __init__(self, net, batch_size):
        if batch_size not in (1, 3):
            raise ValueError(batch_size)
        self.net = net.copy()

    def __call__(self, x):
        if x.shape[1] != 2 or np.isnan(x).any():
            raise ValueError(x)
        return self.answer(x)

    def answer(self, x):
        return self.net(x)


def with_(**methods):
    return type("Other", (Program,), methods)


def answer(change):
    return with_(answer=lambda self, x: change(self.net(x), x))


class OneBuffer(Program):
    buffer = None

    def answer(self, x):
        if self.buffer is None:
            self.buffer = self.net(x)
        self.buffer[...] = self.net(x)
        return self.buffer


class Counts(Program):
    """Another answer from the n-th call on."""

    n, calls = 2, 0

    def answer(self, x):
        self.calls += 1
        return self.net(x) + (self.calls >= self.n)


class Third(Counts):
    n = 3


class Touches(Program):
    def __init__(self, net, batch_size):
        if batch_size == 3:
            net.dense[0].weight.grad[...] = 5
        super().__init__(net, batch_size)


class TouchesRefusing(Program):
    def __init__(self, net, batch_size):
        net.dense[0].weight.grad[...] = 5
        super().__init__(net, batch_size)


class Takes(Program):
    taken = ()

    def __init__(self, net, batch_size):
        super().__init__(net, 3 if batch_size in self.taken else batch_size)


class TakesAnyX(Program):
    def __call__(self, x):
        return self.answer(x) if x.shape[1] == 2 else x


class TakesNaN(Program):
    def __call__(self, x):
        if x.shape[1] != 2:
            raise ValueError
        return self.answer(x)


class Sulks(Program):
    """Answer otherwise after a refusal."""

    sulks = False

    def __call__(self, x):
        if x.shape[1] != 2 or np.isnan(x).any():
            self.sulks = True
            raise KeyError
        return self.answer(x) + self.sulks


def only(layout):
    tests = {
        "Fortran": lambda x: x.flags.f_contiguous and not x.flags.c_contiguous,
        "read-only": lambda x: not x.flags.writeable,
        "strided": lambda x: x.strides[-1] == 8,
        "backwards": lambda x: min(x.strides) < 0,
    }
    return answer(lambda y, x: y + bool(tests[layout](x)))


def writes(y, x):
    if x.flags.writeable and not x.flags.c_contiguous:
        x[0, 0] = 9
    return y


def share(off):
    return answer(lambda y, x: y * np.float32(1 + off))


BIG = Case(network=network([np.full((2, 2), 1000, np.float32)]), batch_size=3, x=X + 2)
THREE_ROWS = Case(network=network([np.ones((2, 1), np.float32)]), batch_size=3, x=X)
NOTHING = Case(network=network([np.zeros((2, 2), np.float32)]), batch_size=3, x=X)

ROWS = [
    *((name, "as it should be", Program, CASE) for name in ("program_equal", "program_repeats", "refused_unchanged")),
    *(("layout_free", f"as it should be, {layout}", Program, lying(CASE, layout)) for layout in LAYOUTS),
    ("program_equal", "another width", answer(lambda y, x: y[:, :1]), CASE),
    ("program_equal", "another answer", answer(lambda y, x: y + 1), CASE),
    ("program_equal", "a list", answer(lambda y, x: y.tolist()), CASE),
    *(("program_equal", f"a share off, {off}", share(off), BIG) for off in (5e-6, 3e-5)),
    *(
        ("program_equal", f"off, {off}", answer(lambda y, x, off=off: y + np.float32(off)), NOTHING)
        for off in (5e-6, 3e-5)
    ),
    ("program_repeats", "one buffer for all", OneBuffer, CASE),
    ("program_repeats", "another answer the second time", Counts, CASE),
    ("program_repeats", "another answer the third time", Third, CASE),
    (
        "program_repeats",
        "-0.0 the second time",
        type(
            "Minus",
            (Counts,),
            {"n": 3, "answer": lambda self, x: Counts.answer(self, x) * 0 * (1 - 2 * (self.calls >= 3))},
        ),
        CASE,
    ),
    *(("layout_free", f"another answer for a {layout} x", only(layout), lying(CASE, layout)) for layout in LAYOUTS[1:]),
    ("layout_free", "x is written to", answer(writes), lying(CASE, "Fortran")),
    *(
        (
            "layout_free",
            f"a share off the second time, {off}",
            type(
                "Off",
                (Counts,),
                {
                    "answer": lambda self, x, off=off: (
                        self.net(x) * np.float32(1 + off) if x.flags.f_contiguous else self.net(x)
                    )
                },
            ),
            lying(BIG, "Fortran"),
        )
        for off in (5e-6, 3e-5)
    ),
    *(
        (
            "layout_free",
            f"off the second time, {off}",
            type(
                "Off",
                (Counts,),
                {
                    "answer": lambda self, x, off=off: (
                        self.net(x) + np.float32(off) if x.flags.f_contiguous else self.net(x)
                    )
                },
            ),
            lying(NOTHING, "Fortran"),
        )
        for off in (5e-6, 3e-5)
    ),
    *(
        ("refused_unchanged", f"it takes {size!r} for a batch size", type("Takes", (Takes,), {"taken": (size,)}), CASE)
        for size in (0, "many")
    ),
    ("refused_unchanged", "the network is touched", Touches, CASE),
    ("refused_unchanged", "the network is touched by a refusal", TouchesRefusing, CASE),
    ("refused_unchanged", "it takes any width", TakesAnyX, CASE),
    (
        "refused_unchanged",
        "it takes NaN in the first column",
        type(
            "TakesFirst",
            (TakesNaN,),
            {"answer": lambda self, x: self.net(x) if not np.isnan(x[:, 1:]).any() else 1 / 0},
        ),
        CASE,
    ),
    (
        "refused_unchanged",
        "it takes any narrower x",
        type(
            "TakesNarrow",
            (TakesAnyX,),
            {"__call__": lambda self, x: self.answer(x) if x.shape[1] == 2 and not np.isnan(x).any() else None},
        ),
        THREE_ROWS,
    ),
    ("refused_unchanged", "it takes NaN", TakesNaN, CASE),
    ("refused_unchanged", "another answer after a refusal", Sulks, CASE),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()


def test_what_the_compacted_network_says_is_asked_for_too(monkeypatch):
    small = network([np.array([[0.5, -2.0], [0.5, 3.0]], np.float32)])
    monkeypatch.setattr(program, "compact", lambda net: small)
    one = Case(network=NET, batch_size=3, x=X[:1])
    with pytest.raises(LawBroken) as broken:
        program.program_equal(Program, one)
    assert str(broken.value) == "asked: what the compacted says, [[1.5, 4.0]]; came: [[3.0, 7.0]]"


@pytest.mark.parametrize(
    ("refuses", "bad"),
    [(lambda x: False, "[[1.0, 2.0]]"), (lambda x: x.shape[1] != 3, "[[nan, 2.0, 3.0]]")],
    ids=["nothing", "another width"],
)
def test_a_program_has_to_refuse_a_narrower_x_and_nan_in_a_column(refuses, bad):
    class Takes(Program):
        def __call__(self, x):
            if refuses(x):
                raise ValueError(x)
            return np.float32([1.0])

    wide = Case(network=network([np.ones((3, 1), np.float32)]), batch_size=3, x=np.float32([[1.0, 2.0, 3.0]]))
    with pytest.raises(LawBroken) as broken:
        program.refused_unchanged(Takes, wide)
    assert str(broken.value) == f"asked: a refusal of x = {bad}; came: a result"
