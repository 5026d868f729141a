"""Does a pruned network run faster? Every claim of minprune about speed, measured here and held against its bar.

    python tests/benchmarks/speed.py [--only 1,2] [--quick] [--out tutorials/results]

One process, float32, as many threads for each as there are processors. What is compared takes turns (A B C A B C …) in
bursts whose first call is not counted; a figure is the median over the rounds of the ratio within a round. Dense NumPy
is `numpy.dot` into buffers made once, without checks. Where arrays happen to lie in memory changes the time of the same
product by up to a fifth, so the program and dense NumPy are measured three times, with new arrays, and all rounds
count; cells measured while the machine was busy are measured anew (see `grid`).
Each result is compared with the masked network's beforehand. A bar that is missed is printed as missed. The whole takes
about an hour; what was measured and trained is kept in --runs, so that a stopped run goes on where it was; for new
figures, name another folder.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median

import numpy as np
from compacted import OPTIMIZERS, networks, trainer
from grid import WIDTHS, Grid, measure, network, pruned
from machine import in_turns, ratios, spread, surroundings
from peers import (
    THREADS,
    Call,
    available,
    dense_numpy,
    onnx_dense,
    sklearn,
    sklearn_proba,
    torch,
    torch_dense,
    versions,
)
from served import served

import minprune as mp
from minprune.display import duration, percent, table
from minprune.storage import write_whole

Bar = tuple[str, str, str, bool]


def bar_1(grid: Grid) -> list[Bar]:
    worst = sorted(grid.cells, key=lambda cell: -median(cell["dense"]))
    over = [cell for cell in worst if median(cell["dense"]) > 1.05]
    named = "; ".join(
        f"{c['widths']} {c['pattern']} {percent(c['sparsity'], 0)} batch {c['batch']}: {median(c['dense']):.3f}"
        for c in (over or worst[:1])
    )
    return [(f"1 never slower: the worst of {len(worst)} cells", named, "≤ 1.05", not over)]


def bar_2(grid: Grid) -> list[Bar]:
    floors = [
        ("1024 ×3", 0.9, 16, 3.5),
        ("1024 ×3", 0.9, 256, 2.8),
        ("4096 ×3", 0.9, 16, 4.5),
        ("4096 ×3", 0.9, 256, 3),
    ]
    rows = []
    for widths, sparsity, batch, floor in [*floors, ("4096 ×3", 0.95, 16, 8.0)]:
        for cell in grid.where(widths=widths, pattern="Vectors(64)", sparsity=sparsity, batch=batch):
            gain = 1 / median(cell["dense"])
            share = percent(gain * cell["density"], 0)
            what = f"2 Vectors(64), {widths}, {percent(sparsity, 0)}, batch {batch}, over dense"
            rows.append((what, f"{gain:.2f}× ({share} of 1/density)", f"≥ {floor:g}×", gain >= floor))
    return rows


def bar_3(grid: Grid) -> list[Bar]:
    if "SciPy CSR" not in available():
        return []
    many = [c for p in ("Vectors(16)", "Vectors(64)") for c in grid.where(pattern=p) if "SciPy CSR" in c]
    single = [c for c in grid.where(pattern="Unstructured", batch=1) if "SciPy CSR" in c]
    faster = geometric_mean(1 / median(c["SciPy CSR"]) for c in many)
    each = {
        p: geometric_mean(1 / median(c["SciPy CSR"]) for c in many if c["pattern"] == p)
        for p in ("Vectors(16)", "Vectors(64)")
    }
    slower = max(median(c["SciPy CSR"]) for c in single)
    told = (
        f"{faster:.1f}× (" + ", ".join(f"{name} {value:.1f}×" for name, value in each.items()) + f"; {len(many)} cells)"
    )
    return [
        ("3 Vectors, ≥ 90 %, over SciPy's CSR, geometric mean", told, "≥ 3×", faster >= 3),
        (
            f"3 Unstructured, batch 1, of SciPy's time, the worst of {len(single)} cells",
            f"{slower:.2f}",
            "≤ 1.8",
            slower <= 1.8,
        ),
    ]


def bar_4(grid: Grid) -> list[Bar]:
    rows = []
    for cell in grid.where(widths="4096 ×3", pattern="Unstructured", sparsity=0.9, batch=1):
        gain = 1 / median(cell["dense"])
        rows.append(("4 Unstructured, 4096 ×3, 90 %, batch 1, over dense", f"{gain:.2f}×", "≥ 2.5×", gain >= 2.5))
    return rows


def bar_5(runs: Path, quick: bool) -> list[Bar]:
    """Real time: trained networks, one decision at a time."""
    rows: list[Bar] = []
    for name, case in served(runs, quick).items():
        rows.append((f"5 {name}, {case.quality}", case.told, case.bar, case.met))
        x = case.x[:1]
        calls: dict[str, Call] = {"program": partial(mp.compile(case.pruned, 1), x)}
        limits = {
            "ONNX Runtime": (0.5, "ONNX Runtime" in available(), onnx_dense),
            "torch eager": (0.2, torch, torch_dense),
        }
        limits["scikit-learn"] = (0.1, sklearn, sklearn_proba)
        for peer, (_, there, way) in limits.items():
            if there:
                calls[peer] = way(case.dense, x)
        calls["dense NumPy"] = dense_numpy(case.dense, x)
        taken = measure(calls, 1.0)
        for peer, (limit, there, _) in limits.items():
            if there:
                found = ratios(taken["program"], taken[peer])
                times = " of ".join(duration(median(taken[which])) for which in ("program", peer))
                told = f"{median(found):.2f} ({spread(found)}; {times})"
                rows.append((f"5 {name}, batch 1, of {peer}'s time, dense", told, f"≤ {limit}", median(found) <= limit))
    return rows


def bar_6() -> list[Bar]:
    """A program's own time: forty layers of one weight."""
    layers = 40
    net = network((1,) * (layers + 1))
    x = np.ones((1, 1), np.float32)
    program = mp.compile(net, 1, kernels="dense")
    weight, extended, zero = np.ones((1, 2), np.float32), np.ones((2, 1), np.float32), np.zeros((1, 1), np.float32)
    out = np.empty((1, 1), np.float32)

    def bare() -> None:
        for _ in range(layers):
            weight.dot(extended, out)
            np.maximum(out, zero, out=out)

    taken = measure({"program": partial(program, x), "bare": bare})
    found = ratios(taken["program"], taken["bare"])
    told = f"{median(found):.2f} ({spread(found)}; {duration(median(taken['program']) / layers)} a layer)"
    return [("6 1×1 layers, time of the bare NumPy calls", told, "≤ 2", median(found) <= 2)]


def bar_7(grid: Grid) -> list[Bar]:
    cells = [c for c in grid.where(pattern="Unstructured", sparsity=0.95) if c["batch"] == 1]
    rows = []
    for cell in cells:
        forced = mp.compile(pruned(network(WIDTHS[cell["widths"]]), "Unstructured", 0.95), 1, kernels="csr")
        dense = sum(p.value.nbytes for p in network(WIDTHS[cell["widths"]]).parameters.values())
        share = forced.nbytes / dense
        told = f"{share:.3f} (as chosen for speed: {cell['bytes']:.3f}, {cell['kernels']})"
        rows.append((f"7 Unstructured 95 %, {cell['widths']}, CSR, bytes of dense", told, "≤ 0.17", share <= 0.17))
    return rows


def bar_8(quick: bool) -> list[Bar]:
    """Training goes on: epochs of a compacted network, beside the dense one and the one that is only masked."""
    rows: list[Bar] = []
    for name, optimizer in OPTIMIZERS.items():
        made = optimizer()
        train = trainer(made, 1280 if quick else 12_800)
        nets = networks(made, train)
        chosen = {which: nets[which] for which in ("dense", "masked", "compacted")}
        taken = in_turns({which: partial(partial, train, net) for which, net in chosen.items()}, 7)
        for other in ("dense", "masked"):
            found = ratios(taken["compacted"], taken[other])
            told = f"{median(found):.2f} ({spread(found)})"
            what = f"8 784-1024-1024-10 compacted to half its units, {name}: an epoch, of the {other} network's"
            rows.append((what, told, "≤ 0.6", median(found) <= 0.6))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="1,2,3,4,5,6,7,8", help="which bars, by number")
    parser.add_argument("--quick", action="store_true", help="without the widest networks, and with short trainings")
    parser.add_argument("--runs", type=Path, default=Path("speed-runs"), help="where trained networks are kept")
    parser.add_argument("--out", type=Path, help="where the table goes as speed.md")
    options = parser.parse_args()
    wanted = {int(number) for number in options.only.split(",")}
    if torch:
        torch.set_num_threads(THREADS)
    parts = [surroundings(), f"{versions()}; threads {THREADS} each; float32"]
    print("\n".join(parts))
    with torch.inference_mode() if torch else nullcontext():
        bars: list[Bar] = []
        grid = Grid(options.quick, options.runs / "grid") if wanted & {1, 2, 3, 4, 7} else None
        for number, bar in ((1, bar_1), (2, bar_2), (3, bar_3), (4, bar_4), (7, bar_7)):
            if grid and number in wanted:
                bars += bar(grid)
        bars += bar_5(options.runs, options.quick) if 5 in wanted else []
        bars += bar_6() if 6 in wanted else []
    bars += bar_8(options.quick) if 8 in wanted else []
    rows = [
        [what, told, bar, "met" if met else "MISSED"] for what, told, bar, met in sorted(bars, key=lambda b: b[0][0])
    ]
    met = sum(met for *_, met in bars)
    parts.append(table(["what", "measured", "bar", ""], rows, title=f"{met} of {len(bars)} bars met", left=4))
    parts += [grid.table()] if grid else []
    print("\n\n".join(parts[2:]))
    if options.out:
        body = "\n\n".join(f"```text\n{part}\n```" for part in ["\n".join(parts[:2]), *parts[2:]])
        command = "python tests/benchmarks/speed.py --out tutorials/results"
        write_whole(options.out / "speed.md", f"# Does a pruned network run faster?\n\n`{command}`\n\n{body}\n")


if __name__ == "__main__":
    main()
