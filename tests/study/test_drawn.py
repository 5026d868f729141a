"""Every figure in words, artist by artist, as it was when somebody last looked at it: drawn/*.txt.

The figures are made here; test_charts_drawn.py and the like compare them, a file for each module that draws.

PYTHONPATH=. python tests/study/test_drawn.py        # writes them anew, after a change that is meant
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from drawing_told import describe, without_layout

from minprune import Dense, History, Network, ReLU, analyze
from minprune.study import plots
from minprune.study.comparison import Comparison
from minprune.study.frontier import Breakeven, Cell
from minprune.study.records import Sweep
from minprune.study.replay import Highest, Replay
from minprune.study.serving import Served
from minprune.study.timing import Blas, Timing

FOLDER = Path(__file__).parent / "drawn"
ONE, TWO = Blas("some BLAS", 1, "OMP_NUM_THREADS"), Blas("some BLAS", 2, "OMP_NUM_THREADS")


def network(widths, drop=lambda i, o: (i + 2 * o) % 3 == 0):
    """A network whose weights follow from their places, and so do its masks."""
    layers = []
    for inputs, outputs in pairwise(widths):
        i, o = np.indices((inputs, outputs))
        weight = ((7 * i + 5 * o + inputs) % 11 - 5) / 8 + (i % 5) / 64
        layers += [Dense.from_arrays(weight.astype(np.float32), np.linspace(-1, 1, outputs, dtype=np.float32)), ReLU()]
    net = Network(layers[:-1])
    for p in net.prunable.values():
        p.mask = ~drop(*np.indices(p.shape))
    return net


def nothing(i, o):
    return i < 0


def everything(i, o):
    return i >= 0


def one_unit_alone():
    """Four units: one always active, one that leads nowhere, one that is never active, one on half of the rows."""
    first = np.array([[1, 1, -1, 1], [1, 1, -1, -1]], np.float32)
    net = Network([Dense.from_arrays(first, None), ReLU(), Dense.from_arrays(np.ones((4, 2), np.float32), None)])
    mask = np.ones((4, 2), bool)
    mask[1] = False
    net.parameters["dense2.weight"].mask = mask
    return net


def _short():
    return history(2, valid_loss=[0.5, 0.25], sparsity=[0.0, 0.001])


ROWS = np.array([[2, 1], [1, 2], [3, 1], [1, 3]], np.float32)


def history(epochs=3, best=None, **columns):
    found = History()
    for epoch in range(1, epochs + 1):
        found.add(epoch=epoch, loss=1 / epoch, **{name: values[epoch - 1] for name, values in columns.items()})
    found.best_epoch = best
    return found


def compared(times, batch_sizes=(1, 1024)):
    """A comparison: the medians (s) by model, and a batch of 1024 takes a hundred times as long."""
    timings, speedups = {}, {}
    for batch in batch_sizes:
        scaled = {name: t * (100 if batch > 1 else 1) for name, t in times.items()}
        timings[batch] = {n: Timing(batch, 9, t, 0.9 * t, 1.2 * t, 2 * t, 0.8 * t, ONE) for n, t in scaled.items()}
        speedups[batch] = {name: next(iter(times.values())) / t for name, t in times.items()}
    return Comparison(next(iter(times)), dict.fromkeys(times), {}, timings, speedups, ())


def swept(criteria, sparsities, seeds=(0, 1), controls=("shuffled", "reinitialised", "random", "small_dense")):
    runs = []
    for seed in seeds:
        kinds = [("dense", None, 0.0)]
        for s in sparsities:
            kinds += [(None, c, s) for c in criteria]
            kinds += [(k, c, s) for k in controls for c in (criteria if k[0] in "sr" and k[-1] == "d" else [None])]
        for n, (control, criterion, s) in enumerate(kinds):
            run = {"seed": seed, "criterion": criterion, "allocation": "Global", "pattern": "Unstructured"}
            run |= {"sparsity": s, "control": control, "achieved": s, "batch_size": 16}
            runs.append(run | {"accuracy": 0.9 - s / 8 + (n + 2) * seed / 200, "speedup": 0.7 + 2 * s + seed * n / 90})
    return Sweep(tuple(runs))


MAP = [
    {"width": w, "sparsity": s, "batch": b, "speedup": w * s / b / 100}
    for w in (64, 256, 1024)
    for s in (0.5, 0.9)
    for b in (1, 16)
    if (w, b) != (64, 16)
]


def cells(levels, batches=(1, 16), width=64, pattern="Unstructured"):
    """Cells of which some pay, one is disturbed, one was not measured, and at the last batch size none pays."""
    found = []
    for n, batch in enumerate(batches):
        for k, s in enumerate(levels):
            speedup = 0.5 * 2.0**k if batch != batches[-1] else 0.3
            asked = (width, pattern, s, batch)
            if (n, k) == (1, 1):
                found.append(Cell(*asked, why="no"))
            else:
                ratios = (speedup, 0.9 * speedup, 1.1 * speedup)
                found.append(Cell(*asked, s, *ratios, 1e-3, 1e-3 / speedup, 0.5, disturbed=(n, k) == (1, 2)))
    return found


def unmeasured(batch):
    return [Cell(64, "Unstructured", s, batch, why="no") for s in (0.5, 0.9)]


def stream(rate, response, unanswered=0):
    n = len(response)
    arrived = np.arange(n + unanswered) / rate
    return Served(rate, arrived, arrived[:n], arrived[:n] + response, (n + unanswered) / rate)


def replayed():
    """Two models: dense keeps the budget at no rate; pruned does at 300 a second, and falls behind at 330."""
    wait = np.linspace(1, 4, 1000) ** 2 / 1000
    runs = (stream(300.0, np.full(100, 0.012)), stream(330.0, np.full(100, 9.0)))
    highest = {"dense network": Highest(0.0, (), None), "pruned": Highest(300.0, runs, 300.0)}
    served = {"dense network": stream(50.0, 8 * wait), "pruned": stream(50.0, wait)}
    return Replay(50.0, 20.0, 0.02, served, highest, ONE, -np.log(np.linspace(1, 1e-4, 5000)))


def fallen_behind():
    late = stream(10.0, np.full(20, 3.0), unanswered=30)
    few = stream(10.0, np.linspace(0.01, 0.05, 20))
    none = Highest(0.0, (), None)
    return Replay(10.0, 5.0, 0.1, {"late": late, "few": few}, {"late": none, "few": none}, ONE, np.ones(500))


FIGURES = {
    "masks": lambda: plots.plot_masks(network([5, 7, 3])),
    "masks_large": lambda: plots.plot_masks(network([784, 301, 10]), title="A large one"),
    "masks_many_layers": lambda: plots.plot_masks(network([12] * 6)),
    "masks_edge": lambda: plots.plot_masks(network([480, 132, 40])),
    "masks_none_kept": lambda: plots.plot_masks(network([2, 1], everything)),
    "weights": lambda: plots.plot_weights(network([5, 7, 3])),
    "weights_none": lambda: plots.plot_weights(network([2, 1], everything)),
    "weights_layer": lambda: plots.plot_weights(network([40, 30, 10]), layer="dense2.weight", title="One"),
    "weights_many": lambda: plots.plot_weights(
        {"dense": network([40, 300, 10], nothing), "pruned": network([40, 300, 10]), "_": network([2, 1], everything)}
    ),
    "weights_tiny": lambda: plots.plot_weights(
        Network([Dense.from_arrays(np.array([[3e-200, -2e-200]], np.float64), None)])
    ),
    "activity": lambda: plots.plot_activity(analyze(one_unit_alone(), ROWS)),
    "activity_layers": lambda: plots.plot_activity(analyze(network([2, 1, 30, 2]), ROWS[:1]), title="Busy"),
    "history": lambda: plots.plot_history(history(valid_loss=[0.8, 0.4, 0.45], sparsity=[0.0, 0.5, 0.9], best=2)),
    "history_many": lambda: plots.plot_history(
        {
            "with validation": history(valid_loss=[0.8, 0.4, 0.45], best=2),
            "pruned": history(30, sparsity=[k / 40 for k in range(30)]),
            "one epoch": history(1, valid_loss=[0.5], sparsity=[0.0]),
        }
    ),
    "history_named": lambda: plots.plot_history(
        {"sixteen letters.": _short(), "seventeen letters": _short(), "a name of more than twenty-four": _short()}
    ),
    "history_of_twelve": lambda: plots.plot_history({f"{k}": history(2 + k) for k in range(13)}),
    "history_one_epoch": lambda: plots.plot_history(history(1, valid_loss=[0.4], sparsity=[0.5]), title="One"),
    "history_long": lambda: plots.plot_history(history(100)),
    "quality": lambda: plots.plot_quality(
        {"b": [(0.9, 0.7), (0.0, 0.8)], "a longer name than there is room for": [(0.99, 0.6), (0.5, 0.75)]},
        metric="accuracy",
        baseline=0.81234,
    ),
    "quality_seeds": lambda: plots.plot_quality(
        {"a": [(0.5, 1), (0.5, 2), (0.5, 9), (0.9, 3), (0.8, 4), (0.8, 5)]}, metric="AUC", title="Seeds"
    ),
    "quality_extreme": lambda: plots.plot_quality({"a": [(0.0, 1.0), (0.99999, 0.1)]}, metric="AUC"),
    "quality_point": lambda: plots.plot_quality({"a": [(0.625, 0.7)]}, metric="AUC"),
    "quality_many": lambda: plots.plot_quality(
        {f"{k}": [(0, k % 3), (0.9, k % 2)] for k in range(14)}, metric="AUC", baseline=1.0
    ),
    "latency": lambda: plots.plot_latency(compared({"dense": 3e-5, "program": 1e-5, "a model with a long name": 4e-5})),
    "latency_log": lambda: plots.plot_latency(compared({"dense": 3.1e-4, "fast": 1e-5}, [1]), title="Far apart"),
    "sweep": lambda: plots.plot_sweep(swept(["magnitude", "movement"], [0.5, 0.9, 0.99])),
    "sweep_latency": lambda: plots.plot_sweep(swept(["magnitude"], [0.5, 0.9]), against="latency", title="Clock"),
    "sweep_plain": lambda: plots.plot_sweep(swept([f"c{k}" for k in range(16)], [0.5, 0.9]), controls=False),
    "sweep_one_seed": lambda: plots.plot_sweep(swept(["magnitude"], [0.9], [0], []), metric="speedup"),
    "where_it_pays": lambda: plots.plot_where_it_pays(MAP),
    "where_it_pays_one": lambda: plots.plot_where_it_pays(MAP[:1], title="One cell"),
    "breakeven": lambda: plots.plot_breakeven(
        Breakeven(
            (*cells((0.5, 0.75, 0.9, 0.95), (1, 16, 256)), *cells((0.5, 0.75, 0.9), (1, 2), (64, 32), "NM(2, 4)")),
            3,
            TWO,
        )
    ),
    "breakeven_wide": lambda: plots.plot_breakeven(
        Breakeven(tuple(cells([k / 10 for k in range(1, 9)], (1, 16, 256))), 1, ONE), title="Wide"
    ),
    "breakeven_seven": lambda: plots.plot_breakeven(
        Breakeven(tuple(cells([k / 8 for k in range(1, 8)], (1, 16))), 1, ONE)
    ),
    "breakeven_interrupted": lambda: plots.plot_breakeven(
        Breakeven((*cells((0.5, 0.9), (1, 1000)), *unmeasured(4), *cells((0.5, 0.9), (8, 9))), 2, ONE)
    ),
    "replay": lambda: plots.plot_replay(replayed()),
    "replay_late": lambda: plots.plot_replay(fallen_behind(), title="Late"),
}


DRAWN_BY = {  # test_charts_drawn.py and the like look at them
    "charts": ("history", "quality", "latency"),
    "curves": ("sweep",),
    "payoff": ("where_it_pays", "breakeven"),
    "plots": ("masks", "weights", "activity"),
    "waiting": ("replay",),
}


def figures_of(module):
    """Return the names of the figures that a module draws."""
    return [name for name in FIGURES if name.startswith(DRAWN_BY[module])]


def assert_drawn_as_it_was(name):
    """Compare a figure with its description, artist by artist."""
    wanted = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    with without_layout():
        found = describe(FIGURES[name]())
    assert found.splitlines() == wanted.splitlines()


def test_each_description_is_of_a_figure():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(FIGURES)


@pytest.mark.parametrize("module", DRAWN_BY)
def test_each_figure_is_looked_at(module):
    assert (Path(__file__).parent / f"test_{module}_drawn.py").exists()
    assert sorted(name for each in DRAWN_BY for name in figures_of(each)) == sorted(FIGURES)


if __name__ == "__main__":
    with without_layout():
        told = {name: describe(figure()) for name, figure in FIGURES.items()}
    for name, text in told.items():
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")
