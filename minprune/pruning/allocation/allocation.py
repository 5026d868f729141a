"""What an allocation is: layers sorted into groups that are ranked together, each with its budget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from minprune.arguments import Array, choice, real, whole
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.pruning.criteria import check_scores
from minprune.pruning.units import Units


@dataclass(frozen=True)
class Group:
    """Layers that are ranked together, and how many of their weights shall be pruned in the end.

    Attributes
    ----------
    layers : tuple of str
    target : int
        Weights (or units) of the group that shall be gone, those gone already included. Units that share weights with
        other layers are counted one by one, or all layers are one group and the weights are those of the network.
    counted_in : {"weights", "units"}
    scores : dict of str to array, optional
        Scores to rank by instead of the units' own: how an allocation makes layers comparable.
    """

    layers: tuple[str, ...]
    target: int
    counted_in: str = "weights"
    scores: Mapping[str, Array] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", whole(self.target, "target", "Group", at_least=0))
        choice(self.counted_in, "counted_in", "Group", ("weights", "units"))


class Allocation(ABC):
    """How many weights each layer gives up. A new one writes `groups`."""

    sets_sparsity = False  # whether it brings the counts itself, so that plan() takes no sparsity=

    @abstractmethod
    def groups(self, units: Units, sparsity: float) -> list[Group]:
        """Return the groups and their targets for a sparsity of the whole network."""

    def scaled(self, level: Callable[[float], float]) -> Allocation:
        """Return this allocation on the way, where `level` says how far each sparsity has come: itself, unless it sets
        the sparsity.
        """
        check_level(level)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def check_question(units: object, sparsity: object) -> None:
    """Refuse what `groups` can't be asked."""
    if not isinstance(units, Units):
        raise InvalidTypeError(f"units must be Units, as a pattern makes them, got {type(units).__name__} in groups()")
    real(sparsity, "sparsity", "groups", low=0.0, high=1.0)  # 1 on the way of a network with nothing left


def check_level(level: object) -> None:
    """Refuse what is no function of a sparsity."""
    if not callable(level):
        raise InvalidTypeError(f"level must be a function of a sparsity, got {level!r} in scaled()")


def groups_of(allocation: Allocation, units: Units, sparsity: float) -> list[Group]:
    """Ask `allocation` for its groups, and see that they make sense together."""
    groups = list(allocation.groups(units, sparsity))
    names = [name for group in groups for name in group.layers]
    known_layers(names, units, repr(allocation))
    if len(set(names)) < len(names):
        raise InvalidValueError(f"{allocation!r} must put a layer in one group, got {', '.join(names)} in plan()")
    if len(groups) > 1 and not units.separable and any(group.counted_in == "weights" for group in groups):
        raise InvalidValueError(
            f"{units.noun}s of different layers share weights: {allocation!r} must count units, or make one group of "
            f"all layers, in plan()"
        )
    for group in groups:
        if group.scores is not None:
            for name in group.layers:
                check_scores(f"{units.noun}s of {name}", group.scores.get(name), units.scores[name].shape, "plan")
    return groups


def known_layers(names: Iterable[str], units: Units, who: str) -> None:
    """Refuse a name that has no units to drop."""
    for name in names:
        if name not in units.scores:
            raise InvalidValueError(
                f"{who} names no layer with {units.noun}s to drop: {name!r}{did_you_mean(name, units.scores)}"
            )
