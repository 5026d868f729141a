"""A parameter: a named array with its gradient and its mask.

The mask is part of the parameter, not something hung on it: it is always there, all True in a dense network, and
whoever changes a parameter obeys it. To obey is to set every dropped entry to +0.0. That is done on the bits::

    value (as integers)  &=  all ones where kept, all zeros where dropped

which is exact whatever the entry was (−0.0, NaN and infinity become +0.0 as well; multiplying by 0 would not do
that), leaves the kept entries alone to the last bit, and is one pass at memory speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from minprune.arguments import Array, Bools, finite, float_dtype, mask_of_shape, numeric
from minprune.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from minprune.nn.optimizers import Optimizer, State

_BITS: dict[int, np.dtype[Any]] = {4: np.dtype(np.uint32), 8: np.dtype(np.uint64)}


class Parameter:
    """A named array that is trained: ``value``, ``grad`` and ``mask``, all of one shape.

    Parameters
    ----------
    value : array of float32 or float64
        The initial value: finite. It is copied.
    name : str
        Such as ``"dense1.weight"``; a `Network` sets it.
    prunable : bool
        Whether its entries count as prunable weights: True for the weights of `Dense`, False for biases.

    Attributes
    ----------
    value, grad : array
        Same shape and dtype, C-contiguous. Assigning to either copies into it; a value obeys the mask.
    mask : bool array
        True = kept. It reads as a read-only array. Assigning a mask clears value, gradient and every optimizer's state
        where it is False; entries that come back (regrowth) start at 0.
    states : mapping of Optimizer to State
        What each optimizer remembers of this parameter: kept here, so that a new mask clears it at once.

    Examples
    --------
    >>> p = Parameter(np.array([[1.0, -2.0]]), "dense1.weight", prunable=True)
    >>> p.mask = np.array([[True, False]])
    >>> p.value
    array([[1., 0.]])
    >>> p
    Parameter('dense1.weight', (1, 2) float64, 1 of 2 kept)
    """

    def __init__(self, value: Array, name: str = "", *, prunable: bool = False) -> None:
        # Always a fresh buffer in C order: a view would let one parameter's update leak into another array.
        label = str(name or "value")
        given = finite(numeric(value, label, "Parameter"), label, "Parameter")
        self._value: Array = np.array(given, order="C", dtype=float_dtype(given.dtype, "Parameter"))
        self._grad: Array = np.zeros_like(self._value)
        if not isinstance(name, str):
            raise InvalidTypeError(f"name must be a string, got {name!r} in Parameter()")
        if not isinstance(prunable, bool):
            raise InvalidTypeError(f"prunable must be True or False, got {prunable!r} in Parameter()")
        self.name = name
        self.prunable = prunable
        self._mask: Bools = np.ones(self._value.shape, dtype=np.bool_)
        self._mask.setflags(write=False)
        self._keep_bits: Array | None = None  # None stands for "all kept": a dense network pays nothing
        self._kept_at: Array | None = None
        self._kept = self.size
        self.states: WeakKeyDictionary[Optimizer, State] = WeakKeyDictionary()

    @property
    def value(self) -> Array:
        return self._value

    @value.setter
    def value(self, new: Array) -> None:
        name = self.name or "value"
        array = self._fitting(new, name)
        np.copyto(self._value, finite(array, name, "Parameter"))
        self.obey(self._value)

    @property
    def grad(self) -> Array:
        return self._grad

    @grad.setter
    def grad(self, new: Array) -> None:
        if new is not self._grad:  # it is after ``p.grad += x``
            np.copyto(self._grad, self._fitting(new, f"grad of {self.name or 'value'}"))

    @property
    def mask(self) -> Bools:
        return self._mask

    @mask.setter
    def mask(self, new: Bools) -> None:
        mask = mask_of_shape(new, self.shape, self.name or "value", "Parameter").copy(order="C")
        mask.setflags(write=False)
        self._mask = mask
        self._kept_at = None
        self._kept = int(np.count_nonzero(mask))
        self._keep_bits = None
        if self._kept < self.size:
            # 0 or 1, negated as an unsigned integer: 0 or all ones.
            self._keep_bits = np.negative(mask.astype(_BITS[self._value.dtype.itemsize]))
        self.obey(self._value)
        self.obey(self._grad)
        for state in self.states.values():
            for array in state.arrays.values():
                self.obey(array)

    def obey(self, array: Array, piece: slice | None = None) -> None:
        """Set the dropped entries of `array` to +0.0, in place.

        It has this parameter's dtype and shape, or is the `piece` of such an array laid out flat.
        """
        if self._keep_bits is not None:
            keep = self._keep_bits if piece is None else self._keep_bits.reshape(-1)[piece]
            bits = array.view(keep.dtype)
            np.bitwise_and(bits, keep, out=bits)

    def effective(self) -> Array:
        """Return the value with +0.0 at dropped entries, whatever stands there; `value` itself if none is dropped."""
        if self._keep_bits is None:
            return self._value
        array = self._value.copy()
        self.obey(array)
        return array

    @property
    def kept_at(self) -> Array:
        """The flat indices of the kept entries, in order."""
        if self._kept_at is None:
            self._kept_at = np.flatnonzero(self._mask)
        return self._kept_at

    @property
    def is_masked(self) -> bool:
        """Whether any entry is dropped."""
        return self._keep_bits is not None

    @property
    def kept(self) -> int:
        """The number of kept entries."""
        return self._kept

    @property
    def size(self) -> int:
        return int(self._value.size)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._value.dtype

    def _fitting(self, new: object, name: str) -> Array:
        """Return `new` as an array of this parameter's shape and dtype."""
        array = numeric(new, name, "Parameter")
        if array.shape != self.shape:
            raise InvalidValueError(f"{name} must have shape {self.shape}, got {array.shape} in Parameter()")
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is found by `finite`
            return array.astype(self.dtype, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "states": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, states=WeakKeyDictionary())  # a copy has taken no step yet
        self._mask.setflags(write=False)

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, {self.shape} {self.dtype}, {self.kept:,} of {self.size:,} kept)"


def check_parameters(parameters: object, where: str) -> None:
    """Refuse what is not a mapping of names to parameters."""
    if not isinstance(parameters, Mapping):
        raise InvalidTypeError(
            f"parameters must be a mapping of names to parameters, got {type(parameters).__name__} in {where}(): "
            f"pass network.parameters"
        )
    for name, parameter in parameters.items():
        if not isinstance(parameter, Parameter):
            raise InvalidTypeError(
                f"parameters must hold Parameters, got {type(parameter).__name__} under {name!r} in {where}()"
            )
