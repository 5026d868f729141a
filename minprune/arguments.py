"""The questions every public call asks of its arguments before it does anything.

Each function takes a value, the parameter's name and the call's name, and returns the value in its plain form or
raises: ``sparsity must be in [0, 1), got 1.3 in plan()``. A bool is never a number here, and a string never is one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean

Array: TypeAlias = NDArray[Any]
Bools: TypeAlias = NDArray[np.bool_]
RNG: TypeAlias = np.random.Generator | np.random.SeedSequence | int | None

LARGEST_ARRAY = 2**40  # elements; a size beyond it is a mistake, and is refused before anything is allocated


def whole(value: object, name: str, where: str, *, at_least: int = 1, at_most: int | None = None) -> int:
    """Return `value` as an int: a Python or NumPy integer, not a bool, not 2.0, within the bounds."""
    if isinstance(value, bool | np.bool_ | np.ndarray | type) or not hasattr(value, "__index__"):
        raise InvalidTypeError(f"{name} must be a whole number, got {_show(value)} in {where}()")
    number = operator.index(value)
    if number < at_least:
        raise InvalidValueError(f"{name} must be at least {at_least}, got {number} in {where}()")
    if at_most is not None and number > at_most:
        raise InvalidValueError(f"{name} must be at most {at_most}, got {number} in {where}()")
    return number


def real(
    value: object, name: str, where: str, *, low: float = -math.inf, high: float = math.inf, ends: str = "[]"
) -> float:
    """Return `value` as a finite float inside the interval; `ends` says which ends belong to it, e.g. ``"[)"``."""
    plain = not isinstance(value, bool | np.ndarray | type)
    scalar = value.dtype.kind in "fiu" if isinstance(value, np.generic) else plain
    if not scalar or not hasattr(value, "__float__"):
        raise InvalidTypeError(f"{name} must be a number, got {_show(value)} in {where}()")
    try:
        number = float(value)
    except OverflowError:  # a whole number that no float holds
        number = math.inf
    above = number > low or (ends[0] == "[" and number == low)
    below = number < high or (ends[1] == "]" and number == high)
    if not (math.isfinite(number) and above and below):
        raise InvalidValueError(f"{name} must be {_interval(low, high, ends)}, got {number:.15g} in {where}()")
    return number


def fraction(value: object, name: str, where: str) -> float:
    """Return a sparsity: a number in [0, 1)."""
    return real(value, name, where, low=0.0, high=1.0, ends="[)")


def flag_or_none(value: object, name: str, where: str) -> bool | None:
    """Return `value` if it is True, False or None; nothing else is taken for either, not even 1."""
    if not (value is None or isinstance(value, bool)):
        raise InvalidTypeError(f"{name} must be True, False or None, got {value!r} in {where}()")
    return value


def choice(value: object, name: str, where: str, options: Iterable[str]) -> str:
    """Return `value` if it is one of `options`; a mistyped one gets a "did you mean"."""
    known = list(options)
    if not isinstance(value, str) or value not in known:
        raise InvalidValueError(f"{name} must be a known name, got {value!r} in {where}(){did_you_mean(value, known)}")
    return value


def float_dtype(value: object, where: str) -> np.dtype[Any]:
    """Return float32 or float64; anything else is refused."""
    try:
        dtype: np.dtype[Any] | None = np.dtype(value) if value is not None else None  # type: ignore[call-overload]
    except (TypeError, ValueError):
        dtype = None
    if dtype is None:  # None itself is refused too: NumPy would take it for float64
        raise InvalidTypeError(f"dtype must be float32 or float64, got {_show(value)} in {where}()")
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InvalidValueError(f"dtype must be float32 or float64, got {dtype} in {where}()")
    return dtype


def generator(rng: RNG, where: str) -> np.random.Generator:
    """Return ``np.random.default_rng(rng)``; the global state is never touched."""
    if isinstance(rng, bool):  # an int to NumPy
        raise InvalidTypeError(f"rng must be a Generator, a seed or None, got {_show(rng)} in {where}()")
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        kind = InvalidTypeError if isinstance(error, TypeError) else InvalidValueError
        raise kind(f"rng must be a Generator, a seed or None, got {_show(rng)} in {where}()") from error


def plain_array(value: object, name: str, where: str) -> Array:
    """Return `value` as an array of whatever it holds: nothing masked, nothing ragged."""
    parts = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):  # in a list it would lose its mask
        raise InvalidTypeError(f"{name} must be a plain array, got a masked array in {where}(): fill it first")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InvalidValueError(f"{name} must be a rectangular array in {where}(): {error}") from None
    return array


def numeric(value: object, name: str, where: str) -> Array:
    """Return `value` as an array of real numbers: no object, complex, string or masked arrays."""
    array = plain_array(value, name, where)
    if array.dtype.kind not in "fiub":
        raise InvalidTypeError(f"{name} must hold real numbers, got dtype {array.dtype} in {where}()")
    return array


def finite(array: Array, name: str, where: str, hint: str = "") -> Array:
    """Return `array` if all of it is finite; otherwise say how many entries are not and where the first one is."""
    good = np.isfinite(array)
    if not good.all():
        count = int(good.size - np.count_nonzero(good))
        first = tuple(int(i) for i in np.unravel_index(int(np.argmin(good)), array.shape))
        raise InvalidValueError(
            f"{name} must be finite, got {count} NaN or infinite in {where}(), the first at {first}: "
            f"{array[first]}{hint}"
        )
    return array


def features(value: object, width: int, where: str, *, dtype: np.dtype[Any], name: str = "x") -> Array:
    """Return network inputs: a finite (batch, `width`) array in `dtype`, with at least one row.

    Integers and the other float width are converted; a copy is made only then.
    """
    array = numeric(value, name, where)
    if array.ndim != 2:
        hint = f"; one row is {name}[None, :]" if array.ndim == 1 else ""
        raise InvalidValueError(f"{name} must have shape (batch, {width}), got {array.shape} in {where}(){hint}")
    if array.shape[0] == 0:
        raise InvalidValueError(f"{name} must have at least one row, got {array.shape} in {where}()")
    if array.shape[1] != width:
        raise InvalidValueError(f"{name} must have {width} columns, got {array.shape[1]} in {where}()")
    if array.dtype != dtype:
        if array.dtype.kind == "b" or array.dtype.itemsize > 8:
            raise InvalidTypeError(f"{name} must be float or integer, got dtype {array.dtype} in {where}()")
        with np.errstate(over="ignore", invalid="ignore"):  # `finite` says it better
            array = array.astype(dtype)
    return finite(array, name, where)


def labels(value: object, count: int, classes: int, where: str, *, name: str = "y") -> NDArray[np.intp]:
    """Return class labels: `count` whole numbers in 0 … `classes` − 1."""
    array = numeric(value, name, where)
    if array.shape != (count,):
        raise InvalidValueError(f"{name} must have shape ({count},), one label a row, got {array.shape} in {where}()")
    if array.dtype.kind == "f":
        off = np.flatnonzero(array != np.floor(finite(array, name, where)))
        if off.size:
            raise InvalidValueError(
                f"{name} must hold whole numbers, got {array[off[0]]:g} at {int(off[0])} in {where}()"
            )
    off = np.flatnonzero((array < 0) | (array >= classes))
    if off.size:
        raise InvalidValueError(
            f"{name} must be in 0 … {classes - 1}, got {array[off[0]]:g} at {int(off[0])} in {where}()"
        )
    return array.astype(np.intp, copy=False)


def pair(value: object, name: str, where: str) -> tuple[Any, Any]:
    """Return x and y of a Split or a pair of arrays, not yet checked themselves."""
    try:
        x, y = cast("tuple[Any, Any]", value)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"{name} must be a Split or a pair (x, y), got {type(value).__name__} in {where}()"
        ) from None
    return x, y


def weights_of_samples(value: object, count: int, where: str, *, name: str = "sample_weight") -> Array | None:
    """Return sample weights: None, or `count` finite non-negative float64 numbers that don't sum to 0."""
    if value is None:
        return None
    array = finite(numeric(value, name, where), name, where).astype(np.float64, copy=False)
    if array.shape != (count,):
        raise InvalidValueError(f"{name} must have shape ({count},), got {array.shape} in {where}()")
    if (array < 0).any() or not array.any():
        raise InvalidValueError(f"{name} must be non-negative and not all zero in {where}()")
    with np.errstate(over="ignore"):
        total = array.sum()
    if not np.isfinite(total):
        raise InvalidValueError(f"{name} must have a finite sum, got {total} in {where}()")
    return array


def mask_of_shape(value: object, shape: tuple[int, ...], name: str, where: str) -> Bools:
    """Return a mask: a bool array of `shape`, True = kept. Zeros and ones are not booleans."""
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray) or value.dtype != np.bool_:
        got = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else _show(value)
        raise InvalidTypeError(f"mask of {name} must be a bool array, got {got} in {where}()")
    if value.shape != shape:
        raise InvalidValueError(f"mask of {name} must have shape {shape}, got {value.shape} in {where}()")
    return value


def _interval(low: float, high: float, ends: str) -> str:
    if math.isinf(high):
        if math.isinf(low):
            return "finite"
        return f"at least {low:g} and finite" if ends[0] == "[" else f"greater than {low:g} and finite"
    return f"in {ends[0]}{low:g}, {high:g}{ends[1]}"


def _show(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
