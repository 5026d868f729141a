"""What the laws of a matrix format say of each way to break them, and in which layouts it is asked."""

from dataclasses import dataclass

import numpy as np
import pytest
from told import rows_of

import minprune as mp
from minprune.testing import Case
from minprune.testing.checks.kernel import LAYOUTS, laid_out

COMPONENT = "kernel"
W = np.array([[1.0, 0.0, 2.0], [0.0, 0.5, -0.0]], np.float32)
X = np.array([[1.0, 2.0], [0.5, -1.0], [0.25, 4.0]], np.float32)
MASK = np.array([[True, True, False], [False, True, True]])
CASE = Case(w=W, mask=None, x=X)
MASKED = Case(w=W, mask=MASK, x=X)
NO_BATCH = Case(w=W, mask=None, x=X[:, :0])
DOUBLE = Case(w=W.astype(np.float64), mask=MASK, x=X.astype(np.float64))


class Plain:
    """A matrix kept as it is, right in all; what is wrong is in its subclasses."""

    def __init__(self, w):
        self.w = w

    @classmethod
    def from_dense(cls, w, mask=None):
        return cls(w.copy() if mask is None else np.where(mask, w, 0).astype(w.dtype))

    def to_dense(self):
        return self.w.copy()

    def __matmul__(self, x):
        return np.ascontiguousarray((self.w @ x).astype(self.w.dtype))

    shape = property(lambda self: self.w.shape)
    dtype = property(lambda self: self.w.dtype)
    nbytes = property(lambda self: self.w.nbytes)


def with_(**methods):
    return type("Other", (Plain,), methods)


def first_column_lost(self, x):
    return (self.w[:, 1:] @ x[1:]).astype(self.w.dtype)


def product(change):
    return with_(__matmul__=lambda self, x: change(Plain.__matmul__(self, x), x))


def only(layout, change):
    """Change a product where x lies so in memory: not contiguous, or read-only."""

    def test(x):
        return {
            "Fortran": x.flags.f_contiguous and not x.flags.c_contiguous,
            "read-only": not x.flags.writeable,
            "strided": x.strides[-1] > x.itemsize and not x.flags.f_contiguous,
            "backwards": min(x.strides) < 0,
        }[layout]

    return product(lambda y, x: change(y) if test(x) else y)


def writes(y, x):
    if x.flags.writeable and not x.flags.c_contiguous:
        x[0, 0] = 9
    return y


class Holding(Plain):
    """Holds arrays in other ways, and counts those it is told to."""

    def __init__(self, w, **more):
        super().__init__(w)
        vars(self).update(more)


def holding(nbytes, **more):
    return type(
        "Holding", (Holding,), {"from_dense": classmethod(lambda cls, w, mask=None: cls(w, **more)), "nbytes": nbytes}
    )


class Slots:
    __slots__ = ("part", "without")

    def __init__(self, part):
        self.part = part


@dataclass(slots=True)
class Fields:
    part: object


@dataclass(slots=True)
class Derived(Fields):
    other: object


class Thing:
    shape, dtype = (), np.dtype(np.float32)

    def __repr__(self):
        return "a thing"


def deep(array, levels):
    return array if not levels else Slots(deep(array, levels - 1))


class Itself(Plain):
    """Holds a list that it is in."""

    def __init__(self, w):
        super().__init__(w)
        self.me = [self]


FLIPPED_MASK = type(
    "FlippedMask",
    (Plain,),
    {
        "from_dense": classmethod(
            lambda cls, w, mask=None: Plain.from_dense.__func__(
                cls, w, None if mask is None else mask.T.reshape(mask.shape) if mask.flags.f_contiguous else mask
            )
        )
    },
)
FLIPPED_W = type(
    "FlippedW",
    (Plain,),
    {
        "from_dense": classmethod(
            lambda cls, w, mask=None: Plain.from_dense.__func__(cls, w if w.flags.c_contiguous else w + 1, mask)
        )
    },
)


def lying(case, layout):
    return Case(**vars(case), layout=layout)


ROWS = [
    *(
        (name, f"as it should be, {kind.__name__}, {what}", kind, case)
        for name in ("format_round_trip", "matmul_equal", "bytes_honest")
        for kind in (Plain, mp.CSR)
        for what, case in (("plain", CASE), ("masked", MASKED), ("no batch", NO_BATCH), ("float64", DOUBLE))
    ),
    *(
        ("layout_free", f"as it should be, {kind.__name__}, {layout}", kind, lying(MASKED, layout))
        for kind in (Plain, mp.CSR)
        for layout in LAYOUTS
    ),
    ("format_round_trip", "-0.0 is lost", with_(to_dense=lambda self: self.w + 0), CASE),
    ("format_round_trip", "another type comes back", with_(to_dense=lambda self: self.w.astype(np.float64)), CASE),
    (
        "format_round_trip",
        "the mask is forgotten",
        type("Bare", (Plain,), {"from_dense": classmethod(lambda cls, w, mask=None: cls(w))}),
        MASKED,
    ),
    ("format_round_trip", "another shape", with_(shape=(3, 2)), CASE),
    ("format_round_trip", "a shape in a list", with_(shape=[2, 3]), CASE),
    ("format_round_trip", "another dtype", with_(dtype=np.dtype(np.float64)), CASE),
    ("matmul_equal", "a number for a vector", product(lambda y, x: y if y.ndim > 1 else y[:1]), CASE),
    ("matmul_equal", "something that is no array", product(lambda y, x: Thing()), CASE),
    ("bytes_honest", "in inherited slots, uncounted", holding(24, more=Derived(np.ones(2), 1)), CASE),
    ("matmul_equal", "another type", product(lambda y, x: y.astype(np.float64)), CASE),
    ("matmul_equal", "another type and shape", product(lambda y, x: y[0].astype(np.float64)), CASE),
    ("matmul_equal", "another width", product(lambda y, x: y[:, :1] if y.ndim > 1 else y), CASE),
    ("matmul_equal", "a column is lost", with_(__matmul__=first_column_lost), CASE),
    (
        "matmul_equal",
        "one entry is wrong",
        product(lambda y, x: y + (np.arange(y.size) == 1).reshape(y.shape).astype(y.dtype)),
        CASE,
    ),
    ("matmul_equal", "one entry of a vector is wrong", product(lambda y, x: y + (y.ndim == 1)), CASE),
    ("bytes_honest", "one byte less", with_(nbytes=23), CASE),
    ("bytes_honest", "nothing", with_(nbytes=0), CASE),
    *(
        ("bytes_honest", f"{what}, uncounted", holding(24, more=more), CASE)
        for what, more in (
            ("an array", np.ones(2)),
            ("a list of arrays", [np.ones(2), np.ones(3)]),
            ("a tuple in a list", [(np.ones(2),)]),
            ("nothing", None),
            ("words", "words"),
            ("in slots", Slots(np.ones(2))),
            ("deep down", deep(np.ones(2), 2)),
            ("too deep", deep(np.ones(2), 3)),
            ("a case", Case(a=np.ones(2))),
            ("a type", np.float32),
            ("a type that has arrays", type("T", (), {"a": np.ones(2)})),
        )
    ),
    ("bytes_honest", "itself in a list of its own", Itself, CASE),
    ("bytes_honest", "a list in slots, uncounted", holding(24, more=Slots([Slots(np.ones(2)), 1])), CASE),
    (
        "bytes_honest",
        "the same array twice counts once",
        holding(24 + 16, one=W.astype(np.float64)[0, :2], other=(Y := np.ones(2)), same=Y),
        CASE,
    ),
    ("bytes_honest", "a view of its beginning counts", holding(24 + 16, one=Y, part=Y[:1]), CASE),
    *(
        ("layout_free", f"another product for a {layout} x", only(layout, lambda y: y * 2), lying(CASE, layout))
        for layout in LAYOUTS[1:]
    ),
    (
        "layout_free",
        "a rounding error for a Fortran x",
        only("Fortran", lambda y: np.nextafter(y, 9)),
        lying(CASE, "Fortran"),
    ),
    ("layout_free", "x is written to", product(writes), lying(CASE, "Fortran")),
    ("layout_free", "the mask is read as if it lay in rows", FLIPPED_MASK, lying(MASKED, "Fortran")),
    ("layout_free", "another matrix from a strided w", FLIPPED_W, lying(MASKED, "strided")),
    ("layout_free", "another matrix from a backwards w", FLIPPED_W, lying(CASE, "backwards")),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_what_it_is_called_and_holds_the_same_numbers(layout):
    array = laid_out(X, layout)
    assert array.tolist() == X.tolist()
    assert array.dtype == X.dtype
    assert not np.shares_memory(array, X)
    assert array.flags.writeable == (layout != "read-only")
    assert array.strides == {"Fortran": (4, 12), "strided": (32, 8), "backwards": (-8, -4)}.get(layout, (8, 4))
    if layout == "strided":
        assert array.base[1::2].tolist() == np.full((3, 4), 99).tolist()
