"""Which laws of a selector do well-known pruners keep? A program that prints the table: needs PyTorch.

Each is asked through the same seam: scores by name and a sparsity in, masks out. What a library prunes by is its own;
here it is handed the scores, as importance scores or as weights of that size.
"""

import sys

import numpy as np

import minprune as mp
from minprune.display import table
from minprune.testing import Given, check_selector, network


def minprune_plan(scores, sparsity):
    net = network([np.zeros(s.shape, s.dtype) for s in scores.values()])
    return dict(mp.plan(net, Given(scores), sparsity=sparsity, min_keep=0).masks)


def minprune_uniform(scores, sparsity):
    net = network([np.zeros(s.shape, s.dtype) for s in scores.values()])
    return dict(mp.plan(net, Given(scores), sparsity=sparsity, allocation=mp.Uniform(), min_keep=0).masks)


def torch_global_unstructured(scores, sparsity):
    """``global_unstructured(…, L1Unstructured, importance_scores=…)``; its masks are floats, read as booleans here."""
    layers = _layers(scores)
    _prune().global_unstructured(
        [(layer, "weight") for layer in layers.values()],
        pruning_method=_prune().L1Unstructured,
        importance_scores={
            (layer, "weight"): _torch().from_numpy(scores[name].copy()) for name, layer in layers.items()
        },
        amount=float(sparsity),
    )
    return _masks(layers)


def torch_l1_unstructured(scores, sparsity):
    """``l1_unstructured(…, importance_scores=…)``, layer by layer."""
    layers = _layers(scores)
    for name, layer in layers.items():
        importance = _torch().from_numpy(scores[name].copy())
        _prune().l1_unstructured(layer, "weight", amount=float(sparsity), importance_scores=importance)
    return _masks(layers)


def _layers(scores):
    layers = {}
    for name, s in scores.items():
        layers[name] = _torch().nn.Linear(s.shape[1], s.shape[0], bias=False)
    return layers


def _masks(layers):
    return {
        name: getattr(layer, "weight_mask", _torch().ones_like(layer.weight)).detach().numpy() == 1
        for name, layer in layers.items()
    }


def _torch():
    import torch

    return torch


def _prune():
    from torch.nn.utils import prune

    return prune


PEERS = [
    (minprune_plan, "network"),
    (torch_global_unstructured, "network"),
    (minprune_uniform, "layer"),
    (torch_l1_unstructured, "layer"),
]


def report(examples=100):
    return {select.__name__: check_selector(select, scope=scope, examples=examples) for select, scope in PEERS}


if __name__ == "__main__":
    reports = report()
    laws = dict.fromkeys(result.law.name for each in reports.values() for result in each.results)
    rows = []
    for law in laws:
        cells = [next((r.outcome for r in each.results if r.law.name == law), "") for each in reports.values()]
        rows.append([law, *({"passed": "kept", "failed": "broken"}.get(cell, "") for cell in cells)])
    rows += [[], ["kept", *(f"{len(each.passed)} of {len(each.ran)}" for each in reports.values())]]
    print(table(["law of a selector", *reports], rows))
    for each in reports.values():
        for result in each.results:
            if result.outcome == "failed":
                print(f"\n{result.text}")
    print(
        f"\nminprune {mp.__version__}, PyTorch {_torch().__version__}, NumPy {np.__version__}, Python {sys.version[:6]}"
    )
