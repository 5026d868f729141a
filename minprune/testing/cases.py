"""Cases: what a law is checked on, and how it is written down so that it can be pasted.

A case is a handful of named values: arrays, numbers, networks. Its ``repr`` is Python that makes it again:

>>> Case(scores={"dense1.weight": np.array([[0.5, 1.0]])}, sparsity=0.5)
Case(scores={'dense1.weight': np.array([[0.5, 1.0]])}, sparsity=0.5)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

from minprune.arguments import Array, Bools
from minprune.nn.activations import ACTIVATIONS
from minprune.nn.layers import Dense, Layer
from minprune.nn.network import Network
from minprune.pruning.criteria import Criterion


class Case(SimpleNamespace):
    """Named values that a law is checked on: ``Case(scores=…, sparsity=0.5).sparsity``."""

    def __repr__(self) -> str:
        return f"Case({', '.join(f'{name}={source(value)}' for name, value in vars(self).items())})"


class Given(Criterion):
    """Scores that somebody wrote down, handed on as they are."""

    def __init__(self, scores: Mapping[str, Array]) -> None:
        self.given = scores

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        return dict(self.given)

    def __repr__(self) -> str:
        return f"Given({source(self.given)})"


def network(
    weights: Sequence[Array],
    *,
    biases: Sequence[Array | None] | None = None,
    masks: Sequence[Bools | None] | None = None,
    bias_masks: Sequence[Bools | None] | None = None,
    activation: str = "relu",
) -> Network:
    """Return a network with these weights, one `Dense` for each; what is left out is not there, or is kept.

    Examples
    --------
    >>> network([np.array([[1.0, 2.0]])], masks=[np.array([[True, False]])]).sparsity
    0.5
    """
    none: list[Any] = [None] * len(weights)
    layers: list[Layer] = []
    for k, (weight, bias) in enumerate(zip(weights, none if biases is None else biases, strict=True)):
        layers += [ACTIVATIONS[activation]()] if k else []
        layers.append(Dense.from_arrays(weight, bias))
    result = Network(layers)
    for layer, mask, bias_mask in zip(
        result.dense, none if masks is None else masks, none if bias_masks is None else bias_masks, strict=True
    ):
        if mask is not None:
            layer.weight.mask = mask
        if layer.bias is not None and bias_mask is not None:
            layer.bias.mask = bias_mask
    return result


def source(value: object) -> str:
    """Return Python that makes an equal value, for ``import numpy as np`` and ``from minprune.testing import *``."""
    if isinstance(value, np.ndarray):
        return _of_array(value)
    if isinstance(value, np.generic):
        return source(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, Network):
        return _of_network(value)
    if isinstance(value, Mapping | MappingProxyType):
        return "{" + ", ".join(f"{key!r}: {source(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(source, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    if isinstance(value, type) and value.__module__ == "numpy":
        return f"np.{value.__name__}"
    return repr(value)


def _of_array(array: Array) -> str:
    plain = array.dtype in (np.dtype(np.float64), np.dtype(np.bool_), np.dtype(np.int64))
    kind = "" if plain and array.size else f", np.{array.dtype.type.__name__}"
    if not array.size:
        return f"np.zeros({array.shape}{kind})"
    text = repr(array.tolist())
    for name in ("nan", "inf"):
        text = text.replace(name, f"np.{name}")
    return f"np.array({text}{kind})"


def _of_network(value: Network) -> str:
    weights = [layer.weight for layer in value.dense]
    biases = [layer.bias for layer in value.dense]
    parts = [source([p.value for p in weights])]
    if any(b is not None for b in biases):
        parts.append(f"biases={source([None if b is None else b.value for b in biases])}")
    if any(p.is_masked for p in weights):
        parts.append(f"masks={source([p.mask if p.is_masked else None for p in weights])}")
    if any(b is not None and b.is_masked for b in biases):
        parts.append(f"bias_masks={source([None if b is None or not b.is_masked else b.mask for b in biases])}")
    names: dict[type, str] = {kind: name for name, kind in ACTIVATIONS.items()}
    between = {names[type(layer)] for layer in value.layers if type(layer) in names} - {"relu"}
    parts += [f"activation={name!r}" for name in sorted(between)]
    return f"network({', '.join(parts)})"


def digest(value: Network) -> tuple[object, ...]:
    """Return every bit of a network: values, gradients and masks, to see that nothing changed."""
    return tuple(
        (name, p.value.tobytes(), p.grad.tobytes(), p.mask.tobytes(), p.shape, p.dtype.str)
        for name, p in value.parameters.items()
    )


def bits(array: Array) -> tuple[object, ...]:
    """Return dtype, shape and bytes: −0.0 and NaN are told apart."""
    return array.dtype.str, array.shape, array.tobytes()
