"""What the table of bad input is made of: a small world that no refused call may change, and families of bad values.

A family is what any parameter of its kind must refuse, with the rule that the text names: ``{p}`` stands for the
parameter and ``{fn}`` for the call.
"""

import hashlib
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import minprune as mp
from minprune import InvalidTypeError as TYPE
from minprune import InvalidValueError as VALUE

NAN, INF = float("nan"), float("inf")
HUGE = 10**9


class World:
    """A network in the middle of its training, and everything around it."""

    def __init__(self, folder):
        draws = np.random.default_rng(0)
        self.folder, self.rng = folder, np.random.default_rng(1)
        self.x, self.y = draws.standard_normal((20, 4)), np.arange(20) % 3
        self.data = (self.x, self.y)
        self.loss, self.adam, self.sgd = mp.SoftmaxCrossEntropy(), mp.Adam(0.01), mp.SGD(0.1, momentum=0.9)
        self.net = mp.Network.mlp([4, 6, 3], dropout=0.2, rng=0)
        self.weight = self.net.parameters["dense1.weight"]
        self.weight.mask = draws.random((4, 6)) < 0.7
        self.pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5)
        self.history = self.train(self.net, optimizer=self.adam, pruner=self.pruner)
        self.train(self.net, optimizer=self.sgd)
        self.plan = mp.plan(self.net, mp.Magnitude(), sparsity=0.6)
        self.masks = dict(self.plan.masks)
        self.program = mp.compile(self.net, kernels="dense")
        self.csr = mp.CSR.from_dense(self.weight.value)
        self.split = mp.datasets.Split(self.x, self.y)
        self.ticket = mp.lottery_ticket(
            self.net, self.data, sparsity=0.6, rounds=1, loss=self.loss, optimizer=mp.SGD(0.1), epochs=1, rng=0
        )
        self.file = mp.save(self.net, folder / "net.safetensors")
        self.seen = self.digest()

    def train(self, network, optimizer, **more):
        return mp.fit(network, self.data, loss=self.loss, optimizer=optimizer, epochs=1, batch_size=10, rng=0, **more)

    def fit(self, **change):
        """Train further, with the change that is to be refused."""
        asked = {"network": self.net, "train": self.data, "loss": self.loss, "optimizer": self.adam, "epochs": 1}
        asked |= {"rng": self.rng} | change
        return mp.fit(asked.pop("network"), asked.pop("train"), **asked)

    def digest(self):
        """Return a checksum of all bytes: values, masks, gradients, states, data, random numbers, files."""
        said = [repr(self.history), repr(self.pruner), repr(self.plan), repr(self.csr), repr(self.program)]
        _, numbers, *rest = np.random.get_state()  # noqa: NPY002
        said += [repr(self.rng.bit_generator.state), repr(rest), repr(np.geterr())]
        arrays = [numbers, self.x, self.y, self.csr.data, self.csr.indices, self.split.x, *self.masks.values()]
        for network in (self.net, self.ticket.trained, self.ticket._rewound):
            for p in network.parameters.values():
                arrays += [p.value, p.grad, p.mask]
                for optimizer, state in p.states.items():
                    said.append(f"{optimizer!r} {state!r}")
                    arrays += state.arrays.values()
        total = hashlib.sha256("\n".join(said).encode())
        for array in arrays:
            total.update(array.tobytes())
        for path in sorted(self.folder.rglob("*")):
            total.update(f"{path} {path.read_bytes() if path.is_file() else ''}".encode())
        return total.hexdigest()


class Row(NamedTuple):
    """One line of the table: the public call it is of, how it is called, and what it is told."""

    call: str
    do: Callable[[World], Any]
    error: type
    text: str


def rows(call: str, *lines: tuple[Callable[[World], Any], type, str]) -> list[Row]:
    return [Row(call, *line) for line in lines]


def each(
    call: str, parameter: str, family: list[tuple[Any, type, str]], do: Callable[[World, Any], Any], where: str = ""
) -> list[Row]:
    """Return a row for each bad value of a family."""

    def with_value(bad):
        return lambda world: do(world, bad)

    return [
        Row(call, with_value(bad), error, text.replace("{p}", parameter).replace("{fn}", where or call))
        for bad, error, text in family
    ]


def _told(rule: str, *values: tuple[Any, str]) -> list[tuple[Any, type, str]]:
    return [(value, TYPE, f"{{p}} must be {rule}, got {got} in {{fn}}()") for value, got in values]


def whole(at_least: int = 1, *more: tuple[Any, type, str]) -> list[tuple[Any, type, str]]:
    """Return what is no whole number, or too small a one."""
    kinds = [((), "tuple ()"), (2.0, "float 2.0"), (True, "bool True"), ("64", "str '64'"), (NAN, "float nan")]
    kinds += [([4], "list [4]"), (np.array(4), "ndarray array(4)"), (int, "type <class 'int'>")]
    small = [at_least - 1, -3]
    return [
        *_told("a whole number", *kinds),
        *((n, VALUE, f"{{p}} must be at least {at_least}, got {n} in {{fn}}()") for n in small),
        *more,
    ]


def real(rule: str, *outside: float) -> list[tuple[Any, type, str]]:
    """Return what is no number, or not in the interval that the rule says."""
    kinds = [(True, "bool True"), ("0.5", "str '0.5'"), ([0.5], "list [0.5]"), (np.array(0.5), "ndarray array(0.5)")]
    kinds += [(1j, "complex 1j"), (float, "type <class 'float'>")]
    numbers = [NAN, INF, *outside]
    return [
        *_told("a number", *kinds),
        *((n, VALUE, f"{{p}} must be {rule}, got {n:g} in {{fn}}()") for n in numbers),
    ]


POSITIVE = real("greater than 0 and finite", 0.0, -1.0)
NOT_NEGATIVE = real("at least 0 and finite", -1.0)
BELOW_ONE = real("in [0, 1)", -0.1, 1.0, 1.3)
UP_TO_ONE = real("in (0, 1]", 0.0, -0.1, 1.3)
SHARE = real("in [0, 1]", -0.1, 1.3)
RNG = [
    (bad, error, f"rng must be a Generator, a seed or None, got {got} in {{fn}}()")
    for bad, error, got in [(True, TYPE, "bool True"), ("seed", TYPE, "str 'seed'"), (-1, VALUE, "int -1")]
]
FLAG = [(bad, TYPE, f"{{p}} must be True or False, got {bad!r} in {{fn}}()") for bad in ("no", 1, None)]


def _ragged() -> str:
    try:
        np.asarray([[1.0], [2.0, 3.0]])
    except ValueError as error:
        return str(error)
    raise AssertionError


RAGGED = ([[1.0], [2.0, 3.0]], VALUE, f"{{p}} must be a rectangular array in {{fn}}(): {_ragged()}")
UNREAL = [
    (np.array([[None] * 4]), TYPE, "{p} must hold real numbers, got dtype object in {fn}()"),
    (np.ones((2, 4), complex), TYPE, "{p} must hold real numbers, got dtype complex128 in {fn}()"),
    (np.full((2, 4), "1"), TYPE, "{p} must hold real numbers, got dtype <U1 in {fn}()"),
    (np.ma.array(np.ones((2, 4))), TYPE, "{p} must be a plain array, got a masked array in {fn}(): fill it first"),
    ([np.ma.ones(4)] * 2, TYPE, "{p} must be a plain array, got a masked array in {fn}(): fill it first"),
    RAGGED,
]


def holed(value: float, shape: tuple[int, ...] = (20, 4)) -> np.ndarray:
    """Return an array with two bad entries."""
    array = np.ones(shape)
    array[1:3, -1] = value
    return array


FEATURES64 = [
    (np.ones(4), VALUE, "{p} must have shape (batch, 4), got (4,) in {fn}(); one row is {p}[None, :]"),
    (np.ones((2, 1, 4)), VALUE, "{p} must have shape (batch, 4), got (2, 1, 4) in {fn}()"),
    (5.0, VALUE, "{p} must have shape (batch, 4), got () in {fn}()"),
    (np.ones((2, 3)), VALUE, "{p} must have 4 columns, got 3 in {fn}()"),
    (np.ones((0, 4)), VALUE, "{p} must have at least one row, got (0, 4) in {fn}()"),
    (np.ones((2, 4), bool), TYPE, "{p} must be float or integer, got dtype bool in {fn}()"),
    (holed(NAN), VALUE, "{p} must be finite, got 2 NaN or infinite in {fn}(), the first at (1, 3): nan"),
    (holed(-INF), VALUE, "{p} must be finite, got 2 NaN or infinite in {fn}(), the first at (1, 3): -inf"),
    *UNREAL,
]
FEATURES = [
    *FEATURES64,
    (holed(1e39), VALUE, "{p} must be finite, got 2 NaN or infinite in {fn}(), the first at (1, 3): inf"),  # in float32
]
LABELS = [
    (np.arange(20), VALUE, "{p} must be in 0 … 2, got 3 at 3 in {fn}()"),
    (np.arange(20) - 1, VALUE, "{p} must be in 0 … 2, got -1 at 0 in {fn}()"),
    (np.full(20, 0.5), VALUE, "{p} must hold whole numbers, got 0.5 at 0 in {fn}()"),
    (np.full(20, NAN), VALUE, "{p} must be finite, got 20 NaN or infinite in {fn}(), the first at (0,): nan"),
    (np.zeros(3, int), VALUE, "{p} must have shape (20,), one label a row, got (3,) in {fn}()"),
    (np.zeros((20, 1), int), VALUE, "{p} must have shape (20,), one label a row, got (20, 1) in {fn}()"),
    (None, TYPE, "{p} must hold real numbers, got dtype object in {fn}()"),
    (np.ma.zeros(20), TYPE, "{p} must be a plain array, got a masked array in {fn}(): fill it first"),
]
PAIRS = [
    (None, TYPE, "{p} must be a Split or a pair (x, y), got NoneType in {fn}()"),
    (3, TYPE, "{p} must be a Split or a pair (x, y), got int in {fn}()"),
    (np.ones((20, 4)), TYPE, "{p} must be a Split or a pair (x, y), got ndarray in {fn}()"),
    ((1, 2, 3), TYPE, "{p} must be a Split or a pair (x, y), got tuple in {fn}()"),
]
MASKS = [
    (np.ones((4, 6)), TYPE, "mask of {p} must be a bool array, got dtype float64 in {fn}()"),
    (np.ones((4, 6), int), TYPE, "mask of {p} must be a bool array, got dtype int64 in {fn}()"),
    (True, TYPE, "mask of {p} must be a bool array, got bool True in {fn}()"),
    ([[True], [True, False]], TYPE, "mask of {p} must be a bool array, got list [[True], [True, False]] in {fn}()"),
    (np.ma.ones((4, 6), bool), TYPE, "mask of {p} must be a bool array, got dtype bool in {fn}()"),
]
MISSHAPEN = (np.ones((6, 4), bool), VALUE, "mask of {p} must have shape (4, 6), got (6, 4) in {fn}()")


def network(cls_hint: str = "") -> list[tuple[Any, type, str]]:
    """Return what is no network, for the calls that tell of its type alone."""
    return [
        (bad, TYPE, f"network must be a Network, got {type(bad).__name__} in {{fn}}(){cls_hint}")
        for bad in (None, "net", 3, mp.Network, [mp.ReLU()])
    ]


def mistyped(name: str, known: list[str], near: str, fn: str, parameter: str) -> str:
    return f"{parameter} must be a known name, got {name!r} in {fn}(); did you mean {near!r}? Known: {', '.join(known)}"


def quietly(do: Callable[[World], Any], world: World) -> Any:
    """Call with every warning an error, whatever pytest was told."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return do(world)
