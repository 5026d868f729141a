"""What pruning costs and what it brings, on the credit customers: the picture of the project's README.

    python tutorials/at_a_glance.py

For three seeds a dense network is trained and pruned to each sparsity while it trains on; what is drawn are medians of
test AUC, and of the speed of packed networks at batches of 256, taken in turns with the dense network.
"""

import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported

import numpy as np
from matplotlib.figure import Figure

import minprune as mp
from minprune.display import Progress, percent, table
from minprune.study import plots
from minprune.study.drawing import BLUE, MUTED, ORANGE, in_style, label_ends

SEEDS = (0, 1, 2)
SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.98)
WAYS = {
    "weights": (mp.Magnitude(), mp.Unstructured()),
    "neurons": (mp.Magnitude(), mp.Neurons()),
    "random weights": (mp.Random(rng=0), mp.Unstructured()),
}
LOOKS = {"weights": (BLUE, "o-"), "neurons": (ORANGE, "s--"), "random weights": (MUTED, "^:")}
BATCH = 256


def main() -> None:
    data = mp.datasets.load("credit")
    recipe = {"loss": mp.SoftmaxCrossEntropy(), "batch_size": 128, "penalty": mp.L2(1e-3)}
    auc = {way: np.zeros((len(SEEDS), len(SPARSITIES))) for way in WAYS}
    speed = {way: np.ones((len(SEEDS), len(SPARSITIES))) for way in ("weights", "neurons")}
    level = []
    with Progress(len(SEEDS) * len(SPARSITIES) * len(WAYS), "pruning") as bar:
        for i, seed in enumerate(SEEDS):
            dense = mp.Network.mlp([60, 256, 128, 2], rng=seed)
            mp.fit(dense, data.train, optimizer=mp.Adam(mp.CosineDecay(1e-3)), epochs=12, rng=seed, **recipe)
            level.append(mp.evaluate(dense, data.test).auc)
            for j, sparsity in enumerate(SPARSITIES):
                packed = {}
                for way, (criterion, pattern) in WAYS.items():
                    pruner = mp.Pruner(criterion, sparsity=sparsity, schedule=mp.Cubic(0, 0.6), pattern=pattern)
                    pruned, optimizer = dense.copy(), mp.Adam(mp.CosineDecay(1e-3))
                    mp.fit(pruned, data.train, optimizer=optimizer, epochs=12, pruner=pruner, rng=seed, **recipe)
                    auc[way][i, j] = mp.evaluate(pruned, data.test).auc
                    packed[way] = mp.compile(pruned, batch_size=BATCH)
                    bar.step()
                comparison = mp.compare(
                    {"dense": dense} | {way: packed[way] for way in speed}, data.test, batch_sizes=(BATCH,)
                )
                for way, found in speed.items():
                    found[i, j] = comparison.speedups[BATCH][way]
    headers = ["", *(percent(sparsity, 0) for sparsity in SPARSITIES)]
    rows = [[f"AUC, {way}", *(f"{value:.4f}" for value in np.median(found, axis=0))] for way, found in auc.items()]
    rows += [[f"speed, {way}", *(f"{v:.2f}×" for v in np.median(found, axis=0))] for way, found in speed.items()]
    title = f"Medians of {len(SEEDS)} seeds; the dense network's AUC is {np.median(level):.4f}"
    print(table(headers, rows, title=title))
    out = Path(os.environ.get("MINPRUNE_TUTORIAL_OUT", Path(__file__).parent / "images"))
    plots.save(draw(auc, speed, float(np.median(level))), out / "at_a_glance.png", dpi=120)


def draw(auc: dict[str, np.ndarray], speed: dict[str, np.ndarray], level: float) -> Figure:
    """Draw quality on the left and speed on the right, over the same sparsities."""
    at = range(len(SPARSITIES) + 1)
    with in_style():
        figure = Figure(figsize=(9.2, 3.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.set_title("What it costs: test AUC")
        left.set_ylim(0.7, 0.79)
        right.set_title(f"What it brings: speed over dense, batch {BATCH}")
        right.set_yscale("log", base=2)
        right.set_yticks([1, 2, 4, 8], ["1×", "2×", "4×", "8×"])
        right.set_ylim(0.9, 13)
        right.minorticks_off()
        for axis, found, start in ((left, auc, level), (right, speed, 1.0)):
            ends = []
            for way, values in found.items():
                colour, style = LOOKS[way]
                line = [start, *np.median(values, axis=0)]
                axis.plot(at, line, style, color=colour)
                ends.append((way, at[-1], line[-1], colour))
            axis.axhline(start, color=MUTED, linewidth=0.8, zorder=0)
            axis.set_xticks(at, ["0", *(f"{100 * sparsity:g}" for sparsity in SPARSITIES)])
            axis.set_xlabel("weights pruned in %")
            axis.set_xlim(-0.2, len(SPARSITIES) + 0.2)
            label_ends(axis, ends)
    return figure


if __name__ == "__main__":
    main()
