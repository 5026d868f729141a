"""In what shape? A pattern says what one decision drops: a single weight, a tile of weights, or a whole neuron.

    Unstructured       each weight by itself                            the most freedom
    NM(n, m)           n of every m inputs of an output stay            the same number of multiplications everywhere
    Vectors(length)    1 input × length outputs, kept or dropped        a gather and a small dense product: runs fast
    Blocks((r, c))     r inputs × c outputs, kept or dropped            small dense products
    Neurons()          a unit with all that leads in and out            a smaller dense network

A pattern turns scores of weights into scores of *units*; how is in `units`, and ``reduce=`` changes it. The classes
here say which units there are, and a new one is a few lines: `Tiling` does the rest for all whose units don't share
weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from minprune.arguments import Array, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.units import (
    HiddenNeurons,
    Rectangles,
    Reduce,
    SingleWeights,
    Slots,
    Tiles,
    Units,
    called,
    rectangle_numbers,
    reduction,
)


class Pattern(ABC):
    """In what shape weights go. A new one makes `Units`, or is a `Tiling`."""

    complete = False  # whether it says by itself how much goes: without sparsity=, all that it lets go

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
        check_scored(network, scores)
        return SingleWeights(network, scores)


class NM(Pattern):
    """N:M, fine-grained and regular at once: of every m inputs in a row, each output keeps n.

    In each group the n highest scores are never up for dropping, so that the pattern holds once all the others have
    gone: that is what `plan` does when no ``sparsity=`` is given. At any sparsity below that the count is exact, and no
    group loses more than m − n. A last group of r < m inputs keeps ⌈n r / m⌉. ``NM(n, inputs)`` gives every output the
    same number of inputs, wherever they are.

    Parameters
    ----------
    n, m : int
        1 ≤ n < m.

    References
    ----------
    Mishra et al. (2021), "Accelerating sparse deep neural networks"; Zhou et al. (2021), "Learning N:M fine-grained
    structured sparse neural networks from scratch".

    Examples
    --------
    >>> import numpy as np
    >>> from minprune import Dense, Magnitude, plan
    >>> net = Network([Dense.from_arrays(np.array([[3.0], [-4.0], [1.0], [2.0], [0.5], [6.0], [7.0], [0.1]]))])
    >>> plan(net, Magnitude(), sparsity=0.5, pattern=NM(2, 4)).masks["dense1.weight"][:, 0]
    array([ True,  True, False, False, False,  True,  True, False])
    """

    complete = True

    def __init__(self, n: int, m: int) -> None:
        self.m = whole(m, "m", "NM", at_least=2)
        self.n = whole(n, "n", "NM", at_most=self.m - 1)

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        check_scored(network, scores)
        return Slots(network, scores, self.n, self.m)

    def __repr__(self) -> str:
        return f"NM({self.n}, {self.m})"


class Tiling(Pattern):
    """Sets of weights that cut up each layer, kept whole or dropped whole. A new one writes `numbers`, and a `noun`.

    Parameters
    ----------
    reduce : {"mean_square", "mean", "sum", "norm", "max"}, Reduction or function
        How the scores of a tile's kept weights become its score; see `minprune.pruning.units.reduction`.

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

    def __init__(self, *, reduce: Reduce = "mean_square") -> None:
        self.reduce = reduce
        self._how = reduction(reduce, type(self).__name__)

    @abstractmethod
    def numbers(self, shape: tuple[int, ...]) -> Array:
        """Return the number (0, 1, …) of the tile that each weight of an (inputs, outputs) layer is in."""

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        check_scored(network, scores)
        return Tiles(network, scores, self._how, self.numbers, self.noun)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(reduce={called(self.reduce)})"


class Blocks(Tiling):
    """Rectangles of r inputs × c outputs, kept whole or dropped whole; at a layer's edges they are what is left.

    Parameters
    ----------
    shape : (int, int)
        r and c.
    reduce : {"mean_square", "mean", "sum", "norm", "max"}, Reduction or function
        How the scores of a block's kept weights become its score; see `minprune.pruning.units.reduction`.

    References
    ----------
    Narang, Undersander & Diamos (2017), "Block-sparse recurrent neural networks"; Gray, Radford & Kingma (2017), "GPU
    kernels for block-sparse weights".

    Examples
    --------
    >>> Blocks((4, 2))
    Blocks((4, 2), reduce='mean_square')
    """

    noun = "block"

    def __init__(self, shape: tuple[int, int], *, reduce: Reduce = "mean_square") -> None:
        super().__init__(reduce=reduce)
        try:
            rows, columns = shape
        except (TypeError, ValueError):
            raise InvalidTypeError(
                f"shape must be two whole numbers (inputs, outputs), got {shape!r} in {type(self).__name__}()"
            ) from None
        self.shape = (whole(rows, "shape[0]", type(self).__name__), whole(columns, "shape[1]", type(self).__name__))

    def numbers(self, shape: tuple[int, ...]) -> Array:
        check_layer_shape(shape)
        return rectangle_numbers(shape, self.shape)

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        check_scored(network, scores)
        return Rectangles(network, scores, self._how, self.shape, self.noun)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shape}, reduce={called(self.reduce)})"


class Vectors(Blocks):
    """Runs of neighbouring outputs that keep or drop an input together: blocks of 1 × length.

    What is left of `length` outputs is a dense matrix on the few inputs that they share, so it runs at the speed of a
    dense product once those are gathered: of the patterns that keep most of the freedom, the fast one here.

    Parameters
    ----------
    length : int
        Outputs that go together; the last run of a layer is shorter if it doesn't divide the outputs.
    reduce : {"mean_square", "mean", "sum", "norm", "max"}, Reduction or function
        How the scores of a vector's kept weights become its score; see `minprune.pruning.units.reduction`.

    References
    ----------
    Mao et al. (2017), "Exploring the regularity of sparse structure in convolutional neural networks", for vectors
    among other grains.

    Examples
    --------
    >>> Vectors(64)
    Vectors(64, reduce='mean_square')
    """

    noun = "vector"

    def __init__(self, length: int, *, reduce: Reduce = "mean_square") -> None:
        self.length = whole(length, "length", "Vectors")
        super().__init__((1, self.length), reduce=reduce)

    def __repr__(self) -> str:
        return f"Vectors({self.length}, reduce={called(self.reduce)})"


class Neurons(Pattern):
    """Whole hidden neurons: the incoming column, the bias and the outgoing row go together.

    The network that is left is dense and smaller, so it is faster anywhere. The output layer's units are not up for
    dropping.

    Parameters
    ----------
    reduce : {"mean_square", "mean", "sum", "norm", "max"}, Reduction or function
        How the scores of a neuron's kept weights, incoming and outgoing, become its score; see
        `minprune.pruning.units.reduction`.
    inputs : bool
        Whether the input features are up for dropping as well, each with its row of the first layer: which of a
        customer's facts does the decision need? They are ranked with the neurons, as a layer named "inputs". In a
        network with a `Select` layer they are the features that it hands on.

    References
    ----------
    Li et al. (2017), "Pruning filters for efficient ConvNets", for dense layers.

    Examples
    --------
    >>> Neurons()
    Neurons(reduce='mean_square')
    >>> Neurons(inputs=True)
    Neurons(reduce='mean_square', inputs=True)
    """

    def __init__(self, *, reduce: Reduce = "mean_square", inputs: bool = False) -> None:
        if not isinstance(inputs, bool):
            raise InvalidTypeError(f"inputs must be True or False, got {inputs!r} in Neurons()")
        self.reduce, self.inputs = reduce, inputs
        self._how = reduction(reduce, "Neurons")

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        check_scored(network, scores)
        if len(network.dense) < 2 and not self.inputs:
            raise InvalidValueError(
                "Neurons needs a network with a hidden layer, got a single Dense in plan(); Neurons(inputs=True) can "
                "drop its inputs"
            )
        return HiddenNeurons(network, scores, self._how, inputs=self.inputs)

    def __repr__(self) -> str:
        return f"Neurons(reduce={called(self.reduce)}{', inputs=True' if self.inputs else ''})"


def check_scored(network: object, scores: object) -> None:
    """Refuse what can't be cut into units. That scores are finite is looked at once, by who takes them in: `plan`."""
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in units()")
    if not isinstance(scores, Mapping):
        raise InvalidTypeError(f"scores must be a mapping of names to arrays, got {type(scores).__name__} in units()")
    for name, parameter in network.prunable.items():
        given = scores.get(name)
        if not isinstance(given, np.ndarray) or given.dtype.kind != "f" or given.shape != parameter.shape:
            got = f"{given.dtype} {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
            raise InvalidValueError(
                f"scores of {name} must be a float array of shape {parameter.shape}, got {got} in units()"
            )


def check_layer_shape(shape: object) -> None:
    """Refuse what is no (inputs, outputs)."""
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise InvalidTypeError(f"shape must be (inputs, outputs), got {shape!r} in numbers()")
    for k, number in enumerate(shape):
        whole(number, f"shape[{k}]", "numbers")
