"""Synaptic flow: what goes through a weight when it is the paths through the network that count, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minprune.arguments import Array, whole
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion, check_network

_PIECE = 1 << 16  # weights looked at together: in float64 they fit the cache
_FAINT = 1e-200  # of the strongest unit of a layer; less shows in no score, and 1/less is not far from overflow


class SynFlow(Criterion):
    """The synaptic flow, s = |w| · ∂R/∂|w| / R, of R = 1ᵀ |W₁| |W₂| … |W_L| 1.

    R adds up all paths from an input to an output, each with the product of its weights' sizes. So s is the share of
    the paths, so weighted, that go through w. It is a flow: what enters a hidden unit leaves it, and the scores of each
    layer add up to 1. With a = 1ᵀ|W₁|…|W_{l−1}| (inputs,) and b = |W_{l+1}|…|W_L|1 (outputs,) it is, in layer l,

        s_ij = a_i |w_ij| b_j / R

    Needs no data. The fewer weights a layer has left, the more flows through each; so no layer is emptied while another
    has more to give, if scores are taken anew on the way. That is why `rounds` is 100: in one go SynFlow empties layers
    as others do. Biases and activations are left out: a bias starts paths that no input feeds, so what enters a unit
    would no longer be what leaves it, and on sums of non-negative numbers a ReLU does nothing. It fails where it takes
    data to tell weights apart: every input counts as 1, also one that never varies. If no path is left, R = 0, all
    scores are 0.

    Parameters
    ----------
    rounds : int
        How many times `plan` takes scores anew on the way to its target.

    References
    ----------
    Tanaka, Kunin, Yamins & Ganguli (2020), "Pruning neural networks without any data by iteratively conserving synaptic
    flow". Their R is the same; here it is divided out, so that it overflows in no deep network.

    Examples
    --------
    Of R = 1·3 + 2·1 = 5, three go through the first hidden unit:

    >>> from minprune import Dense
    >>> net = Network([Dense.from_arrays(np.array([[1.0, -2.0]])), Dense.from_arrays(np.array([[3.0], [1.0]]))])
    >>> SynFlow().scores(net)["dense1.weight"]
    array([[0.6, 0.4]])
    """

    def __init__(self, rounds: int = 100) -> None:
        self.rounds = whole(rounds, "rounds", "SynFlow")

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found by whoever takes the scores in
            return self._flow(network)

    @staticmethod
    def _flow(network: Network) -> dict[str, Array]:
        # Forward: what reaches each unit, scaled so that the strongest of a layer has 1.
        reaches, sums = [np.ones(network.dense[0].inputs)], []
        for layer in network.dense:
            total = np.zeros(layer.outputs)
            for rows, sizes in _pieces(layer.weight.value):
                total += reaches[-1][rows] @ sizes
            top = total.max()
            total[total < top * _FAINT] = 0
            sums.append(total)
            reaches.append(total / top if top > 0 else total)
        # Backward: each unit hands its share of R on to where it came from, s_ij = a_i |w_ij| share_j / Σ_i a_i |w_ij|.
        share = reaches[-1] / max(reaches[-1].sum(), 1.0)
        result = {}
        for layer, reach, total in reversed(list(zip(network.dense, reaches, sums, strict=False))):
            per_unit = np.divide(share, total, out=np.zeros_like(total), where=total > 0)
            share = np.zeros(layer.inputs)
            scores = np.empty(layer.weight.shape, layer.weight.dtype)
            for rows, sizes in _pieces(layer.weight.value):
                sizes *= reach[rows, None]
                sizes *= per_unit
                sizes.sum(axis=1, out=share[rows])
                scores[rows] = sizes
            result[layer.weight.name] = scores
        return {name: result[name] for name in network.prunable}

    def __repr__(self) -> str:
        return f"SynFlow(rounds={self.rounds})"


def _pieces(weight: Array) -> Iterator[tuple[slice, Array]]:
    """Go through |W| a few rows at a time, in float64: a pass over the memory for all that is done with a piece."""
    inputs, outputs = weight.shape
    step = max(1, _PIECE // outputs)
    buffer = np.empty((min(step, inputs), outputs))
    for start in range(0, inputs, step):
        rows = slice(start, min(start + step, inputs))
        yield rows, np.abs(weight[rows], out=buffer[: rows.stop - start])
