"""What a criterion is, and how its scores are taken in: one finite number ≥ 0 per weight, or an error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from minprune.arguments import Array
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.network import Network


class Criterion(ABC):
    """What a weight is worth. A new one writes `scores`, and says if it needs data.

    ``scores(network, data)`` changes nothing: no weight, gradient, mask or random state.
    """

    needs_data = False

    @abstractmethod
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        """Return a finite score ≥ 0 for each prunable weight, in the weight's shape, by name: fresh arrays of floats.

        Parameters
        ----------
        network : Network
        data : Split or (x, y), optional
            For those that need it.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def check_network(network: object, where: str = "scores") -> None:
    """Refuse what has no weights to score."""
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in {where}()")


def scores_of(criterion: Criterion, network: Network, data: object, where: str) -> dict[str, Array]:
    """Ask `criterion` for its scores, see that they can be ranked, and hand them on read-only."""
    if data is None and getattr(criterion, "needs_data", False):
        raise InvalidValueError(f"{criterion!r} needs data: pass data=(x, y) or a Split to {where}()")
    given = criterion.scores(network, data)
    if not isinstance(given, Mapping):
        raise InvalidTypeError(
            f"scores of {criterion!r} must be a mapping of names to arrays, got {type(given).__name__} in {where}()"
        )
    result = {}
    for name, parameter in network.prunable.items():
        if name not in given:
            raise InvalidValueError(f"{criterion!r} gave no scores for {name} in {where}()")
        result[name] = check_scores(name, given[name], parameter.shape, where).view()
        result[name].setflags(write=False)
    return result


def check_scores(name: str, scores: object, shape: tuple[int, ...], where: str) -> Array:
    """Return one finite, non-negative score per weight, or say which is not: no NaN ever decides what goes."""
    masked = isinstance(scores, np.ma.MaskedArray)  # what its mask hides would decide all the same
    if not isinstance(scores, np.ndarray) or masked or scores.dtype.kind != "f" or scores.shape != shape:
        got = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
        got = "a masked array" if masked else got
        raise InvalidValueError(f"scores of {name} must be a float array of shape {shape}, got {got} in {where}()")
    low, high = scores.min(), scores.max()  # NaN comes through both; one look at each in the good case
    if not (low >= 0 and high < np.inf):
        bad = ~((scores >= 0) & (scores < np.inf))
        first = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), shape))
        raise InvalidValueError(
            f"scores of {name} must be finite and non-negative, got {np.count_nonzero(bad)} that are not in {where}(), "
            f"the first at {first}: {scores[first]}"
        )
    return scores
