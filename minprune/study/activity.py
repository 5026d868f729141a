"""Activity: how often each unit has something to say."""

from __future__ import annotations

import numpy as np

from minprune.arguments import Array, finite
from minprune.nn.layers import Dense, Select
from minprune.nn.network import Network


def share_active(network: Network, x: Array, batch_size: int) -> list[Array | None]:
    """Return for each `Dense` layer the share of rows on which each unit is not 0 where the next layer sees it.

    A unit that is NaN or infinite is not counted as active: it is refused.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _share_active(network, x, batch_size)


def _share_active(network: Network, x: Array, batch_size: int) -> list[Array | None]:
    names = list(network.prunable)
    active = [np.zeros(layer.outputs, np.int64) for layer in network.dense]
    for start in range(0, len(x), batch_size):
        h = x[start : start + batch_size].copy()
        seen = 0
        for layer in network.layers:
            if isinstance(layer, Dense):
                if seen:
                    finite(h, f"the units of {names[seen - 1].removesuffix('.weight')}", "analyze")
                    active[seen - 1] += np.count_nonzero(h, axis=0)
                h = h @ layer.weight.value
                if layer.bias is not None:
                    h += layer.bias.value
                seen += 1
            elif isinstance(layer, Select):
                h = h.take(layer.columns, axis=1)
            else:
                layer.infer(h)  # not forward(): a backward pass that is still to come needs what forward() remembers
    return [*(counts / len(x) for counts in active[:-1]), None]
