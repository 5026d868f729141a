"""What happens when: the moments of a training at which others get a word in.

    moment          called                                   what they find
    before_step     hook.before_step(network, step)          the weights with which the batch will go forward
    after_backward  hook.after_backward(network, step)       the loss's gradients; no penalty added, no step taken
    after_epoch     hook.after_epoch(network, history)       the epoch's row in the history; True ends the training

Steps count from 0 through the whole run. An object has any of the three; a function is called after each epoch. A
pruner is the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from minprune.arguments import Array
from minprune.errors import InvalidTypeError
from minprune.nn.history import History
from minprune.nn.network import Network

MOMENTS = ("before_step", "after_backward", "after_epoch")

Callback: TypeAlias = Callable[[Network, History], object] | Any  # a function, or an object with any of MOMENTS


@runtime_checkable
class PrunesWhileTraining(Protocol):
    """What `fit` asks of a pruner. It may have the other moments as well."""

    def begin(self, network: Network, x: Array, y: Array, *, steps: int, start: int, rng: np.random.Generator) -> None:
        """Learn what will be trained, and from which step to which; raise if the pruning can't be done."""

    def before_step(self, network: Network, step: int) -> None:
        """Set new masks on the network, if any are due before this step."""

    @property
    def finished(self) -> bool:
        """Whether the last mask has been set."""


class Hooks:
    """Who is called at which moment, in the order given.

    Parameters
    ----------
    pruner : PrunesWhileTraining or None
    callbacks : sequence
        Functions, and objects with any of the three methods.

    Examples
    --------
    >>> class Steps:
    ...     count = 0
    ...     def after_backward(self, network, step):
    ...         self.count += 1
    >>> hooks = Hooks(None, [Steps(), lambda network, history: None])
    >>> len(hooks.before_step), len(hooks.after_backward), len(hooks.after_epoch)
    (0, 1, 1)
    """

    def __init__(self, pruner: PrunesWhileTraining | None, callbacks: Sequence[Callback]) -> None:
        if not isinstance(callbacks, Sequence) or isinstance(callbacks, str):
            raise InvalidTypeError(f"callbacks must be a sequence, got {callbacks!r} in fit()")
        self.before_step: list[Callable[[Network, int], object]] = []
        self.after_backward: list[Callable[[Network, int], object]] = []
        self.after_epoch: list[Callable[[Network, History], object]] = []
        for hook in (*([] if pruner is None else [pruner]), *callbacks):
            found = {moment: getattr(hook, moment) for moment in MOMENTS if callable(getattr(hook, moment, None))}
            if isinstance(hook, type) and found:
                raise InvalidTypeError(
                    f"callbacks must hold instances, got {hook!r} in fit(); pass an instance: {hook.__name__}(…)"
                )
            if not found and not callable(hook):
                raise InvalidTypeError(
                    f"callbacks must hold functions and objects with any of {', '.join(MOMENTS)}, got {hook!r} in fit()"
                )
            for moment, method in (found or {"after_epoch": hook}).items():
                getattr(self, moment).append(method)

    def end_epoch(self, network: Network, history: History) -> bool:
        """Call all that want to see the epoch's end; return whether one of them ends the training."""
        answers = [call(network, history) for call in self.after_epoch]  # each of them sees every epoch
        return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)
