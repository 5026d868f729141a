"""Networks and data to check criteria on: in float64, with smooth activations, so that differences tell derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from minprune.nn.losses import BinaryCrossEntropy, Loss, MeanSquaredError, SoftmaxCrossEntropy
from minprune.pruning.criteria import Criterion
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.cases import network as made


def loss_of(criterion: Criterion) -> Loss:
    """Return the criterion's loss, or softmax cross-entropy if it has none."""
    loss = getattr(criterion, "loss", None)
    return loss if isinstance(loss, Loss) else SoftmaxCrossEntropy()


@st.composite
def problems(draw: DrawFn, /, criterion: Criterion, *, pruned: bool | None = None, **limits: Any) -> Case:
    """Draw a smooth network, and data for the criterion's loss."""
    loss = loss_of(criterion)
    network = draw(
        strategies.networks(
            dtype=np.float64, width=4, pruned=pruned, activations=("tanh", "sigmoid"), **{"layers": (1, 2)} | limits
        )
    )
    if isinstance(loss, BinaryCrossEntropy):
        network = draw(strategies.networks(dtype=np.float64, width=1, pruned=pruned, activations=("tanh",)))
    classes = 2 if isinstance(loss, BinaryCrossEntropy) else network.outputs
    data = draw(strategies.splits(inputs=network.inputs, outputs=classes, rows=(1, 5), dtype=np.float64))
    if isinstance(loss, MeanSquaredError):
        return Case(
            network=network, x=data.x, y=draw(strategies.weights((len(data.x), network.outputs), dtype=np.float64))
        )
    return Case(network=network, x=data.x, y=data.y)


@st.composite
def with_more(draw: DrawFn, /, criterion: Criterion, **more: SearchStrategy[Any]) -> Case:
    """Draw a problem with other things by name."""
    case = draw(problems(criterion))
    return Case(**vars(case), **{name: draw(strategy) for name, strategy in more.items()})


@st.composite
def with_signs(draw: DrawFn, criterion: Criterion) -> Case:
    """Draw a problem with a sign for each weight."""
    case = draw(problems(criterion))
    shapes = [p.shape for p in case.network.prunable.values()]
    return Case(**vars(case), signs=[np.where(draw(strategies.masks(s)), 1.0, -1.0) for s in shapes])


@st.composite
def unit_inputs(draw: DrawFn, criterion: Criterion) -> Case:
    """Draw one layer, and inputs ±1/4 in 16 rows: each column has norm 1 exactly."""
    case = draw(problems(criterion, layers=(1, 1)))
    x = np.where(draw(strategies.masks((16, case.network.inputs))), 0.25, -0.25)
    return Case(network=case.network, x=x, y=np.zeros(16, np.int64))


@st.composite
def without_biases(draw: DrawFn, criterion: Criterion) -> Case:
    """Draw a network of several layers without biases."""
    return draw(problems(criterion, bias=False, layers=(2, 3)))


@st.composite
def linear(draw: DrawFn, criterion: Criterion) -> Case:
    """Draw one output of one layer without a bias, and more rows than inputs, none of which is 0 all through."""
    inputs = draw(st.integers(2, 4))
    weight = draw(strategies.weights((inputs, 1), ties=False, zeros=False, dtype=np.float64))
    x = draw(strategies.weights((3, inputs), dtype=np.float64))
    network = made([weight])
    return Case(network=network, x=np.vstack([x, 2 * np.eye(inputs)]), y=np.zeros(3 + inputs, np.int64))
