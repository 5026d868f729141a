"""In what shape? A pattern says what one decision drops: a single weight, or a whole neuron.

A pattern turns scores of weights into scores of *units*; how is in `units`. The classes here say which units there
are, and a new one is a few lines: `Tiling` does the rest for all whose units don't share weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from minprune.arguments import Array, choice
from minprune.errors import InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.units import REDUCTIONS, HiddenNeurons, SingleWeights, Tiles, Units


class Pattern(ABC):
    """In what shape weights go. A new one makes `Units`, or is a `Tiling`."""

    @abstractmethod
    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        """Return the units of `network`, given a score for each prunable weight."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Unstructured(Pattern):
    """Each weight by itself.

    The least loss of accuracy for a number of weights, and the hardest to turn into speed: compile it and see.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections for efficient neural networks".

    Examples
    --------
    >>> Unstructured()
    Unstructured()
    """

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        return SingleWeights(network, scores)


class Tiling(Pattern):
    """Sets of weights that cut up each layer, kept whole or dropped whole. A new one writes `numbers`, and a `noun`.

    Parameters
    ----------
    reduce : {"mean_square", "mean", "sum", "max"}
        How the scores of a tile's kept weights become its score.

    Examples
    --------
    All that a weight matrix makes of one input, by its number:

    >>> import numpy as np
    >>> class Rows(Tiling):
    ...     noun = "row"
    ...     def numbers(self, shape):
    ...         return np.arange(shape[0])[:, None] + np.zeros(shape, int)
    >>> Rows().numbers((2, 3))
    array([[0, 0, 0],
           [1, 1, 1]])
    """

    noun = "tile"

    def __init__(self, *, reduce: str = "mean_square") -> None:
        self.reduce = choice(reduce, "reduce", type(self).__name__, REDUCTIONS)

    @abstractmethod
    def numbers(self, shape: tuple[int, ...]) -> Array:
        """Return the number (0, 1, …) of the tile that each weight of an (inputs, outputs) layer is in."""

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        return Tiles(network, scores, REDUCTIONS[self.reduce], self.numbers, self.noun)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(reduce={self.reduce!r})"


class Neurons(Pattern):
    """Whole hidden neurons: the incoming column, the bias and the outgoing row go together.

    The network that is left is dense and smaller, so it is faster anywhere. The output layer's units are not up for
    dropping.

    Parameters
    ----------
    reduce : {"mean_square", "mean", "sum", "max"}
        How the scores of a neuron's kept weights, incoming and outgoing, become its score.

    References
    ----------
    Li et al. (2017), "Pruning filters for efficient ConvNets", for dense layers.

    Examples
    --------
    >>> Neurons()
    Neurons(reduce='mean_square')
    """

    def __init__(self, *, reduce: str = "mean_square") -> None:
        self.reduce = choice(reduce, "reduce", "Neurons", REDUCTIONS)

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        if len(network.dense) < 2:
            raise InvalidValueError("Neurons needs a network with a hidden layer, got a single Dense in plan()")
        return HiddenNeurons(network, scores, REDUCTIONS[self.reduce])

    def __repr__(self) -> str:
        return f"Neurons(reduce={self.reduce!r})"
