"""Examples, and how they are dealt out to train, valid and test: each class in the same proportion in every part.

**Train** is to fit weights, **valid** to choose (when to stop, how far to prune), **test** to say once how good the
choice is. Of the n_c rows of class c a part with fraction f gets f·n_c rounded down, or one more; of all n rows it gets
f·n, rounded up or down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from minprune import arguments, display
from minprune.arguments import RNG, Array
from minprune.errors import InvalidTypeError, InvalidValueError

__all__ = ["Dataset", "Split", "deal", "split"]

Labels = NDArray[np.int64]
Rows = NDArray[np.intp]

_MOST_CLASSES = 1_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Inputs and their labels, row by row; ``x, y = split`` takes them apart.

    Parameters
    ----------
    x : array of shape (rows, features)
        Finite numbers. A float64 array stays float64, for networks in float64; anything else becomes float32.
    y : array of shape (rows,)
        Class labels 0, 1, 2, …; kept as int64.

    Both are held C-contiguous and read-only; an array that already has its form is not copied.

    Raises
    ------
    InvalidValueError, InvalidTypeError
        If the shapes don't match, there is no row, or a value is not a finite number or a label.

    Examples
    --------
    >>> points = Split([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [0, 1, 1])
    >>> points
    Split(3 rows × 2 features, float32; classes 0: 33.3 %, 1: 66.7 %)
    >>> x, y = points.take([2, 0])
    >>> y
    array([1, 0])
    """

    x: Array
    y: Labels

    def __post_init__(self) -> None:
        x, y = _examples(self.x, self.y, "Split")
        object.__setattr__(self, "x", _read_only(x))
        object.__setattr__(self, "y", _read_only(y))

    def take(self, rows: Rows | Sequence[int]) -> Split:
        """Return a new Split of the given rows (whole numbers from 0), in the given order."""
        index = arguments.numeric(rows, "rows", "take")
        if index.ndim != 1 or index.size == 0:
            raise InvalidValueError(f"rows must be a list of at least one row, got shape {index.shape} in take()")
        if index.dtype.kind not in "iu":
            raise InvalidTypeError(f"rows must be whole numbers, got dtype {index.dtype} in take()")
        off = index[(index < 0) | (index >= len(self))]
        if off.size:
            raise InvalidValueError(f"rows must be in 0 … {len(self) - 1}, got {off[0]} in take()")
        return Split(self.x[index], self.y[index])

    def __len__(self) -> int:
        return len(self.y)

    def __iter__(self) -> Iterator[Array]:
        return iter((self.x, self.y))

    def __repr__(self) -> str:
        rows, width = self.x.shape
        labels, counts = np.unique(self.y, return_counts=True)
        shares = ", ".join(f"{k}: {display.percent(n / rows)}" for k, n in zip(labels, counts, strict=True))
        classes = f"classes {shares}" if len(labels) <= 5 else f"{len(labels)} classes"
        return f"Split({display.count(rows)} rows × {width} features, {self.x.dtype}; {classes})"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Three splits and what their columns and classes are called.

    Parameters
    ----------
    name : str
    train, valid, test : Split
        To fit, to choose, and to report.
    feature_names : tuple of str
        The name of each column of x.
    classes : tuple of str
        The name of each label.
    groups : mapping of str to tuple of int
        For a set whose columns were made out of facts: each fact, and the columns that stand for it. A fact can be
        ignored by the network only if all its columns are. Empty where a column is the fact itself.
    description : str
        One line.

    Examples
    --------
    >>> import minprune.datasets
    >>> data = minprune.datasets.load("credit")
    >>> data.groups["SEX"]
    (1, 2)
    >>> [data.feature_names[column] for column in data.groups["SEX"]]
    ['SEX=male', 'SEX=female']
    """

    name: str
    train: Split
    valid: Split
    test: Split
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    description: str = ""

    def __post_init__(self) -> None:
        for name, part in self.parts.items():
            if not isinstance(part, Split):
                raise InvalidTypeError(f"{name} must be a Split, got {type(part).__name__} in Dataset()")
        width = len(self.feature_names)
        for name, part in self.parts.items():
            if part.x.shape[1] != width:
                raise InvalidValueError(
                    f"feature_names must name each of the {part.x.shape[1]} columns of {name}, got {width} in Dataset()"
                )
            if part.y.max() >= len(self.classes):
                raise InvalidValueError(
                    f"classes must name each label, got {len(self.classes)} names and label {part.y.max()} in Dataset()"
                )
        for fact, columns in self.groups.items():
            if not all(0 <= column < width for column in columns):
                raise InvalidValueError(f"groups[{fact!r}] must be columns 0 … {width - 1}, got {columns} in Dataset()")

    @property
    def parts(self) -> dict[str, Split]:
        """The three splits by name."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def train_and_valid(self) -> Split:
        """Train and valid as one new split, to fit once more when nothing is left to choose."""
        x = np.concatenate([self.train.x, self.valid.x])
        return Split(x, np.concatenate([self.train.y, self.valid.y]))

    def __repr__(self) -> str:
        facts = f" from {len(self.groups)} facts" if self.groups else ""
        title = f"Dataset {self.name!r}: {len(self.feature_names)} features{facts}, {len(self.classes)} classes"
        rows = []
        for name, part in self.parts.items():
            counts = np.bincount(part.y, minlength=len(self.classes))
            shares = [display.percent(n / len(part)) for n in counts] if len(counts) <= 10 else []
            rows.append([name, display.count(len(part)), *shares])
        names = self.classes if len(self.classes) <= 10 else ()
        return display.table(["", "rows", *names], rows, title=f"{title}\n{self.description}".rstrip())


def split(
    x: Array | Sequence[Sequence[float]],
    y: Array | Sequence[int],
    *,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
    rng: RNG = 0,
    name: str = "data",
    feature_names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Deal rows into train, valid and test, each class in the same proportion to within one row.

    Which rows go where, and their order in each part, is random.

    Parameters
    ----------
    x : array of shape (rows, features)
    y : array of shape (rows,)
        Class labels 0, 1, 2, ….
    fractions : three floats
        Of train, valid and test; positive, with sum 1.
    rng : seed or Generator
        The same seed gives the same parts.
    name : str
    feature_names, classes : sequence of str, optional
        Default to ``x0``, ``x1``, … and to ``0``, ``1``, ….

    Returns
    -------
    Dataset

    Raises
    ------
    InvalidValueError, InvalidTypeError
        For arguments that can't be meant, and for so few rows that a part would be empty.

    Examples
    --------
    >>> split(np.arange(20.0).reshape(10, 2), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    Dataset 'data': 2 features, 2 classes
           rows       0       1
    ───────────────────────────
    train     6  50.0 %  50.0 %
    valid     2  50.0 %  50.0 %
    test      2  50.0 %  50.0 %
    """
    x, y = _examples(x, y, "split")
    names, labels = (
        None if given is None else _texts(given, what)
        for given, what in ((feature_names, "feature_names"), (classes, "classes"))
    )
    shares = arguments.finite(arguments.numeric(fractions, "fractions", "split"), "fractions", "split")
    if shares.shape != (3,) or (shares <= 0).any() or abs(shares.sum() - 1) > 1e-9:
        raise InvalidValueError(f"fractions must be three positive numbers with sum 1, got {fractions} in split()")
    parts = deal(y, shares.tolist(), arguments.generator(rng, "split"))
    if not all(part.size for part in parts):
        sizes = " / ".join(str(part.size) for part in parts)
        raise InvalidValueError(f"each part must get a row, got {sizes} of {len(y)} rows in split()")
    names = tuple(f"x{column}" for column in range(x.shape[1])) if names is None else names
    labels = tuple(str(label) for label in range(int(y.max()) + 1)) if labels is None else labels
    train, valid, test = (Split(x[part], y[part]) for part in parts)
    return Dataset(str(name), train, valid, test, names, labels)


def _texts(values: object, name: str) -> tuple[str, ...]:
    if isinstance(values, Iterable) and not isinstance(values, str):
        texts = tuple(values)
        if all(isinstance(text, str) for text in texts):
            return texts
    raise InvalidTypeError(f"{name} must be a sequence of strings, got {values!r} in split()")


def _examples(x: object, y: object, where: str) -> tuple[Array, Labels]:
    """Return inputs and labels in the form a Split holds them, or raise."""
    array = arguments.numeric(x, "x", where)
    if array.ndim != 2 or 0 in array.shape:
        hint = "; one column is x[:, None]" if array.ndim == 1 and array.size else ""
        raise InvalidValueError(f"x must have shape (rows, features), neither 0, got {array.shape} in {where}(){hint}")
    chosen = isinstance(x, np.ndarray) and x.dtype == np.float64
    dtype = np.dtype(np.float64 if chosen else np.float32)
    array = arguments.features(array, array.shape[1], where, dtype=dtype)
    labels = arguments.labels(y, len(array), _MOST_CLASSES, where)
    return np.ascontiguousarray(array), np.ascontiguousarray(labels, dtype=np.int64)


def deal(y: Labels, fractions: Sequence[float], rng: np.random.Generator) -> list[Rows]:
    """Return the rows of each part, in random order, so that the first hundred of a part are a fair sample.

    Of the generator only `random` is used: its stream has never changed, so the parts of a bundled set don't either.
    """
    labels, coded = np.unique(y, return_inverse=True)
    quotas = _quotas(np.bincount(coded), fractions)
    order = np.argsort(rng.random(len(y)), kind="stable")
    part_of = np.empty(len(y), dtype=np.intp)
    for code in range(len(labels)):
        rows = order[coded[order] == code]
        part_of[rows] = np.repeat(np.arange(len(fractions)), quotas[code])
    return [order[part_of[order] == part] for part in range(len(fractions))]


def _quotas(counts: NDArray[np.intp], fractions: Sequence[float]) -> NDArray[np.intp]:
    """Return how many rows of each class each part gets, a table (classes, parts) with the right sums both ways.

    Every entry is fraction × count rounded down, or one more (also where that is whole). First all are rounded down.
    Then every class hands its left-over rows, at most one a part, to the parts that still lack most: the construction
    of Gale and Ryser for a 0/1 table with given sums, which finds one whenever there is one, and the unrounded rests
    show that there is.
    """
    ends = np.cumsum([0.0, *fractions]) * counts.sum()
    sizes = np.diff(np.floor(ends + 0.5)).astype(np.intp)
    quotas = np.floor(np.outer(counts, fractions) + 1e-9).astype(np.intp)
    lacking = sizes - quotas.sum(axis=0)
    for row, count in zip(quotas, counts, strict=True):
        neediest = np.argsort(-lacking, kind="stable")[: count - row.sum()]
        row[neediest] += 1
        lacking[neediest] -= 1
    return quotas


def _read_only(array: Array) -> Array:
    """Return a view that can't be written through; the array itself stays as writable as it was."""
    view = array.view()
    view.setflags(write=False)
    return view
