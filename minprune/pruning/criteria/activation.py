"""Activation norm: a weight is worth what it carries, its size times the size of what comes in."""

from __future__ import annotations

import numpy as np

from minprune.arguments import Array, whole
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion, check_network
from minprune.pruning.criteria.passes import inputs_of_layers


class ActivationNorm(Criterion):
    """The size of the weight times the norm of its input, s_ij = |w_ij| · ‖x_i‖₂, over the rows of the data.

    x_i (rows,) is what comes in at input i of the weight's layer: a column of the data in the first layer, the
    activations of a hidden unit in the others. So s_ij² is what the output j would lose in squares if that weight alone
    went. Known as Wanda. With inputs of norm 1 it is `Magnitude`.

    Needs x only: labels and loss play no part. One pass over some hundred rows is enough. It mends what `Magnitude`
    fails at, inputs of different scales, and fails where inputs go together: of two equal ones either could go, and
    both are kept; `OptimalBrainSurgeon` sees that. It also grows with the activations from layer to layer, so under
    `Global` it is layers of large activations that are kept. The paper compares within each output alone, which is
    ``allocation=Uniform(within="output")``.

    Parameters
    ----------
    batch_size : int
        Rows per forward pass; the scores don't depend on it but for rounding.

    References
    ----------
    Sun, Liu, Bair & Kolter (2024), "A simple and effective pruning approach for large language models".

    Examples
    --------
    >>> from minprune import Dense
    >>> net = Network([Dense.from_arrays(np.array([[1.0], [-2.0]]))])
    >>> ActivationNorm().scores(net, (np.array([[3.0, 1.0], [4.0, 0.0]]), np.array([0, 0])))
    {'dense1.weight': array([[5.],
           [2.]])}
    """

    needs_data = True

    def __init__(self, *, batch_size: int = 4096) -> None:
        self.batch_size = whole(batch_size, "batch_size", "ActivationNorm")

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        squares = {name: np.zeros(p.shape[0]) for name, p in network.prunable.items()}
        with np.errstate(over="ignore"):  # what is infinite is found by whoever takes the scores in
            for inputs in inputs_of_layers(network, data, self.batch_size):
                for name, x in inputs.items():
                    squares[name] += np.einsum("bi,bi->i", x, x, dtype=np.float64)
            return {
                name: np.abs(p.value) * np.sqrt(squares[name]).astype(p.dtype)[:, None]
                for name, p in network.prunable.items()
            }
