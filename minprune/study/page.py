"""The report of a demo: its story as one page."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import numpy as np

from minprune.display import count, duration, percent, size
from minprune.errors import StorageError
from minprune.inference.reasons import why
from minprune.storage import write_whole
from minprune.study import plots
from minprune.study.complexity import Complexity
from minprune.study.demo import CRITERIA
from minprune.study.report import Report
from minprune.study.story import Story, quality

_NAMES = {
    "dense": "dense network",
    "masked": "masked network",
    "dense program": "dense, packed",
    "pruned program": "pruned, packed",
}


def write(story: Story, folder: Path | str) -> list[Path]:
    """Write ``report.html`` and ``figures.json`` into `folder`, each whole or not at all, and return their paths.

    Raises
    ------
    StorageError
        The folder can't be made or written.
    """
    folder = check_folder(folder)
    report, footer = page(story)
    figures = json.dumps(story.to_dict(), indent=1, allow_nan=False)
    return [
        report.write(folder / "report.html", footer),
        write_whole(folder / "figures.json", figures + "\n"),
    ]


def check_folder(folder: Path | str) -> Path:
    """Refuse a place that no folder can be made at."""
    path = Path(folder)
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise StorageError(f"out must be a folder, got the file {there}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StorageError(f"out must be a folder that can be written, got {there}")
    return path


def page(story: Story) -> tuple[Report, str]:
    """Return the report of a story and the line at its foot."""
    asked = story.settings
    report = Report(
        f"{percent(asked.sparsity, _digits(asked.sparsity))} pruned: {_subject(story)}",
        f"A network of {count(story.dense.weights)} weights on the {asked.data} data, trained, pruned in five steps, "
        f"packed and measured on this machine.",
    )
    _summary(report, story)
    _trained(report, story)
    _chosen(report, story)
    _analysed(report, story)
    _planned(report, story)
    _applied(report, story)
    _evaluated(report, story)
    machine = next(iter(story.comparison.timings.values()))["dense"].blas
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, {machine}"
    took = duration(sum(story.seconds.values()))
    report.section("Make it again")
    report.code(asked.command)
    return report, f"It took {took} with {versions}. All figures are in figures.json."


def _subject(story: Story) -> str:
    return {"credit": "credit decisions", "mnist": "handwritten digits", "digits": "small handwritten digits"}[
        story.settings.data
    ]


def _digits(share: float) -> int:
    """Return how many digits a share of per cent needs, 3 at most."""
    return next(n for n in range(4) if n == 3 or abs(round(100 * share, n) - 100 * share) < 1e-9)


def _show(value: float, metric: str) -> str:
    return f"{value:.4f}" if metric == "AUC" else percent(value, 2)


def _summary(report: Report, story: Story) -> None:
    dense, pruned, metric = quality(story.test_dense), quality(story.test_pruned), story.metric
    before = story.comparison.costs["dense"].nbytes or 0
    call = story.comparison.timings[1]
    tiles = [
        ("Weights left", count(story.pruned.kept), f"of {count(story.dense.weights)}"),
        (f"Test {metric}", _show(pruned, metric), f"dense {_show(dense, metric)}"),
        ("Speed of a single decision", f"{story.faster:.2f}×",
         f"{duration(call['pruned program'].median)}, dense {duration(call['dense'].median)}"),
        ("Size", size(story.program.nbytes), f"dense {size(before)}"),
    ]  # fmt: skip
    after = story.test_pruned.false_declines
    if after is not None:
        was = percent(story.test_dense.false_declines or 0)
        tiles.append(("Good customers refused", percent(after), f"dense {was}, at equal recall"))
    tiles.append(("Decided otherwise", percent(story.changed_share), f"{count(story.changed)} test rows"))
    report.tiles(tiles)


def _trained(report: Report, story: Story) -> None:
    report.section("Before pruning")
    report.text(story.data.description)
    rows = []
    for name, part in story.data.parts.items():
        shares = np.bincount(part.y, minlength=len(story.data.classes)) / len(part)
        few = [percent(share) for share in shares] if len(shares) == 2 else []
        rows.append([name, count(len(part)), *few])
    classes = story.data.classes if len(story.data.classes) == 2 else ()
    report.table(["part", "rows", *classes], rows, caption="Train fits, valid chooses, test is looked at once.")
    report.figure(
        plots.plot_history(story.history),
        f"The dense network learns: {len(story.history)} epochs in {duration(story.seconds['training'])}.",
    )


def _chosen(report: Report, story: Story) -> None:
    name, metric = story.settings.criterion, story.metric
    report.section("Choose a criterion", number=1)
    report.text(f"“{name}”: a weight is worth {CRITERIA[name]}. Which criterion is good shows when much goes at once.")
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in story.one_shot:
        curves.setdefault(row.criterion, []).append((row.sparsity, row.value))
    report.figure(
        plots.plot_quality(curves, metric=f"validation {metric}", baseline=story.one_shot[0].value),
        f"Validation {metric} with this share of the weights gone in one go, and no training after it. “random” is the "
        f"control: what does not beat it is worth nothing.",
    )
    levels = [f"{percent(sparsity, 0)}" for sparsity, _ in next(iter(curves.values()))]
    rows = [[label, *(_show(value, metric) for _, value in curve)] for label, curve in curves.items()]
    report.table(["criterion", *levels], rows)


def _analysed(report: Report, story: Story) -> None:
    report.section("Analyse the network’s complexity", number=2)
    found = story.before
    report.text(
        f"{count(found.total.parameters)} parameters, {count(found.total.flops)} floating-point operations a row, and "
        f"{count(found.paths)} paths from an input to an output."
    )
    _complexity(report, found)
    report.figure(
        plots.plot_activity(found),
        f"Activity: on what share of {count(found.rows)} rows each hidden unit is not 0, the busiest unit first.",
    )


def _complexity(report: Report, found: Complexity) -> None:
    rows: list[list[str]] = []
    for layer in found.layers:
        active = "–" if layer.mean_activity is None else percent(layer.mean_activity)
        fans = [f"{np.median(fan):g}" if fan is not None else "–" for fan in (layer.fan_in, layer.fan_out)]
        dead = f"{np.count_nonzero(layer.dead)} of {layer.units}"
        rows.append(
            [layer.name, count(layer.kept), count(layer.kept_flops), size(layer.kept_bytes), *fans, active, dead]
        )
    total = found.total
    rows += [[], ["total", count(total.kept), count(total.kept_flops), size(total.kept_bytes), "", "", "", ""]]
    report.table(
        ["layer", "weights kept", "FLOPs", "bytes", "fan-in", "fan-out", "active", "dead units"],
        rows,
        caption="FLOPs and bytes of what is kept, without indices. Fan-in and fan-out: the median unit’s connections. "
        "Active: how often a unit is not 0, on average. Dead: on no path from an input to an output.",
    )


def _planned(report: Report, story: Story) -> None:
    plan = story.at_once
    report.section("Plan which weights go", number=3)
    report.text(
        f"{count(plan.requested)} of {count(plan.weights)} weights are asked for, and {count(plan.achieved)} are what "
        f"the plan takes: {_exact(story)}"
    )
    rows: list[list[str]] = [
        [
            layer.name,
            count(layer.weights),
            count(layer.achieved),
            count(layer.weights - layer.achieved),
            percent(layer.sparsity),
        ]
        for layer in plan.layers
    ]
    gone, left = count(plan.achieved), count(plan.weights - plan.achieved)
    rows += [[], ["total", count(plan.weights), gone, left, percent(plan.sparsity)]]
    report.table(["layer", "weights", "go", "stay", "pruned"], rows, caption=plan.recipe)
    report.text(f"Each decision can be asked for its reason. For example: {story.example}.")


def _exact(story: Story) -> str:
    if story.at_once.requested == story.at_once.achieved:
        return "the count is exact, also where scores tie."
    return "whole neurons go, and one more would be too many."


def _applied(report: Report, story: Story) -> None:
    report.section("Apply it while training goes on", number=4)
    steps = len(story.pruner.updates)
    report.text(
        f"The masks are set anew {steps} times along a cubic, with larger steps at first and smaller ones later, and "
        f"what is left goes on learning. A pruned weight is exactly 0 after every step."
    )
    report.figure(plots.plot_history(story.fine_tuning), "Loss and sparsity while the network is pruned.")
    report.figure(
        plots.plot_masks(story.pruned),
        "What is left, layer by layer: dark is kept. Empty columns are inputs nothing looks at, empty rows units that "
        "nothing reaches.",
    )
    report.figure(
        plots.plot_weights({"dense": story.dense, "pruned": story.pruned}),
        "Kept weights by value, before and after.",
    )
    after = story.after
    unused = story.unused_facts()
    dead = sum(int(np.count_nonzero(layer.dead)) for layer in after.layers)
    blind = f"{count(int(after.unused_inputs.sum()))} of {count(len(after.unused_inputs))}"
    report.text(
        f"{count(after.paths)} paths are left, {count(dead)} units are dead, and {blind} inputs are not used now."
        + (f" Facts that play no part any more: {', '.join(unused)}." if 0 < len(unused) <= 12 else "")
    )
    _complexity(report, after)
    report.text(
        "A mask alone makes nothing faster: zeros are multiplied like any number. So dead units and unused inputs are "
        "folded away, exactly, and for each layer the kernels are timed here and the fastest is taken."
    )
    rows = [
        [step.name, step.kernel.name, why(step), count(step.outputs), count(step.kept), size(step.matrix.nbytes)]
        for step in story.program.steps
    ]
    report.table(["layer", "kernel", "why", "units", "weights", "bytes"], rows, left=3)


def _evaluated(report: Report, story: Story) -> None:
    report.section(
        "Evaluate on customers not seen before" if story.groups else "Evaluate on rows not seen before", number=5
    )
    found = story.comparison
    two = story.metric == "AUC"
    rows = []
    for name, evaluation in found.evaluations.items():
        cost, theory = found.costs[name], found.theoretical_speedup(name)
        row = [_NAMES[name], _show(quality(evaluation), story.metric)]
        row += [percent(evaluation.false_declines or 0)] if two else []
        row += ["–" if cost.kept is None else count(cost.kept), size(cost.nbytes or 0)]
        row += ["–" if theory is None else f"{theory:.2f}×", *(f"{of[name]:.2f}×" for of in found.speedups.values())]
        rows.append(row)
    headers = ["model", story.metric, *(["false declines"] if two else []), "weights", "bytes", "in theory"]
    headers += [f"batch {batch}" for batch in found.speedups]
    share = percent(story.test_dense.asked_recall, 0)
    note = f" False declines: good customers refused when the threshold catches {share} of those who default."
    report.table(
        headers,
        rows,
        caption="The last columns are speed-ups over the dense network: in theory, by floating-point operations, and "
        "measured, at each batch size, the models in turns." + (note if two else ""),
    )
    report.figure(
        plots.plot_latency(found), "What a call takes, by batch size: the median, and the middle half of calls."
    )
    _customers(report, story)
    report.fold("The same as the terminal prints it", f"{found}\n\n{story.program}")


def _customers(report: Report, story: Story) -> None:
    """Add how each group of customers fares with either network."""
    rows: list[list[str]] = []
    for dense, pruned in story.groups.values():
        rows += [[]] if rows else []
        for a, b in zip(dense.groups, pruned.groups, strict=True):
            shares = (a.recall, b.recall, a.false_declines, b.false_declines)
            cells = ["–" if share is None else percent(share) for share in shares]
            rows.append([str(a.group), count(a.count), *cells])
    if rows:
        report.table(
            ["customers", "number", "caught: dense", "pruned", "false declines: dense", "pruned"],
            rows,
            caption="Caught: defaulters refused; false declines: good customers refused. One threshold holds for all. "
            "Pruning should not move the burden from one group to another.",
        )
