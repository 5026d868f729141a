"""Penalties on the weights: what is added to the loss so that training itself makes a network prunable.

A smooth penalty acts through its gradient. One with a kink at 0 (L1, group lasso) acts best through its proximal
step, taken after the optimizer's step of size η:

    prox(w) = argmin_u  Ω(u) + ‖u − w‖² / (2η)

which is what makes weights exactly 0; a subgradient only makes them hover around it. A penalty sees the kept entries
of prunable weights (or of the parameters it names), and no biases unless named: what stands in a dropped entry adds
nothing to its value or gradient. Penalties add up: ``L1(1e-5) + L2(1e-4)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from minprune.arguments import Array, choice, real
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.nn.parameter import Parameter, check_parameters


class Penalty(ABC):
    """What training asks of a penalty. The parameters come as a mapping name → `Parameter`."""

    proximal = False  # whether it acts by its proximal step instead of its gradient

    @abstractmethod
    def value(self, parameters: Mapping[str, Parameter]) -> float:
        """Return Ω, what is added to the loss."""

    @abstractmethod
    def add_gradient(self, parameters: Mapping[str, Parameter]) -> None:
        """Add ∂Ω/∂w to each parameter's ``grad``: nothing, for a penalty that acts by its proximal step."""

    @abstractmethod
    def shrink(self, parameters: Mapping[str, Parameter], step: float) -> None:
        """Take the proximal step of size `step` on each ``value``: nothing, for one that acts by its gradient."""

    def __add__(self, other: Penalty) -> Sum:
        if not isinstance(other, Penalty):
            return NotImplemented
        return Sum([self, other])


class WeightPenalty(Penalty):
    """A penalty with a strength, on all prunable weights or on those named."""

    def __init__(self, strength: float, *, names: Sequence[str] | None = None) -> None:
        where = type(self).__name__
        self.strength = real(strength, "strength", where, low=0.0)
        self.names = None if names is None else _strings(names, where)

    def _checked_step(self, parameters: Mapping[str, Parameter], step: float) -> Iterable[Parameter]:
        """Return the weights that a proximal step acts on, if both are what they should be."""
        real(step, "step", f"{type(self).__name__}.shrink", low=0.0)
        return self._weights(parameters)

    def _weights(self, parameters: Mapping[str, Parameter]) -> Iterable[Parameter]:
        check_parameters(parameters, type(self).__name__)
        if self.names is None:
            return [p for p in parameters.values() if p.prunable]
        for name in self.names:
            if name not in parameters:
                raise InvalidValueError(
                    f"{self!r} names no parameter of the network: {name!r}{did_you_mean(name, parameters)}"
                )
        return [parameters[name] for name in self.names]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.strength:g}{'' if self.names is None else f', names={self.names}'})"


class L2(WeightPenalty):
    """Weight decay by a penalty, Ω = (λ/2) Σ w²; its gradient is λ w.

    Parameters
    ----------
    strength : float
        λ ≥ 0, in loss per squared weight. Equal to ``weight_decay`` of PyTorch's SGD on the weights.
    names : sequence of str, optional
        The parameters it acts on; all prunable weights by default.

    References
    ----------
    Krogh & Hertz (1991), "A simple weight decay can improve generalization".

    Examples
    --------
    >>> w = Parameter(np.array([[3.0, -4.0]]), "dense1.weight", prunable=True)
    >>> L2(0.1).value({"dense1.weight": w})
    1.25
    """

    def value(self, parameters: Mapping[str, Parameter]) -> float:
        with np.errstate(over="ignore"):  # it is infinite then
            return self.strength / 2 * sum(_sum_of_squares(p.effective()) for p in self._weights(parameters))

    def add_gradient(self, parameters: Mapping[str, Parameter]) -> None:
        with np.errstate(over="ignore"):
            for p in self._weights(parameters):
                _add(p, p.value * p.dtype.type(self.strength))

    def shrink(self, parameters: Mapping[str, Parameter], step: float) -> None:
        self._checked_step(parameters, step)


class L1(WeightPenalty):
    """The lasso, Ω = λ Σ |w|. Its proximal step is soft thresholding: sign(w) · max(|w| − ηλ, 0).

    Written as w − clip(w, −ηλ, ηλ): a weight within the threshold becomes exactly +0.0, the others move by ηλ towards
    0, and no sign ever flips.

    Parameters
    ----------
    strength : float
        λ ≥ 0, in loss per unit of weight.
    subgradient : bool
        Add λ sign(w) to the gradient instead: kept for comparison. It makes weights small, not zero.
    names : sequence of str, optional
        The parameters it acts on; all prunable weights by default.

    References
    ----------
    Tibshirani (1996), "Regression shrinkage and selection via the lasso". Parikh & Boyd (2014), "Proximal algorithms",
    §6.5.2.

    Examples
    --------
    >>> w = Parameter(np.array([[0.5, -0.05]]), "dense1.weight", prunable=True)
    >>> L1(1.0).shrink({"dense1.weight": w}, step=0.1)
    >>> w.value
    array([[0.4, 0. ]])
    """

    def __init__(self, strength: float, *, subgradient: bool = False, names: Sequence[str] | None = None) -> None:
        super().__init__(strength, names=names)
        if not isinstance(subgradient, bool):
            raise InvalidTypeError(f"subgradient must be True or False, got {subgradient!r} in L1()")
        self.subgradient = subgradient
        self.proximal = not subgradient

    def value(self, parameters: Mapping[str, Parameter]) -> float:
        with np.errstate(over="ignore"):
            return self.strength * sum(
                float(np.abs(p.effective()).sum(dtype=np.float64)) for p in self._weights(parameters)
            )

    def add_gradient(self, parameters: Mapping[str, Parameter]) -> None:
        weights = self._weights(parameters)
        if self.subgradient:
            with np.errstate(over="ignore", invalid="ignore"):  # 0 · ∞, of a strength that is infinite in float32
                for p in weights:
                    _add(p, np.sign(p.value) * p.dtype.type(self.strength))

    def shrink(self, parameters: Mapping[str, Parameter], step: float) -> None:
        weights = self._checked_step(parameters, step)
        if not self.subgradient:
            with np.errstate(over="ignore"):  # a reach beyond float32 is infinite: it takes all
                for p in weights:
                    reach = p.dtype.type(step * self.strength)
                    p.value[...] -= np.clip(p.value, -reach, reach)

    def __repr__(self) -> str:
        return super().__repr__()[:-1] + (", subgradient=True)" if self.subgradient else ")")


class GroupLasso(WeightPenalty):
    """The group lasso, Ω = λ Σ_g √n_g ‖w_g‖₂, which empties whole rows (or columns) of a weight matrix.

    Its proximal step scales each group: w_g · max(0, 1 − ηλ√n_g / ‖w_g‖₂), with n_g the number of kept weights in g.

    Parameters
    ----------
    strength : float
        λ ≥ 0.
    axis : {"inputs", "outputs"}
        A group is a row of W, all that an input feature or hidden unit feeds ("inputs"), or a column of W, all that
        feeds a unit ("outputs"; name the hidden layers then, or the output layer's classes are groups too).
    names : sequence of str, optional
        The parameters it acts on; all prunable weights by default.

    References
    ----------
    Yuan & Lin (2006), "Model selection and estimation in regression with grouped variables". Scardapane et al. (2017),
    "Group sparse regularization for deep neural networks".

    Examples
    --------
    >>> w = Parameter(np.array([[3.0, 4.0], [0.1, 0.0]]), "dense1.weight", prunable=True)
    >>> GroupLasso(1.0).shrink({"dense1.weight": w}, step=0.1)
    >>> w.value.round(3)
    array([[2.915, 3.887],
           [0.   , 0.   ]])
    """

    proximal = True

    def __init__(self, strength: float, *, axis: str = "inputs", names: Sequence[str] | None = None) -> None:
        super().__init__(strength, names=names)
        self.axis = choice(axis, "axis", "GroupLasso", ("inputs", "outputs"))

    def _weights(self, parameters: Mapping[str, Parameter]) -> Iterable[Parameter]:
        weights = list(super()._weights(parameters))
        for p in weights:
            if len(p.shape) != 2:
                raise InvalidValueError(f"{self!r} needs weights in rows and columns, got {p.name} of shape {p.shape}")
        return weights

    def _groups(self, p: Parameter) -> tuple[Array, Array]:
        """Return each group's norm and √n_g, shaped to be broadcast over the weight."""
        along = 1 if self.axis == "inputs" else 0
        with np.errstate(over="ignore"):
            norms = np.sqrt(np.square(p.effective(), dtype=np.float64).sum(axis=along, keepdims=True))
        return norms, np.sqrt(p.mask.sum(axis=along, keepdims=True))

    def value(self, parameters: Mapping[str, Parameter]) -> float:
        total = 0.0
        for p in self._weights(parameters):
            norms, roots = self._groups(p)
            total += float((roots * norms).sum())
        return self.strength * total

    def add_gradient(self, parameters: Mapping[str, Parameter]) -> None:
        self._weights(parameters)  # refuses what is none

    def shrink(self, parameters: Mapping[str, Parameter], step: float) -> None:
        for p in self._checked_step(parameters, step):
            norms, roots = self._groups(p)
            with np.errstate(over="ignore", invalid="ignore"):  # ∞ − ∞ leaves nothing; ∞ / ∞ is found by `fit`
                left = norms - step * self.strength * roots
                scale = np.divide(left, norms, out=np.zeros_like(norms), where=left > 0).astype(p.dtype)
            p.value[...] *= scale
            if not scale.all():
                p.value[...] += 0  # −0.0 + 0 is +0.0: an emptied group holds plain zeros

    def __repr__(self) -> str:
        return super().__repr__()[:-1] + f", axis={self.axis!r})"


class Sum(Penalty):
    """Several penalties at once, made by ``+``. Gradients add; proximal steps follow one another, in order."""

    def __init__(self, parts: Sequence[Penalty]) -> None:
        if isinstance(parts, str) or not isinstance(parts, Iterable):
            raise InvalidTypeError(f"parts must be a sequence of penalties, got {parts!r} in Sum()")
        parts = tuple(parts)
        for part in parts:
            if not isinstance(part, Penalty):
                raise InvalidTypeError(f"parts must hold penalties, got {type(part).__name__} {part!r} in Sum()")
        self.parts: tuple[Penalty, ...] = tuple(q for p in parts for q in (p.parts if isinstance(p, Sum) else (p,)))

    def value(self, parameters: Mapping[str, Parameter]) -> float:
        return sum(part.value(parameters) for part in self.parts)

    def add_gradient(self, parameters: Mapping[str, Parameter]) -> None:
        self._check(parameters)
        for part in self.parts:
            part.add_gradient(parameters)

    def shrink(self, parameters: Mapping[str, Parameter], step: float) -> None:
        self._check(parameters)
        for part in self.parts:
            part.shrink(parameters, step)

    def _check(self, parameters: Mapping[str, Parameter]) -> None:
        """Let no part act if another is going to refuse."""
        for part in self.parts:
            if isinstance(part, WeightPenalty):
                part._weights(parameters)

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))


def _strings(names: object, where: str) -> tuple[str, ...]:
    if isinstance(names, Iterable) and not isinstance(names, str):
        result = tuple(names)
        if all(isinstance(name, str) for name in result):
            return result
    raise InvalidTypeError(f"names must be a sequence of parameter names or None, got {names!r} in {where}()")


def _add(p: Parameter, gradient: Array) -> None:
    """Add to ``p.grad``, but nothing at dropped entries."""
    p.obey(gradient)
    p.grad += gradient


def _sum_of_squares(array: Array) -> float:
    flat = array.reshape(-1)
    return float(np.dot(flat, flat)) if array.dtype == np.float64 else float(np.square(flat, dtype=np.float64).sum())
