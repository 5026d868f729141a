"""The functions of a framework, gathered so that each can be exchanged: minprune's own by default.

A law of training, of masks or of files speaks of functions that belong together. `Framework` holds one of each, and a
check asks only those that its law is about::

    check_framework(Framework(copy=my_copy), parts=["network"])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from minprune.arguments import Array, Bools
from minprune.inference.compaction import compact
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.optimizers import SGD
from minprune.nn.training import fit
from minprune.pruning.masks import compose, shuffled
from minprune.pruning.tickets import lottery_ticket
from minprune.study.complexity import analyze


def sparsity(network: Network) -> float:
    """Return the share of prunable weights that are gone."""
    return network.sparsity


def set_mask(network: Network, name: str, mask: Bools) -> None:
    """Set the mask of one parameter, in place."""
    network.parameters[name].mask = mask


def copied(network: Network) -> Network:
    """Return an equal network that shares no memory."""
    return network.copy()


def gradients(network: Network, loss: Loss, x: Array, y: Array) -> dict[str, Array]:
    """Return the gradient of the mean loss for each parameter, by name."""
    worker = network.copy()
    worker.backward(loss.value_and_gradient(worker.forward(x), y)[1])
    return {name: p.grad.copy() for name, p in worker.parameters.items()}


def train(
    network: Network, data: object, *, loss: Loss, masks: Mapping[str, Bools] | None = None, seed: int = 0
) -> Network:
    """Return a copy of `network` after two epochs, with these masks set before it starts."""
    result = network.copy()
    for name, mask in (masks or {}).items():
        result.parameters[name].mask = mask
    fit(result, data, loss=loss, optimizer=SGD(0.05, momentum=0.9), epochs=2, batch_size=2, rng=seed, progress=False)
    return result


def ticket(network: Network, data: object, *, loss: Loss, seed: int = 0) -> Network:
    """Return a lottery ticket: half of the weights, with their first values, found in two rounds."""
    found = lottery_ticket(
        network, data, sparsity=0.5, rounds=2, min_keep=0, loss=loss, optimizer=SGD(0.05), epochs=1, rng=seed,
        progress=False,
    )  # fmt: skip
    return found.network


def save(network: Network, path: Path) -> None:
    """Write a network to a file, which may be there already."""
    from minprune import storage

    storage.save(network, path, overwrite=True)


def load(path: Path) -> Network:
    """Read a network from a file."""
    from minprune import storage

    loaded: Network = storage.load(path)
    return loaded


@dataclass(frozen=True, repr=False)
class Framework:
    """One function of each kind; what is not given is minprune's."""

    sparsity: Callable[[Network], float] = sparsity
    set_mask: Callable[[Network, str, Bools], None] = set_mask
    compose: Callable[..., Mapping[str, Bools]] = compose
    shuffled: Callable[..., Mapping[str, Bools]] = shuffled
    copy: Callable[[Network], Network] = copied
    gradients: Callable[..., Mapping[str, Array]] = gradients
    train: Callable[..., Network] = train
    ticket: Callable[..., Network] = ticket
    compact: Callable[[Network], Network] = compact
    analyze: Callable[[Network], Any] = analyze
    save: Callable[[Network, Path], None] = save
    load: Callable[[Path], Network] = load

    def __repr__(self) -> str:
        return f"Framework({', '.join(f'{name}={function.__name__}' for name, function in self.own.items())})"

    @property
    def own(self) -> dict[str, Callable[..., Any]]:
        """Those that are not minprune's, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not f.default}
