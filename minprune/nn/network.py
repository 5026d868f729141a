"""A network: layers one after another, and its parameters by name.

    y = f_L(… f_2(f_1(x)))        ∂L/∂x = J_1ᵀ J_2ᵀ … J_Lᵀ ∂L/∂y

The forward pass goes through the layers in order, the backward pass in reverse: that is all of backprop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from minprune.arguments import RNG, Array, choice, features, finite, float_dtype, generator, numeric, whole
from minprune.display import count, percent, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.activations import ACTIVATIONS
from minprune.nn.layers import Dense, Dropout, Layer, Select, check_layer
from minprune.nn.parameter import Parameter


class Network:
    """A feed-forward network: ``net(x)`` is its output, ``net.backward(grad)`` fills in the gradients.

    Parameters
    ----------
    layers : sequence of Layer
        At least one `Dense`; each `Dense` takes as many inputs as the one before it has outputs, and all have one
        dtype. The network owns its layers: a layer can't be in two places.

    Attributes
    ----------
    layers : tuple of Layer
    parameters : mapping of str to Parameter
        ``"dense1.weight"``, ``"dense1.bias"``, ``"dense2.weight"``, …, in order. Read-only as a mapping.
    prunable : dict of str to Parameter
        The weights of the `Dense` layers, in order: what sparsity counts.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Something that is not a layer, widths that don't fit, no `Dense`, mixed dtypes, a layer given twice.

    Examples
    --------
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> net(np.ones((5, 4))).shape
    (5, 2)
    >>> list(net.parameters)
    ['dense1.weight', 'dense1.bias', 'dense2.weight', 'dense2.bias']
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        if isinstance(layers, Layer | str) or not isinstance(layers, Iterable):
            raise InvalidTypeError(f"layers must be a sequence of layers, got {layers!r} in Network()")
        self.layers = tuple(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise InvalidTypeError(f"layers must hold layers, got {type(layer).__name__} {layer!r} in Network()")
        if len({id(layer) for layer in self.layers}) < len(self.layers):
            raise InvalidValueError("layers must be different objects, got one of them twice in Network()")
        dense = [layer for layer in self.layers if isinstance(layer, Dense)]
        if not dense:
            raise InvalidValueError("layers must hold at least one Dense, got none in Network()")
        sized = [
            (name, layer)
            for name, layer in zip(_names(self.layers), self.layers, strict=True)
            if isinstance(layer, Dense | Select)
        ]
        if any(isinstance(layer, Select) for _, layer in sized[1:]):
            raise InvalidValueError("layers may hold one Select, in front of the first Dense, in Network()")
        for (first, before), (second, after) in pairwise(sized):
            if before.outputs != after.inputs:
                raise InvalidValueError(
                    f"layers must fit: {first} has {before.outputs} outputs, {second} takes {after.inputs} in Network()"
                )
        if len({layer.weight.dtype for layer in dense}) > 1:
            raise InvalidValueError("layers must have one dtype, got float32 and float64 in Network()")
        self.dense = tuple(dense)
        self.dtype = dense[0].weight.dtype
        self.inputs, self.outputs = sized[0][1].inputs, sized[-1][1].outputs
        self.names = _names(self.layers)
        named: dict[str, Parameter] = {}
        for name, layer in zip(self.names, self.layers, strict=True):
            for role, parameter in zip(("weight", "bias"), layer.parameters, strict=False):
                parameter.name = f"{name}.{role}"
                named[parameter.name] = parameter
        self.parameters = MappingProxyType(named)
        self._batch = 0  # rows of the last forward pass, for backward() to check against

    @classmethod
    def mlp(
        cls,
        widths: Sequence[int],
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        rng: RNG = None,
        dtype: object = np.float32,
    ) -> Network:
        """Build Dense layers of the given widths with an activation between them.

        Parameters
        ----------
        widths : sequence of int
            Inputs, hidden widths, outputs: at least two.
        activation : {"relu", "leaky_relu", "tanh", "sigmoid", "gelu"}
        dropout : float
            The rate of a `Dropout` after each activation; 0 leaves it out.
        rng : Generator or seed
            Draws the initial weights.
        dtype : float32 or float64

        Examples
        --------
        >>> Network.mlp([64, 32, 10], activation="tanh", rng=0)
        Network 64-32-10 float32, 2,368 weights, 0.0 % pruned
        layer   kind            weights  kept
        ─────────────────────────────────────
        dense1  Dense(64, 32)     2,048  2,048
        tanh1   Tanh()
        dense2  Dense(32, 10)       320    320
        """
        several = isinstance(widths, Sequence | np.ndarray) and not isinstance(widths, str | bytes)
        if not several or getattr(widths, "ndim", 1) == 0 or len(widths) < 2:
            raise InvalidValueError(f"widths must hold at least two whole numbers, got {widths!r} in Network.mlp()")
        sizes = [whole(width, f"widths[{i}]", "Network.mlp") for i, width in enumerate(widths)]
        for a, b in pairwise(sizes):
            check_layer(a, b, "Network.mlp")
        make = ACTIVATIONS[choice(activation, "activation", "Network.mlp", ACTIVATIONS)]
        init = "glorot" if activation in ("tanh", "sigmoid") else "he"
        draws = generator(rng, "Network.mlp")
        kind = float_dtype(dtype, "Network.mlp")
        rate = Dropout(dropout).rate
        layers: list[Layer] = []
        for i, (a, b) in enumerate(pairwise(sizes)):
            if i:
                layers += [make(), *([Dropout(rate)] if rate else [])]
            layers.append(Dense(a, b, init=init, rng=draws, dtype=kind))
        return cls(layers)

    def __call__(self, x: Array, *, rng: np.random.Generator | None = None) -> Array:
        """Return the output, (batch, outputs): logits.

        Parameters
        ----------
        x : array, (batch, inputs)
            Finite numbers; converted to the network's dtype if need be, never written to.
        rng : Generator, optional
            Given in training, and only then: it is what `Dropout` draws from.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            An `x` of another rank or width, empty, not real numbers, or not finite; an output that is not.
        """
        draws = None if rng is None else generator(rng, "Network")
        rows = features(x, self.inputs, "Network", dtype=self.dtype)
        return self._finite_output(rows, len(rows), "Network", draws)

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        """Return the output for an `x` that is known to be good: ``net(x)`` without the checks."""
        self._batch = len(x)
        for layer in self.layers:
            x = layer.forward(x, rng)
        return x

    def backward(self, grad: Array, *, input_grad: bool = False) -> Array | None:
        """Fill in ``grad`` of every parameter from `grad` = ∂L/∂output, after a forward pass.

        Parameters
        ----------
        grad : array, (batch, outputs)
        input_grad : bool
            Whether to return ∂L/∂x, (batch, inputs). It costs one more product, so it is left out unless asked for.

        Raises
        ------
        InvalidValueError
            No forward pass came before, or `grad` has another shape than its output.
        """
        g = numeric(grad, "grad", "backward")
        if self._batch == 0:
            raise InvalidValueError("backward() follows a forward pass; call the network first")
        if g.shape != (self._batch, self.outputs):
            raise InvalidValueError(f"grad must have shape {(self._batch, self.outputs)}, got {g.shape} in backward()")
        if not isinstance(input_grad, bool):
            raise InvalidTypeError(f"input_grad must be True or False, got {input_grad!r} in backward()")
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite gradient is found by whoever takes a step
            result: Array | None = g.astype(self.dtype, copy=False)
            for i in reversed(range(len(self.layers))):
                assert result is not None
                last = not input_grad and not any(layer.parameters for layer in self.layers[:i])
                result = self.layers[i].backward(result, input_grad=not last)
                if last:
                    return None
        return result

    def predict_proba(self, x: Array, *, batch_size: int = 4096) -> Array:
        """Return class probabilities, (batch, classes): the softmax of the logits; of one logit z, (1 − σ(z), σ(z)).

        Examples
        --------
        >>> Network.mlp([3, 2], rng=0).predict_proba(np.zeros((1, 3)))
        array([[0.5, 0.5]], dtype=float32)
        """
        return probabilities(self._in_batches(x, batch_size, "predict_proba"))

    def predict(self, x: Array, *, batch_size: int = 4096) -> Array:
        """Return the likeliest class of each row, (batch,) int64: the largest logit, or whether a single logit is > 0.

        Examples
        --------
        >>> Network.mlp([3, 2], rng=0).predict(np.zeros((1, 3)))
        array([0])
        """
        return decisions(self._in_batches(x, batch_size, "predict"))

    def _in_batches(self, x: Array, batch_size: int, where: str) -> Array:
        rows = features(x, self.inputs, where, dtype=self.dtype)
        return self._finite_output(rows, whole(batch_size, "batch_size", where), where)

    def _finite_output(self, x: Array, size: int, where: str, rng: np.random.Generator | None = None) -> Array:
        """Return the output for good rows, `size` at a time, or say what is not finite and from which layer on."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
            if len(x) <= size:
                y = self.forward(x, rng)
            else:
                y = np.concatenate([self.forward(x[i : i + size]) for i in range(0, len(x), size)])  # no training
            return y if np.count_nonzero(np.isfinite(y)) == y.size else self._refuse(x, y, where)

    def _refuse(self, x: Array, y: Array, where: str) -> Array:
        """Raise, with the name of the layer from which on the first row that is not finite isn't."""
        row = int(np.argmin(np.isfinite(y).all(axis=1)))
        z, source = x[row : row + 1], ""
        for name, layer in zip(self.names, self.layers, strict=True):
            z = layer.forward(z)
            source = source or ("" if np.isfinite(z).all() else f"; not finite from {name} on")
        self._batch = 0  # there is nothing to go back from
        return finite(y, "the network's output", where, source)

    @property
    def prunable(self) -> dict[str, Parameter]:
        return {name: p for name, p in self.parameters.items() if p.prunable}

    @property
    def weights(self) -> int:
        """The number of prunable weights, N."""
        return sum(p.size for p in self.prunable.values())

    @property
    def kept(self) -> int:
        """The number of prunable weights whose mask is True."""
        return sum(p.kept for p in self.prunable.values())

    @property
    def sparsity(self) -> float:
        """The share of prunable weights whose mask is False, in [0, 1]."""
        return 1 - self.kept / self.weights if self.kept < self.weights else 0.0

    def copy(self) -> Network:
        """Return an equal network that shares no memory with this one."""
        return Network([layer.copy() for layer in self.layers])

    def __deepcopy__(self, memo: object) -> Network:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        # For pickle, so that networks can go to other processes; like a copy, they remember no batch and no optimizer.
        return Network, ([layer.copy() for layer in self.layers],)

    def __repr__(self) -> str:
        widths = "-".join(str(w) for w in (self.inputs, *(d.outputs for d in self.dense)))
        title = f"Network {widths} {self.dtype}, {count(self.weights)} weights, {percent(self.sparsity)} pruned"
        rows = []
        for name, layer in zip(self.names, self.layers, strict=True):
            numbers = (count(layer.weight.size), count(layer.weight.kept)) if isinstance(layer, Dense) else ()
            rows.append((name, repr(layer), *numbers))
        return table(["layer", "kind", "weights", "kept"], rows, title=title, left=2)


def probabilities(logits: Array) -> Array:
    """Return class probabilities from finite logits: (batch, K ≥ 2) by softmax, (batch, 1) by the logistic function."""
    with np.errstate(over="ignore"):  # 1/(1 + ∞) and e^−∞ are 0, as they should be; and 1 − p would lose the small ones
        if logits.shape[1] == 1:
            both: Array = 1 / (1 + np.exp(np.concatenate([logits, -logits], axis=1)))
            return both
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: Array = e / e.sum(axis=1, keepdims=True)
        return result


def decisions(logits: Array) -> Array:
    """Return the likeliest classes from logits, (batch,) int64; the lower one on ties."""
    if logits.shape[1] == 1:
        return np.asarray(logits[:, 0] > 0, dtype=np.int64)
    return np.asarray(logits.argmax(axis=1), dtype=np.int64)


def _names(layers: Sequence[Layer]) -> list[str]:
    seen: dict[str, int] = {}
    names = []
    for layer in layers:
        kind = type(layer).__name__.lower()
        seen[kind] = seen.get(kind, 0) + 1
        names.append(f"{kind}{seen[kind]}")
    return names
