"""The optimizers: gradient descent and its descendants, all of which obey masks.

Masks are where most pruning code goes wrong: a momentum or a weight decay that has not heard of the mask brings
pruned weights back. Here the rule of each optimizer is written once, for plain arrays, and `Optimizer.step` sees to
the masks:

1. the gradient of a dropped weight is set to +0.0, so that nothing can flow in;
2. the rule runs;
3. the value of a dropped weight is set to +0.0, whatever others did to it meanwhile.

This is done in pieces whose temporaries fit the cache, or, when few weights are kept, on just those, taken out and put
back among zeros. Every rule works on each number by itself, so the two ways agree to the last bit. The state (momentum,
second moments) of a dropped weight is cleared when the mask is set, and 0 stays 0 under every rule.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minprune.arguments import Array, real
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.learning_rates import LearningRate, learning_rate
from minprune.nn.parameter import Parameter, check_parameters

_PIECE = 262_144  # numbers; as whole arrays, the temporaries of a layer of four million take 1.4 times as long


class State:
    """What an optimizer remembers of one parameter: arrays of its shape, and how many steps it has taken."""

    def __init__(self, parameter: Parameter, slots: Sequence[str]) -> None:
        self.arrays: dict[str, Array] = {slot: np.zeros_like(parameter.value) for slot in slots}
        self.steps = 0

    def __repr__(self) -> str:
        return f"State({', '.join(self.arrays) or 'nothing'} after {self.steps} steps)"


class Optimizer(ABC):
    """What `fit` asks of an optimizer: ``step(parameters, progress)``. A new one is a name for each state array and a
    rule.

    State is kept with its `Parameter`, not by name: the parameters of a copied or rewound network start afresh, and one
    optimizer can train several networks. `carry` hands state on where that is meant.
    """

    slots: tuple[str, ...] = ()
    few = 0.05  # up to this share of kept weights, gathering them is cheaper than touching all

    def __init__(self, lr: LearningRate) -> None:
        self.lr = learning_rate(lr, type(self).__name__)

    @abstractmethod
    def update(self, w: Array, g: Array, state: Sequence[Array], rate: float, steps: int) -> None:
        """Change `w` and the state arrays in place by the rule, given the gradient `g`; all are 1-D and equally
        long.
        """

    def rate(self, progress: float) -> float:
        """Return the learning rate at `progress` in [0, 1]: at least 0 and finite, or it is refused."""
        where = type(self).__name__
        place = real(progress, "progress", f"{where}.rate", low=0.0, high=1.0)
        return real(self.lr(place), "lr", where, low=0.0) if callable(self.lr) else self.lr

    def state(self, parameter: Parameter) -> State:
        """Return what is remembered of `parameter`: fresh zeros if it has taken no step."""
        if not isinstance(parameter, Parameter):
            raise InvalidTypeError(f"parameter must be a Parameter, got {type(parameter).__name__} in state()")
        if self not in parameter.states:
            parameter.states[self] = State(parameter, self.slots)
        return parameter.states[self]

    def carry(self, source: Parameter, target: Parameter, index: Any = ...) -> None:
        """Let `target` go on from what is remembered of ``source[index]``: a copy, the number of steps included.

        What is not kept in `target` is +0.0 in its state too. If `source` has taken no step, nor has `target`.

        Parameters
        ----------
        source, target : Parameter
        index : NumPy index, optional
            The part of `source` that `target` is, such as ``np.ix_(rows, columns)``; all of it by default.

        Raises
        ------
        InvalidValueError
            That part has another shape than `target`.

        Examples
        --------
        >>> old, new = Parameter(np.zeros(3), "old"), Parameter(np.zeros(2), "new")
        >>> old.grad[:] = [1.0, 2.0, 3.0]
        >>> optimizer = SGD(0.5, momentum=0.9)
        >>> optimizer.step({"old": old})
        >>> optimizer.carry(old, new, [0, 2])
        >>> optimizer.state(new), optimizer.state(new).arrays["momentum"]
        (State(momentum after 1 steps), array([1., 3.]))
        """
        check_parameters({"source": source, "target": target}, "carry")
        try:
            part = source.mask[index].shape
        except (IndexError, ValueError) as error:
            raise InvalidValueError(f"index must be one of {source.shape}, got {error} in carry()") from None
        if part != target.shape:
            raise InvalidValueError(
                f"target must have the shape of its part of {source.name or 'source'}, {part}, got {target.shape} in "
                f"carry()"
            )
        known = source.states.get(self)
        target.states.pop(self, None)
        if known is not None:
            state = State(target, ())
            for slot, array in known.arrays.items():
                state.arrays[slot] = np.array(array[index], dtype=target.dtype, order="C")
                target.obey(state.arrays[slot])
            state.steps = known.steps
            target.states[self] = state

    def step(self, parameters: Mapping[str, Parameter], progress: float = 0.0) -> None:
        """Step each parameter by its ``grad``; dropped weights, their gradients and their state are +0.0 after it."""
        check_parameters(parameters, "step")
        rate = self.rate(progress)
        with np.errstate(over="ignore", invalid="ignore"):  # `fit` looks at what came out
            self._step(parameters, rate)

    def _step(self, parameters: Mapping[str, Parameter], rate: float) -> None:
        for parameter in parameters.values():
            state = self.state(parameter)
            state.steps += 1
            arrays = [a.reshape(-1) for a in (parameter.value, parameter.grad, *state.arrays.values())]
            if parameter.kept <= self.few * parameter.size:
                at = parameter.kept_at
                w, g, *rest = (array.take(at) for array in arrays)
                self.update(w, g, rest, rate, state.steps)
                parameter.obey(parameter.grad)
                parameter.obey(parameter.value)
                for array, part in zip((arrays[0], *arrays[2:]), (w, *rest), strict=True):
                    array[at] = part
            else:
                for piece in _pieces(parameter.size):
                    w, g, *rest = (array[piece] for array in arrays)
                    parameter.obey(g, piece)
                    self.update(w, g, rest, rate, state.steps)
                    parameter.obey(w, piece)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked.

        m ← μ m + g        w ← w − η m        Nesterov: w ← w − η (g + μ m)

    Parameters
    ----------
    lr : float or schedule
        η > 0.
    momentum : float
        μ in [0, 1).
    nesterov : bool
        Look ahead; needs a momentum.

    References
    ----------
    Polyak (1964); Sutskever et al. (2013), "On the importance of initialization and momentum in deep learning". In
    PyTorch's form, without dampening.

    Examples
    --------
    >>> p = Parameter(np.array([1.0, 2.0]), "w")
    >>> p.grad[:] = 1.0
    >>> SGD(0.5).step({"w": p})
    >>> p.value
    array([0.5, 1.5])
    """

    def __init__(self, lr: LearningRate, *, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(lr)
        self.momentum = real(momentum, "momentum", "SGD", low=0.0, high=1.0, ends="[)")
        if not isinstance(nesterov, bool):
            raise InvalidTypeError(f"nesterov must be True or False, got {nesterov!r} in SGD()")
        if nesterov and momentum == 0:
            raise InvalidValueError("nesterov needs a momentum greater than 0, got momentum=0 in SGD()")
        self.nesterov = nesterov
        self.slots = ("momentum",) if self.momentum else ()

    def update(self, w: Array, g: Array, state: Sequence[Array], rate: float, steps: int) -> None:
        if not self.momentum:
            w -= g * rate
            return
        (m,) = state
        m *= self.momentum
        m += g
        w -= (g + m * self.momentum if self.nesterov else m) * rate

    def __repr__(self) -> str:
        return f"SGD({self.lr}, momentum={self.momentum:g}{', nesterov=True' if self.nesterov else ''})"


class Adam(Optimizer):
    """Adam: each weight's step is scaled by the root mean square of its gradients.

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        w ← w − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)

    Parameters
    ----------
    lr : float or schedule
        η > 0.
    betas : (float, float)
        β₁ and β₂, each in [0, 1).
    eps : float
        ε > 0.

    References
    ----------
    Kingma & Ba (2015), "Adam: a method for stochastic optimization".

    Examples
    --------
    >>> p = Parameter(np.array([1.0, 2.0]), "w")
    >>> p.grad[:] = [1e-3, 1e3]
    >>> Adam(0.1).step({"w": p})
    >>> p.value.round(3)
    array([0.9, 1.9])
    """

    slots = ("mean", "square")
    few = 0.15  # so many passes make gathering pay earlier

    def __init__(
        self, lr: LearningRate = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        super().__init__(lr)
        where = type(self).__name__
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise InvalidTypeError(f"betas must be a pair of numbers, got {betas!r} in {where}()")
        first, second = (real(beta, "betas", where, low=0.0, high=1.0, ends="[)") for beta in betas)
        self.betas = (first, second)
        self.eps = real(eps, "eps", where, low=0.0, ends="(]")

    def update(self, w: Array, g: Array, state: Sequence[Array], rate: float, steps: int) -> None:
        m, v = state
        first, second = self.betas
        m *= first
        m += g * (1 - first)
        v *= second
        v += np.square(g) * (1 - second)
        scale = np.sqrt(v)
        scale *= 1 / math.sqrt(1 - second**steps)
        scale += self.eps
        np.divide(m, scale, out=scale)
        scale *= rate / (1 - first**steps)
        w -= scale

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lr})"


class AdamW(Adam):
    """Adam with weight decay beside the gradient instead of in it: w ← w − ηλw, then Adam's step.

    It decays every parameter it is given, biases included.

    Parameters
    ----------
    lr, betas, eps
        As in `Adam`.
    weight_decay : float
        λ ≥ 0.

    References
    ----------
    Loshchilov & Hutter (2019), "Decoupled weight decay regularization".

    Examples
    --------
    >>> p = Parameter(np.array([1.0]), "w")
    >>> AdamW(0.1, weight_decay=0.5).step({"w": p})
    >>> p.value
    array([0.95])
    """

    def __init__(
        self,
        lr: LearningRate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(lr, betas=betas, eps=eps)
        self.weight_decay = real(weight_decay, "weight_decay", "AdamW", low=0.0)

    def update(self, w: Array, g: Array, state: Sequence[Array], rate: float, steps: int) -> None:
        w *= 1 - rate * self.weight_decay
        super().update(w, g, state, rate, steps)

    def __repr__(self) -> str:
        return f"AdamW({self.lr}, weight_decay={self.weight_decay:g})"


def _pieces(size: int) -> Iterator[slice]:
    return (slice(start, start + _PIECE) for start in range(0, size, _PIECE))
