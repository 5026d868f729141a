"""Criteria that break a law each."""
# ruff: noqa: D101  (what each one does wrong stands above it)

from __future__ import annotations

from typing import Any

import numpy as np

from minprune.arguments import Array, pair
from minprune.nn.losses import SoftmaxCrossEntropy
from minprune.nn.network import Network
from minprune.pruning.criteria import (
    ActivationNorm,
    Criterion,
    Fisher,
    GradientMagnitude,
    Magnitude,
    Movement,
    OptimalBrainSurgeon,
    Random,
    Saliency,
    SynFlow,
)
from minprune.pruning.criteria.gradient import mean_gradients
from minprune.testing.broken.registry import breaks

LOSS = SoftmaxCrossEntropy()


@breaks("scores_shape", "the `abs` is missing: negative weights are the lowest of all")
class Signed(Criterion):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        return {name: p.value.copy() for name, p in network.prunable.items()}


@breaks("scoring_is_pure", "the gradients of the pass are left in the network")
class LeavesGradients(Criterion):
    needs_data = True

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        x, y = pair(data, "data", "scores")
        network.backward(2 * LOSS.value_and_gradient(network(x), y)[1])
        return {name: np.abs(p.grad) for name, p in network.prunable.items()}


@breaks("scoring_repeats", "a little noise against ties, from a generator without a seed")
class Noisy(Criterion):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        draws = np.random.default_rng()
        return {name: np.abs(p.value) + 1e-6 * draws.random(p.shape) for name, p in network.prunable.items()}


@breaks("sign_free", "`max(w, 0)` for |w|: what is negative counts as nothing")
class PositivePart(Magnitude):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        return {name: np.maximum(p.value, 0) for name, p in network.prunable.items()}


@breaks("batch_free", "the sizes of each batch's mean gradient are averaged: what cancels between batches doesn't")
class MeanOfSizes(Criterion):
    needs_data = True
    batch_size = 4096

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        x, y = pair(data, "data", "scores")
        cuts = range(0, len(x), self.batch_size)
        parts = [
            mean_gradients(network, (x[i : i + self.batch_size], y[i : i + self.batch_size]), LOSS, 9) for i in cuts
        ]
        return {name: np.mean([np.abs(part[name]) for part in parts], axis=0) for name in network.prunable}


@breaks("gradient_is_true", "the gradient of the sum over the rows, where the loss is their mean", loss=LOSS)
class GradientOfTheSum(GradientMagnitude):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        x, _ = pair(data, "data", "scores")
        return {name: s * len(x) for name, s in super().scores(network, data).items()}


@breaks("saliency_first_order", "the gradient's size alone, without the weight", loss=LOSS)
class WithoutTheWeight(Saliency):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        gradients = mean_gradients(network, data, self.loss, self.batch_size)
        return {name: np.abs(g) for name, g in gradients.items()}


@breaks("fisher_by_hand", "the mean gradient is squared, not the rows' gradients: what cancels is lost", loss=LOSS)
class SquareOfTheMean(Fisher):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        gradients = mean_gradients(network, data, self.loss, self.batch_size)
        return {name: np.square(network.parameters[name].value * g) for name, g in gradients.items()}


@breaks("movement_by_hand", "sizes are added up: what moves towards 0 counts like what moves away from it")
class Traffic(Movement):
    def after_backward(self, network: Network, step: int) -> None:
        before = {name: total.copy() for name, total in self._total.items()} if self.steps else {}
        super().after_backward(network, step)
        for name, total in self._total.items():
            was = before.get(name, np.zeros_like(total))
            total[...] = was + np.abs(total - was)


@breaks("activation_norm_unit", "the norm is divided by √n, and the scores depend on the number of rows")
class RootMeanSquare(ActivationNorm):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        x, _ = pair(data, "data", "scores")
        return {name: s / np.sqrt(len(x)) for name, s in super().scores(network, data).items()}


@breaks("synflow_conserved", "the weight is squared: |w|² · ∂R/∂|w|, which is no flow")
class SquaredFlow(SynFlow):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        scores = super().scores(network, data)
        return {name: s * np.abs(network.parameters[name].value) for name, s in scores.items()}


@breaks("obs_quadratic", "w² · H_ii / 2, optimal brain damage: the others don't follow")
class DiagonalOnly(OptimalBrainSurgeon):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        x: Any = pair(data, "data", "scores")[0]
        curvature = np.square(x).mean(axis=0)
        curvature = curvature + self.damp * curvature.mean()
        return {
            name: np.square(p.value) * (curvature[:, None] if len(curvature) == len(p.value) else 1.0) / 2
            for name, p in network.prunable.items()
        }


@breaks("random_seeded", "the seed is mixed with the weights: it is no control if it looks at them")
class LooksAtWeights(Random):
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        result = {}
        for name, p in network.prunable.items():
            mixed = self.seed % 2**32 + int(np.abs(p.value).sum() * 8)
            result[name] = np.random.default_rng(mixed).random(p.shape)
        return result
