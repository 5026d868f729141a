"""How long it takes to decide which of ten million weights go: minprune beside PyTorch, on the same weights.

    python tests/benchmarks/planning.py [--rounds 5] [--sparsity 0.9] [--patterns]

minprune plans globally by magnitude; PyTorch does the same by `torch.nn.utils.prune.global_unstructured` with
`L1Unstructured`. That call also sets its masks, so planning and applying in place is timed beside planning alone.
They take turns (A B C A B C …), and what is stated is the median over the rounds of the ratio within a round. PyTorch
may use all its threads; choosing weights in NumPy runs on one.

A second table is about all patterns, and with ``--patterns`` it is the only one and needs no PyTorch. Each plans by
magnitude for 1 M and for 10 M weights in turns: for ten times the weights, ten times the time is linear, and what is
beyond it is memory that no longer fits the caches. A plan for single weights is there to compare with.
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
from minprune.pruning.criteria import Criterion, SynFlow
from minprune.pruning.patterns import NM, Blocks, Pattern, Vectors

BAR = 0.10  # of PyTorch's time
CASES = {  # widths, and to how many levels the weights are rounded (0: not at all)
    "10 M weights": ((2000, 3000, 1000, 1000), 0),
    "10 M weights, 255 values": ((2000, 3000, 1000, 1000), 127),
    "10 M weights, all equal": ((2000, 3000, 1000, 1000), 1),
    "1 M weights": ((700, 900, 350, 150), 0),
}
CRITERIA = {  # the others that need no data; SynFlow's hundred rounds are one here
    "10 M weights: Random": mp.Random(rng=0),
    "10 M weights: SynFlow, one round": SynFlow(rounds=1),
}
PATTERNS: tuple[Pattern, ...] = (
    mp.Unstructured(),
    NM(2, 4),
    NM(1, 16),
    NM(100, 1000),
    Vectors(2),
    Vectors(64),
    Blocks((4, 4)),
    Blocks((16, 16)),
    Blocks((7, 3)),
    mp.Neurons(),
    mp.Neurons(inputs=True),
)
LARGE, SMALL = CASES["10 M weights"], CASES["1 M weights"]


def network(widths: tuple[int, ...], levels: int) -> mp.Network:
    """Return a network with random weights, with ties if they are rounded."""
    net = mp.Network.mlp(widths, rng=0)
    for parameter in net.prunable.values() if levels else ():
        scale = np.abs(parameter.value).max()
        parameter.value = np.ceil(np.abs(parameter.value) / scale * levels) * np.sign(parameter.value) / levels
    return net


def ours(
    net: mp.Network,
    sparsity: float,
    *,
    criterion: Criterion | None = None,
    pattern: Pattern | None = None,
    apply: bool = False,
) -> Callable[[], object]:
    target = net.copy() if apply else net

    def run() -> object:
        plan = mp.plan(net, criterion or mp.Magnitude(), sparsity=sparsity, pattern=pattern)
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


def of_patterns(sparsity: float, rounds: int) -> None:
    """Print what each pattern takes at 1 M and at 10 M weights, and how both compare."""
    large, small = network(*LARGE), network(*SMALL)
    runs = {}
    for pattern in PATTERNS:
        most = sparsity
        if pattern.complete:  # no more than it lets go: nine tenths of that
            most = 0.9 * min(mp.plan(net, mp.Magnitude(), pattern=pattern).sparsity for net in (large, small))
        for size, net in (("1 M", small), ("10 M", large)):
            runs[f"{pattern!r} {size}"] = partial(ours, net, min(sparsity, most), pattern=pattern)
    seconds = in_turns(runs, rounds)
    base = seconds[f"{PATTERNS[0]!r} 10 M"]
    rows = []
    for pattern in PATTERNS:
        short, long = (seconds[f"{pattern!r} {size}"] for size in ("1 M", "10 M"))
        growth = ratios(long, short)
        rows.append(
            [
                repr(pattern).replace("reduce='mean_square'", "").replace(", )", ")").replace("(, ", "("),
                duration(median(short)),
                duration(median(long)),
                f"{median(growth):.1f}",
                spread(growth, ".1f"),
                f"{median(ratios(long, base)):.2f}",
            ]
        )
    headers = ["", "1 M weights", "10 M weights", "ratio", "middle half", "of single weights"]
    print(table(headers, rows, title="Patterns: a plan by magnitude"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument("--sparsity", type=float, default=0.9, help="share of the weights that goes (default 0.9)")
    parser.add_argument("--patterns", action="store_true", help="the table of patterns alone, without PyTorch")
    options = parser.parse_args()
    if options.patterns:
        print(surroundings())
        print(f"float32, {percent(options.sparsity)} of the weights go, {options.rounds} rounds\n")
    else:
        beside_pytorch(options.sparsity, options.rounds)
        print()
    of_patterns(options.sparsity, options.rounds)


def beside_pytorch(sparsity: float, rounds: int) -> None:
    """Print what a plan takes beside PyTorch's, and whether both agree."""
    import torch

    print(f"{surroundings()}; PyTorch {torch.__version__}, threads {torch.get_num_threads()}")
    print(f"float32, {percent(sparsity)} of the weights go, {rounds} rounds\n")
    rows: list[list[object]] = []
    notes = []
    for title, (widths, levels) in CASES.items():
        net = network(widths, levels)
        goes = round(sparsity * net.weights)
        runs = {
            f"{title}: plan": partial(ours, net, sparsity),
            f"{title}: plan and apply": partial(ours, net, sparsity, apply=True),
            f"{title}: PyTorch": partial(torchs, net, goes),
        }
        if (widths, levels) == LARGE:
            runs |= {name: partial(ours, net, sparsity, criterion=criterion) for name, criterion in CRITERIA.items()}
        seconds = in_turns(runs, rounds)
        rows += [[]] if rows else []
        for name, times in seconds.items():
            ratio = ratios(times, seconds[f"{title}: PyTorch"])
            verdict = "PASS" if median(ratio) <= BAR else "MISS"
            theirs = name.endswith("PyTorch")
            numbers = ("",) * 4 if theirs else (f"{median(ratio):.3f}", spread(ratio, ".3f"), f"≤ {BAR:.2f}", verdict)
            rows.append([name, duration(median(times)), *numbers])
        notes.append(f"{title}: {compare_masks(net, sparsity, goes)}")
    print(table(["", "median", "of PyTorch", "middle half", "bar", ""], rows))
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
