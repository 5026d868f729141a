"""The layers: each a function with its derivative beside it.

A layer maps a batch x of shape (batch, features) to y = f(x). Training needs one thing more of it: given the gradient
of the loss with respect to y, the gradient with respect to x, by the chain rule,

    ∂L/∂x = (∂y/∂x)ᵀ ∂L/∂y

and, for a layer with parameters, the gradient with respect to those. `forward` remembers what `backward` needs; the two
stand side by side, and a third method, `infer`, is `forward` without the remembering, in place, for a compiled program.

A layer checks the arguments it is made of. What flows through it is checked once, by the `Network`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from minprune.arguments import RNG, Array, choice, finite, float_dtype, generator, numeric, real, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.parameter import Parameter

LARGEST_LAYER = 2**31  # weights; more is a mistake, and is refused before anything is allocated


def check_layer(inputs: int, outputs: int, where: str) -> None:
    """Refuse a layer that is too large to be meant."""
    if inputs * outputs > LARGEST_LAYER:
        raise InvalidValueError(
            f"inputs × outputs must be at most {LARGEST_LAYER:,}, got {inputs:,} × {outputs:,} in {where}()"
        )


class Layer(ABC):
    """What every layer offers. A layer without parameters has only these three methods to write."""

    parameters: tuple[Parameter, ...] = ()

    @abstractmethod
    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        """Return f(x), remembering what `backward` needs. `rng` is given in training and only then."""

    @abstractmethod
    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        """Return ∂L/∂x from `grad` = ∂L/∂y, or None if the input's gradient is not wanted."""

    @abstractmethod
    def infer(self, y: Array) -> None:
        """Replace `y` by f(y), in place."""

    def config(self) -> dict[str, object]:
        """Return the arguments that make an equal layer, without its parameters' values."""
        return {}

    def copy(self) -> Layer:
        """Return an equal layer that shares no memory with this one, and remembers no batch."""
        return type(self)(**self.config())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self.config().items())})"


class Dense(Layer):
    """A fully connected layer, y = x @ W + b.

    Parameters
    ----------
    inputs, outputs : int
        Widths. W has shape (inputs, outputs), b has shape (outputs,).
    bias : bool
        Whether there is a b.
    init : {"he", "glorot"}
        The standard deviation of the initial weights: √(2/inputs) keeps the variance through ReLUs (He et al. 2015),
        √(2/(inputs + outputs)) through layers that are linear near 0 (Glorot & Bengio 2010). Biases start at 0.
    rng : Generator or seed
        Draws the weights.
    dtype : float32 or float64

    Raises
    ------
    InvalidTypeError, InvalidValueError
        A width that is not a whole number ≥ 1, or a layer of more than 2³¹ weights.

    References
    ----------
    He, Zhang, Ren & Sun (2015), "Delving deep into rectifiers". Glorot & Bengio (2010), "Understanding the difficulty
    of training deep feedforward neural networks".

    Examples
    --------
    >>> Dense(3, 2, rng=0).weight
    Parameter('weight', (3, 2) float32, 6 of 6 kept)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        init: str = "he",
        rng: RNG = None,
        dtype: object = np.float32,
    ) -> None:
        self.inputs = whole(inputs, "inputs", "Dense")
        self.outputs = whole(outputs, "outputs", "Dense")
        check_layer(self.inputs, self.outputs, "Dense")
        if not isinstance(bias, bool):
            raise InvalidTypeError(f"bias must be True or False, got {bias!r} in Dense()")
        fan = self.inputs if choice(init, "init", "Dense", ("he", "glorot")) == "he" else self.inputs + self.outputs
        kind = float_dtype(dtype, "Dense")
        draw = generator(rng, "Dense").standard_normal((self.inputs, self.outputs), dtype=kind.type)
        draw *= kind.type(math.sqrt(2.0 / fan))
        self._hold(draw, np.zeros(self.outputs, kind) if bias else None)

    @classmethod
    def from_arrays(cls, weight: Array, bias: Array | None = None) -> Dense:
        """Make a layer that holds copies of a given weight, (inputs, outputs), and bias, (outputs,).

        Examples
        --------
        >>> Dense.from_arrays(np.ones((3, 2)))
        Dense(3, 2, bias=False)
        """
        w = finite(numeric(weight, "weight", "Dense.from_arrays"), "weight", "Dense.from_arrays")
        if w.ndim != 2 or w.size == 0:
            raise InvalidValueError(f"weight must have shape (inputs, outputs), got {w.shape} in Dense.from_arrays()")
        float_dtype(w.dtype, "Dense.from_arrays")
        if bias is not None:
            b = finite(numeric(bias, "bias", "Dense.from_arrays"), "bias", "Dense.from_arrays")
            if b.shape != w.shape[1:]:
                raise InvalidValueError(f"bias must have shape {w.shape[1:]}, got {b.shape} in Dense.from_arrays()")
            with np.errstate(over="ignore"):
                bias = finite(b.astype(w.dtype), "bias", "Dense.from_arrays")
        layer = cls.__new__(cls)
        layer.inputs, layer.outputs = w.shape
        layer._hold(w, bias)
        return layer

    def _hold(self, weight: Array, bias: Array | None) -> None:
        self.weight = Parameter(weight, "weight", prunable=True)
        self.bias = None if bias is None else Parameter(bias, "bias")
        self.parameters = (self.weight,) if self.bias is None else (self.weight, self.bias)
        self._x: Array | None = None

    def copy(self) -> Dense:
        twin = self.from_arrays(self.weight.value, None if self.bias is None else self.bias.value)
        for mine, its in zip(self.parameters, twin.parameters, strict=True):
            its.mask = mine.mask
            its.grad[...] = mine.grad
        return twin

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self._x = x
        y = x @ self.weight.value
        if self.bias is not None:
            y += self.bias.value
        return y

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        """Return ∂L/∂x and fill in the gradients of W and b.

        y_bj = Σ_i x_bi W_ij + b_j, so with G = ∂L/∂y:

            ∂L/∂W_ij = Σ_b x_bi G_bj      ∂L/∂b_j = Σ_b G_bj      ∂L/∂x_bi = Σ_j G_bj W_ij

        The gradient of a dropped weight is computed as well: it says what bringing the weight back would do. It is
        the optimizer that does not let it act.
        """
        assert self._x is not None, "backward() follows forward()"
        np.dot(self._x.T, grad, out=self.weight.grad)
        if self.bias is not None:
            grad.sum(axis=0, out=self.bias.grad)
        return grad @ self.weight.value.T if input_grad else None

    def infer(self, y: Array) -> None:
        raise TypeError("a Dense layer changes the width, so it can't work in place")

    def config(self) -> dict[str, object]:
        return {"inputs": self.inputs, "outputs": self.outputs, "bias": self.bias is not None}

    def __repr__(self) -> str:
        return f"Dense({self.inputs}, {self.outputs}{'' if self.bias is not None else ', bias=False'})"


class Select(Layer):
    """Some of the columns, y = x[:, columns]: the inputs that a compacted network still looks at.

    Its derivative puts each gradient back in its column and 0 in the others.

    Parameters
    ----------
    columns : int array, (outputs,)
        Which columns, rising.
    inputs : int
        How many columns there are.

    Examples
    --------
    >>> Select(np.array([0, 2]), 3).forward(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 3.]])
    """

    def __init__(self, columns: Array, inputs: int) -> None:
        self.inputs = whole(inputs, "inputs", "Select")
        array = numeric(columns, "columns", "Select")
        if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
            raise InvalidValueError(f"columns must be a list of whole numbers, got {array!r} in Select()")
        if array.min() < 0 or array.max() >= self.inputs or (array[1:] <= array[:-1]).any():
            raise InvalidValueError(f"columns must rise within 0 … {self.inputs - 1}, got {array!r} in Select()")
        self.columns = array.astype(np.intp)
        self.outputs = self.columns.size

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        return x.take(self.columns, axis=1)

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        if not input_grad:
            return None
        result = np.zeros((len(grad), self.inputs), grad.dtype)
        result[:, self.columns] = grad
        return result

    def infer(self, y: Array) -> None:
        raise TypeError("a Select layer changes the width, so it can't work in place")

    def config(self) -> dict[str, object]:
        return {"columns": self.columns, "inputs": self.inputs}

    def __repr__(self) -> str:
        return f"Select({self.outputs} of {self.inputs})"


class Dropout(Layer):
    """Dropout: in training each number is set to 0 with probability `rate` and the others are scaled by 1/(1 − rate).

    The expectation stays what it was, so nothing is done outside training. The random numbers come from whoever
    trains: `forward` drops only if it is given an `rng`.

    Parameters
    ----------
    rate : float
        In [0, 1).

    References
    ----------
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting".

    Examples
    --------
    >>> Dropout(0.5).forward(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    >>> Dropout(0.5).forward(np.ones((1, 4)), np.random.default_rng(0))
    array([[2., 2., 2., 0.]])
    """

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = real(rate, "rate", "Dropout", low=0.0, high=1.0, ends="[)")
        self._scale: Array | None = None

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        if rng is None or self.rate == 0:
            self._scale = None
            return x
        self._scale = (rng.random(x.shape, dtype=np.float32) >= self.rate) * x.dtype.type(1 / (1 - self.rate))
        return x * self._scale

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        return grad if self._scale is None else grad * self._scale

    def infer(self, y: Array) -> None:
        pass

    def config(self) -> dict[str, object]:
        return {"rate": self.rate}
