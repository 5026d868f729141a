"""The three data sets that come with the package, and a fair three-way split for the reader's own.

========  ========================  ========  =======  ==========================================
name      train / valid / test      features  classes  what
========  ========================  ========  =======  ==========================================
`credit`  18,000 / 6,000 / 6,000    60        2        will a card holder default next month?
`mnist`   50,000 / 10,000 / 10,000  784       10       handwritten digits of 28 × 28 pixels
`digits`  1,078 / 360 / 359         64        10       digits of 8 × 8 pixels, for quick examples
========  ========================  ========  =======  ==========================================

Every set has three parts: **train** to fit weights, **valid** to choose (when to stop, how far to prune), **test** to
say once how good the choice is. The parts are fixed and stratified: each class has the same share in each, to within
one row. Whatever the preprocessing needs to know (ranks, means) it takes from train alone; the other two are treated as
the customers of tomorrow. Nothing is downloaded. Sources and licences are in ``data/README.md``.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minprune import arguments
from minprune.arguments import Array
from minprune.errors import StorageError
from minprune.splits import Dataset, Split, deal, split

__all__ = ["NAMES", "Dataset", "Split", "load", "split"]

NAMES = ("credit", "digits", "mnist")

_HERE = Path(__file__).resolve().parent
_FOLDERS = (_HERE / "data", _HERE.parent / "data")  # inside the installed package; beside it in a checkout
_REMEDY = "reinstall minprune, or run data/build.py in a checkout"
_SEED = 0

_MONTHS = (0, 2, 3, 4, 5, 6)  # PAY_0 is September 2005, PAY_6 April; the source knows no PAY_1
_LATE = {-2: "-2", -1: "-1", 0: "0", 1: "1", 2: "2", 3: "3+"}  # months late; data/README.md says what -2, -1 and 0 are
_CODES: dict[str, dict[int, str]] = {
    "SEX": {1: "male", 2: "female"},
    "EDUCATION": {
        1: "graduate school", 2: "university", 3: "high school", 4: "other", 0: "code 0", 5: "code 5", 6: "code 6",
    },
    "MARRIAGE": {1: "married", 2: "single", 3: "other", 0: "code 0"},
    **{f"PAY_{month}": _LATE for month in _MONTHS},
}  # fmt: skip
_FACTS = (
    *("LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"),
    *(f"PAY_{month}" for month in _MONTHS),
    *(f"BILL_AMT{month}" for month in range(1, 7)),
    *(f"PAY_AMT{month}" for month in range(1, 7)),
)
_SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "credit": dict.fromkeys((*_FACTS, "default"), (30_000,)),
    "digits": {"x": (1_797, 64), "y": (1_797,)},
    "mnist": {"train_x": (60_000, 784), "train_y": (60_000,), "test_x": (10_000, 784), "test_y": (10_000,)},
}


def load(name: str) -> Dataset:
    """Return one of the data sets that come with the package, ready for a network.

    Parameters
    ----------
    name : {"credit", "digits", "mnist"}
        Which one.

    Returns
    -------
    Dataset
        With float32 inputs and int64 labels, read-only. Loading twice gives the same arrays.

    Raises
    ------
    InvalidValueError
        If there is no such set.
    StorageError
        If its file is missing or damaged.

    Notes
    -----
    `credit`
        A number (an amount, the age) becomes its percentile p among the training customers: the share below plus
        half the share equal to it, interpolated between known values and standardised, (p − ½) / std. So a bill of
        −300 and one of a million are no outliers. A code (sex, education, marriage, repayment status) becomes a
        column of 0 and 1 for each of its values that occurs in train; those without a published meaning have
        their own, delays of three months and more share one. These columns are left unscaled: EDUCATION 0 has 14
        customers in 30,000, and standardised its 1 would be a 46.
    `mnist`
        (x / 255 − 0.1307) / 0.3081, the published mean and deviation of the 60,000 training images. Test is the
        official one; valid is taken out of the 60,000, and ``train_and_valid`` is all of them.
    `digits`
        (x − m) / s with one mean and one deviation over all pixels of train.

    References
    ----------
    Yeh and Lien (2009), Expert Systems with Applications 36(2); LeCun, Bottou, Bengio and Haffner (1998), Proceedings
    of the IEEE 86(11); Kaynak (1995) and Alpaydin and Kaynak (1998) for the small digits.

    Examples
    --------
    >>> load("digits").test
    Split(359 rows × 64 features, float32; 10 classes)
    """
    arguments.choice(name, "name", "load", NAMES)
    folder = next((folder for folder in _FOLDERS if (folder / f"{name}.npz").is_file()), None)
    if folder is None:
        looked = " nor in ".join(str(folder) for folder in _FOLDERS)
        raise StorageError(f"{name}.npz is not in {looked} in load(): {_REMEDY}")
    data = _prepared(name, folder)
    return dataclasses.replace(data, groups=dict(data.groups))  # the arrays are read-only, a dict can't be


def _read(name: str, folder: Path) -> dict[str, Array]:
    """Return the arrays of a data file. Any way in which reading can fail is the file's fault."""
    path = folder / f"{name}.npz"
    try:
        # Opened here, because np.load leaves a file open that turns out to be damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise StorageError(f"{path} can't be read in load() ({reason}): {_REMEDY}") from error
    if {key: array.shape for key, array in arrays.items()} != _SHAPES[name]:
        raise StorageError(f"{path} holds other arrays than {name} has in load(): {_REMEDY}")
    return arrays


@functools.cache
def _prepared(name: str, folder: Path) -> Dataset:
    prepare: dict[str, Callable[[dict[str, Array]], Dataset]] = {"credit": _credit, "digits": _digits, "mnist": _mnist}
    return prepare[name](_read(name, folder))


def _credit(raw: dict[str, Array]) -> Dataset:
    y = raw["default"]
    parts = deal(y, (0.6, 0.2, 0.2), np.random.default_rng(_SEED))
    columns: dict[str, Array] = {}
    groups: dict[str, tuple[int, ...]] = {}
    for fact in _FACTS:
        values, first = raw[fact], len(columns)
        if fact in _CODES:
            capped = np.minimum(values, max(_CODES[fact]))
            seen = set(capped[parts[0]].tolist())
            columns |= {f"{fact}={text}": capped == code for code, text in _CODES[fact].items() if code in seen}
        else:
            columns[fact] = _percentile(values, among=values[parts[0]])
        groups[fact] = tuple(range(first, len(columns)))
    x = np.stack(list(columns.values()), axis=1, dtype=np.float32)
    return Dataset(
        "credit",
        *_three(x, y, parts),
        feature_names=tuple(columns),
        classes=("paid", "default"),
        groups=groups,
        description="Will a credit card customer of October 2005 default? (Yeh and Lien 2009)",
    )


def _percentile(values: Array, among: Array) -> Array:
    """Return the standardised share of `among` that is below each value, ties counted half."""
    known, counts = np.unique(among, return_counts=True)
    share = (np.cumsum(counts) - counts / 2) / len(among)  # its mean over `among` is exactly 1/2
    spread = np.sqrt(np.average((share - 0.5) ** 2, weights=counts))
    standardised: Array = (np.interp(values, known, share) - 0.5) / spread
    return standardised


def _mnist(raw: dict[str, Array]) -> Dataset:
    def part(x: Array, y: Array) -> Split:
        scaled = x.astype(np.float32)
        scaled *= np.float32(1 / (255 * 0.3081))
        scaled -= np.float32(0.1307 / 0.3081)
        return _frozen(scaled, y)

    x, y = raw["train_x"], raw["train_y"]
    train, valid = deal(y, (5 / 6, 1 / 6), np.random.default_rng(_SEED))
    return Dataset(
        "mnist",
        part(x[train], y[train]),
        part(x[valid], y[valid]),
        part(raw["test_x"], raw["test_y"]),
        feature_names=tuple(f"pixel {row},{column}" for row in range(28) for column in range(28)),
        classes=tuple("0123456789"),
        description="Handwritten digits, 28 × 28 pixels (LeCun and Cortes)",
    )


def _digits(raw: dict[str, Array]) -> Dataset:
    x, y = raw["x"].astype(np.float64), raw["y"]
    parts = deal(y, (0.6, 0.2, 0.2), np.random.default_rng(_SEED))
    x = ((x - x[parts[0]].mean()) / x[parts[0]].std()).astype(np.float32)
    return Dataset(
        "digits",
        *_three(x, y, parts),
        feature_names=tuple(f"pixel {row},{column}" for row in range(8) for column in range(8)),
        classes=tuple("0123456789"),
        description="Handwritten digits, 8 × 8 pixels (Alpaydin and Kaynak 1998)",
    )


def _three(x: Array, y: Array, parts: list[NDArray[np.intp]]) -> tuple[Split, Split, Split]:
    train, valid, test = (_frozen(x[rows], y[rows]) for rows in parts)
    return train, valid, test


def _frozen(x: Array, y: Array) -> Split:
    """Return a Split of arrays that nobody else holds, and that can't be made writable again through it."""
    y = y.astype(np.int64)
    for array in (x, y):
        array.setflags(write=False)
    return Split(x, y)
