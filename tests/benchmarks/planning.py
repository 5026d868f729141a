"""How long it takes to decide which of ten million weights go: minprune beside PyTorch, on the same weights.

    python tests/benchmarks/planning.py [--rounds 5] [--sparsity 0.9]

minprune plans globally by magnitude; PyTorch does the same by `torch.nn.utils.prune.global_unstructured` with
`L1Unstructured`. That call also sets its masks, so planning and applying in place is timed beside planning alone.
They take turns (A B C A B C …), and what is stated is the median over the rounds of the ratio within a round. PyTorch
may use all its threads; choosing weights in NumPy runs on one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
from machine import in_turns, ratios, spread, surroundings

import minprune as mp
from minprune.display import count, duration, percent, table

BAR = 0.10  # of PyTorch's time
CASES = {  # widths, and to how many levels the weights are rounded (0: not at all)
    "10 M weights": ((2000, 3000, 1000, 1000), 0),
    "10 M weights, 255 values": ((2000, 3000, 1000, 1000), 127),
    "10 M weights, all equal": ((2000, 3000, 1000, 1000), 1),
    "1 M weights": ((700, 900, 350, 150), 0),
}


def network(widths: tuple[int, ...], levels: int) -> mp.Network:
    """Return a network with random weights, with ties if they are rounded."""
    net = mp.Network.mlp(widths, rng=0)
    for parameter in net.prunable.values() if levels else ():
        scale = np.abs(parameter.value).max()
        parameter.value = np.ceil(np.abs(parameter.value) / scale * levels) * np.sign(parameter.value) / levels
    return net


def ours(net: mp.Network, sparsity: float, pattern: mp.Unstructured | mp.Neurons, apply: bool) -> Callable[[], object]:
    target = net.copy() if apply else net

    def run() -> object:
        plan = mp.plan(net, mp.Magnitude(), sparsity=sparsity, pattern=pattern)
        return plan.apply_in_place(target) if apply else plan

    return run


def torchs(net: mp.Network, goes: int) -> Callable[[], object]:
    import torch
    from torch.nn.utils import prune

    layers = []
    for parameter in net.prunable.values():
        layers.append(torch.nn.Linear(*parameter.shape, bias=False, device="meta"))
        layers[-1].weight = torch.nn.Parameter(torch.from_numpy(parameter.value.T.copy()))
    pairs = [(layer, "weight") for layer in layers]

    def run() -> object:
        prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=goes)
        return [layer.weight_mask for layer in layers]

    return run


def compare_masks(net: mp.Network, sparsity: float, goes: int) -> str:
    """Say how far the two agree: they may differ in weights that tie with the cutoff, and only there."""
    theirs = torchs(net, goes)()
    plan = mp.plan(net, mp.Magnitude(), sparsity=sparsity)
    gone = sum(mask.numel() - int(mask.sum()) for mask in theirs)
    different = [mask != (their.numpy().T == 1) for mask, their in zip(plan.masks.values(), theirs, strict=True)]
    cutoff = max(float(s[~plan.masks[name]].max()) for name, s in plan.scores.items() if not plan.masks[name].all())
    elsewhere = sum(
        int(np.count_nonzero(d & (s != np.float32(cutoff))))
        for d, s in zip(different, plan.scores.values(), strict=True)
    )
    return (
        f"{count(plan.achieved)} and {count(gone)} of {count(net.weights)} go; the masks differ in "
        f"{count(sum(int(d.sum()) for d in different))}, of which {count(elsewhere)} don't tie with the cutoff"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument("--sparsity", type=float, default=0.9, help="share of the weights that goes (default 0.9)")
    options = parser.parse_args()
    import torch

    print(f"{surroundings()}; PyTorch {torch.__version__}, threads {torch.get_num_threads()}")
    print(f"float32, {percent(options.sparsity)} of the weights go, {options.rounds} rounds\n")
    rows: list[list[object]] = []
    notes = []
    for title, (widths, levels) in CASES.items():
        net = network(widths, levels)
        goes = round(options.sparsity * net.weights)
        runs = {
            "plan": partial(ours, net, options.sparsity, mp.Unstructured(), False),
            "plan and apply": partial(ours, net, options.sparsity, mp.Unstructured(), True),
            "PyTorch": partial(torchs, net, goes),
        }
        if not levels:
            runs["plan neurons"] = partial(ours, net, options.sparsity, mp.Neurons(), False)
        seconds = in_turns(runs, options.rounds)
        rows += [[]] if rows else []
        for name, times in seconds.items():
            ratio = ratios(times, seconds["PyTorch"])
            verdict = "PASS" if median(ratio) <= BAR else "MISS"
            judged = (f"≤ {BAR:.2f}", verdict) if name.startswith("plan") and name != "plan neurons" else ("", "")
            numbers = ("", "") if name == "PyTorch" else (f"{median(ratio):.3f}", spread(ratio, ".3f"))
            rows.append([f"{title}: {name}", duration(median(times)), *numbers, *judged])
        notes.append(f"{title}: {compare_masks(net, options.sparsity, goes)}")
    print(table(["", "median", "of PyTorch", "middle half", "bar", ""], rows))
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
