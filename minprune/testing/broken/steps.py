"""Optimizers and penalties that break a law each."""
# ruff: noqa: D101  (what each one does wrong stands above it)

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np

from minprune.arguments import Array
from minprune.nn.optimizers import SGD, State
from minprune.nn.parameter import Parameter
from minprune.nn.penalties import L1, L2, GroupLasso
from minprune.testing.broken.registry import breaks


class OwnMomentum(SGD):
    """Momentum as one would write it, with buffers by name that no mask clears; a base for what goes wrong then."""

    def __init__(self, lr: float = 0.1, momentum: float = 0.5) -> None:
        super().__init__(lr, momentum=momentum)
        self.buffers: WeakKeyDictionary[Parameter, State] = WeakKeyDictionary()

    def state(self, parameter: Parameter) -> State:
        if parameter not in self.buffers:
            self.buffers[parameter] = State(parameter, self.slots)
        return self.buffers[parameter]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def step(self, parameters: Mapping[str, Parameter], progress: float = 0.0) -> None:
        for p in parameters.values():
            (m,) = self.state(p).arrays.values()
            p.obey(p.grad)
            self.forget(p, m)
            self.update(p.value.reshape(-1), p.grad.reshape(-1), [m.reshape(-1)], self.rate(progress), 1)
            self.mask(p, m)

    def forget(self, p: Parameter, m: Array) -> None:
        """Clear what is remembered of pruned weights, before the step."""
        p.obey(m)

    def mask(self, p: Parameter, m: Array) -> None:
        """Clear pruned weights, after the step."""
        p.obey(p.value)


@breaks(
    "stays_zero",
    "the gradient is masked and the momentum is not: it carries pruned weights away",
    also=("state_clean", "grown_start_zero"),
)
class MomentumRevives(OwnMomentum):
    def forget(self, p: Parameter, m: Array) -> None:
        pass

    def mask(self, p: Parameter, m: Array) -> None:
        pass


@breaks("state_clean", "weights are cleared after each step, their momentum is left", also=("grown_start_zero",))
class MomentumLeft(OwnMomentum):
    def forget(self, p: Parameter, m: Array) -> None:
        pass


@breaks("grown_start_zero", "momentum is put aside when a weight is pruned, and given back when it grows")
class Remembers(OwnMomentum):
    def __init__(self, lr: float = 0.1, momentum: float = 0.5) -> None:
        super().__init__(lr, momentum)
        self.aside: WeakKeyDictionary[Parameter, Array] = WeakKeyDictionary()

    def state(self, parameter: Parameter) -> State:
        state = super().state(parameter)
        (m,) = state.arrays.values()
        aside = self.aside.setdefault(parameter, np.zeros_like(m))
        aside[:] = np.where(m != 0, m, aside)
        m[:] = np.where(parameter.mask, np.where(m != 0, m, aside), 0)
        return state


@breaks("prox_zeroes", "w − ηλ sign(w): small weights are carried past 0 and hover around it", strength=0.1)
class SignStep(L1):
    def shrink(self, parameters: Mapping[str, Parameter], step: float) -> None:
        for p in self._weights(parameters):
            p.value[...] -= np.sign(p.value) * p.dtype.type(step * self.strength)
            p.obey(p.value)


@breaks(
    "group_prox", "each weight is shrunk by itself: a group is thinned out, where it should go or stay", strength=0.1
)
class WeightByWeight(GroupLasso):
    def shrink(self, parameters: Mapping[str, Parameter], step: float) -> None:
        for p in self._weights(parameters):
            reach = step * self.strength
            p.value[...] -= np.clip(p.value, -reach, reach)


@breaks("penalty_skips_pruned", "Σ w² over the whole array, whatever the mask says", strength=0.5)
class WholeArray(L2):
    def value(self, parameters: Mapping[str, Parameter]) -> float:
        return self.strength / 2 * sum(float(np.square(p.value).sum()) for p in self._weights(parameters))


@breaks("penalty_gradient", "2λw, the gradient of λ Σ w², for the value λ/2 Σ w²", strength=0.5)
class TwiceTheGradient(L2):
    def add_gradient(self, parameters: Mapping[str, Parameter]) -> None:
        super().add_gradient(parameters)
        super().add_gradient(parameters)
