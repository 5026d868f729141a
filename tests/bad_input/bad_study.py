"""Bad input to what measures and draws, and to data sets."""

import numpy as np
from bad_world import (
    BELOW_ONE,
    FEATURES,
    HUGE,
    LABELS,
    NAN,
    PAIRS,
    POSITIVE,
    RNG,
    TYPE,
    UP_TO_ONE,
    VALUE,
    each,
    holed,
    mistyped,
    network,
    real,
    rows,
    whole,
)  # fmt: skip

import minprune as mp

SETS = ["credit", "digits", "mnist"]
ROW = {"width": 8, "sparsity": 0.5, "batch": 1, "speedup": 2.0}
ASKED = {"control": None, "criterion": "m", "allocation": "a", "pattern": "p", "sparsity": 0.9, "seed": 0}
SWEEP = mp.Sweep((ASKED | {"accuracy": 1.0},))


def _no_model(parameter, fn):
    return [(3, TYPE, f"model must be a Network or a function from rows to logits, got int in {fn}()")]


def _several(parameter, fn):
    return [
        (3, TYPE, f"models must be a dict of names to models, got int in {fn}()"),
        ({}, VALUE, f"models must hold at least one model, got none in {fn}()"),
        ({"a": 3}, TYPE, f"models must map names to callables, got 'a': 3 in {fn}()"),
    ]


def _output(given):
    return lambda w: mp.evaluate(lambda x: given, w.data)


def _compare(w, **asked):
    return mp.compare(**{"models": {"net": w.net}, "split": w.data, "seconds": 0.001} | asked)


def _breakeven(widths=(8,), sparsities=(0.5,), batch_sizes=(1,), patterns=None, **more):
    return mp.breakeven(widths, sparsities, batch_sizes, patterns, **more)


def _replay(w, **asked):
    return mp.replay(**{"models": w.net, "x": w.x, "seconds": 0.01, "rate": 100.0} | asked)


MEASURES = [
    *each("analyze", "x", FEATURES, lambda w, bad: mp.analyze(w.net, bad)),
    *each("analyze", "batch_size", whole(), lambda w, bad: mp.analyze(w.net, w.x, batch_size=bad)),
    *rows("analyze", (lambda w: mp.analyze(3), TYPE, "network must be a Network, got int 3 in analyze()")),
    *each("evaluate", "split", PAIRS, lambda w, bad: mp.evaluate(w.net, bad)),
    *each("evaluate", "x", FEATURES, lambda w, bad: mp.evaluate(w.net, (bad, w.y))),
    *each("evaluate", "y", LABELS, lambda w, bad: mp.evaluate(w.net, (w.x, bad))),
    *each("evaluate", "recall", UP_TO_ONE, lambda w, bad: mp.evaluate(w.net, w.data, recall=bad)),
    *each("evaluate", "batch_size", whole(), lambda w, bad: mp.evaluate(w.net, w.data, batch_size=bad)),
    *each("evaluate", "model", _no_model("model", "evaluate"), lambda w, bad: mp.evaluate(bad, w.data)),
    *each("evaluate", "by", [
        (np.zeros(3), VALUE, "{p} must have shape (20,), one group a row, got (3,) in {fn}()"),
        (np.full(20, None), TYPE, "{p} must hold numbers or strings, got dtype object in {fn}()"),
        (np.ma.zeros(20), TYPE, "{p} must be a plain array, got a masked array in {fn}(): fill it first"),
        (np.full(20, NAN), VALUE, "{p} must be finite, got 20 NaN or infinite in {fn}(), the first at (0,): nan"),
    ], lambda w, bad: mp.evaluate(w.net, w.data, by=bad)),
    *rows(
        "evaluate",
        (_output(np.ones(20)), VALUE, "the model's output must have shape (20, classes), got (20,) in evaluate()"),
        (_output(np.ones((3, 3))), VALUE, "the model's output must have shape (20, classes), got (3, 3) in evaluate()"),
        (_output(holed(NAN)), VALUE,
         "the model's output must be finite, got 2 NaN or infinite in evaluate(), the first at (1, 3): nan"),
        (_output(None), TYPE, "the model's output must hold real numbers, got dtype object in evaluate()"),
        (lambda w: mp.evaluate(lambda x: x * 1e300 * 1e300, (np.ones((20, 4)), w.y)), VALUE,
         "the model's output must be finite, got 80 NaN or infinite in evaluate(), the first at (0, 0): inf"),
    ),
    *each("time_inference", "x", FEATURES, lambda w, bad: mp.time_inference(w.net, bad)),
    *each("time_inference", "model", _no_model("model", "time_inference"), lambda w, bad: mp.time_inference(bad, w.x)),
    *each("time_inference", "batch_size",
          whole(1, (HUGE, VALUE, f"{{p}} must be at most 536870912, got {HUGE} in {{fn}}()")),
          lambda w, bad: mp.time_inference(w.net, w.x, batch_size=bad)),
    *each("time_inference", "seconds", POSITIVE, lambda w, bad: mp.time_inference(w.net, w.x, seconds=bad)),
    *each("time_inference", "warmup", whole(0), lambda w, bad: mp.time_inference(w.net, w.x, warmup=bad)),
    *each("time_inference", "rng", RNG, lambda w, bad: mp.time_inference(w.net, w.x, rng=bad)),
    *each("compare", "models", _several("models", "compare"), lambda w, bad: _compare(w, models=bad)),
    *each("compare", "split", PAIRS, lambda w, bad: _compare(w, split=bad)),
    *each("compare", "x", FEATURES, lambda w, bad: _compare(w, split=(bad, w.y)), "evaluate"),
    *each("compare", "y", LABELS, lambda w, bad: _compare(w, split=(w.x, bad)), "evaluate"),
    *each("compare", "batch_sizes[0]", whole(), lambda w, bad: _compare(w, batch_sizes=[bad])),
    *each("compare", "batch_sizes", [
        (bad, VALUE, f"{{p}} must hold at least one whole number, got {bad!r} in {{fn}}()") for bad in ((), "16", 16)
    ], lambda w, bad: _compare(w, batch_sizes=bad)),
    *each("compare", "seconds", POSITIVE, lambda w, bad: _compare(w, seconds=bad)),
    *each("compare", "rounds", whole(), lambda w, bad: _compare(w, rounds=bad)),
    *each("compare", "recall", UP_TO_ONE, lambda w, bad: _compare(w, recall=bad), "evaluate"),
    *each("compare", "rng", RNG, lambda w, bad: _compare(w, rng=bad)),
    *rows("compare", (lambda w: _compare(w, baseline="Ent"), VALUE,
                      mistyped("Ent", ["net"], "net", "compare", "baseline"))),
    *each("breakeven", "widths[0]", [line for line in whole() if not isinstance(line[0], tuple | list)],
          lambda w, bad: _breakeven(widths=[bad])),
    *each("breakeven", "widths[0][1]", whole(), lambda w, bad: _breakeven(widths=[[4, bad]])),
    *each("breakeven", "sparsities[0]", BELOW_ONE, lambda w, bad: _breakeven(sparsities=[bad])),
    *each("breakeven", "batch_sizes[0]",
          whole(1, (HUGE, VALUE, f"{{p}} must be at most 67108864, got {HUGE} in {{fn}}()")),
          lambda w, bad: _breakeven(batch_sizes=[bad])),
    *each("breakeven", "depth", whole(1, (HUGE, VALUE, f"{{p}} must be at most 1000, got {HUGE} in {{fn}}()")),
          lambda w, bad: _breakeven(depth=bad)),
    *each("breakeven", "seconds", POSITIVE, lambda w, bad: _breakeven(seconds=bad)),
    *each("breakeven", "rounds", whole(), lambda w, bad: _breakeven(rounds=bad)),
    *each("breakeven", "rng", RNG, lambda w, bad: _breakeven(rng=bad)),
    *rows(
        "breakeven",
        (lambda w: _breakeven(widths=8), TYPE, "widths must be a sequence, got int 8 in breakeven()"),
        (lambda w: _breakeven(widths=[]), VALUE, "widths must hold at least one entry, got none in breakeven()"),
        (lambda w: _breakeven(widths=[[4]]), VALUE,
         "widths[0] must hold inputs and outputs at least, got [4] in breakeven()"),
        (lambda w: _breakeven(widths=[8, 8]), VALUE, "widths must be different, got 8 twice in breakeven()"),
        (lambda w: _breakeven(patterns=[3]), TYPE, "pattern must be a Pattern, got 3 in breakeven()"),
    ),
    *each("replay", "models", _several("models", "replay")[1:], lambda w, bad: _replay(w, models=bad)),
    *each("replay", "x", FEATURES, lambda w, bad: _replay(w, x=bad)),
    *each("replay", "rate", POSITIVE, lambda w, bad: _replay(w, rate=bad)),
    *each("replay", "seconds", POSITIVE, lambda w, bad: _replay(w, seconds=bad)),
    *each("replay", "budget", POSITIVE, lambda w, bad: _replay(w, budget=bad)),
    *each("replay", "slices", whole(), lambda w, bad: _replay(w, slices=bad)),
    *each("replay", "rng", RNG, lambda w, bad: _replay(w, rng=bad)),
    *rows("replay", (lambda w: _replay(w, rate=1e12), VALUE,
                     "rate must leave at most 10,000,000 requests in 0.01 s, got 1e+12 in replay()")),
    *each("reinitialised", "network", network(), lambda w, bad: mp.reinitialised(bad)),
    *each("reinitialised", "rng", RNG, lambda w, bad: mp.reinitialised(w.net, rng=bad)),
    *each("smaller", "network", network(), lambda w, bad: mp.smaller(bad, 10)),
    *each("smaller", "weights", whole(1, (HUGE, VALUE, f"{{p}} must be at most 42, got {HUGE} in {{fn}}()")),
          lambda w, bad: mp.smaller(w.net, bad)),
    *each("smaller", "rng", RNG, lambda w, bad: mp.smaller(w.net, 10, rng=bad)),
    *rows("smaller", (lambda w: mp.smaller(mp.Network.mlp([4, 2], rng=0), 2), VALUE,
                      "network must have a hidden layer to shrink, got a single Dense in smaller()")),
]  # fmt: skip


def _sweep(w, **asked):
    asked = {"build": lambda seed: w.net.copy(), "criteria": [mp.Magnitude()], "sparsities": [0.5], "seeds": [0],
             "train": lambda network, seed: None, "evaluate": lambda network: 1.0, "workers": 0} | asked  # fmt: skip
    return mp.sweep(*[asked.pop(name) for name in ("build", "criteria", "sparsities", "seeds")], **asked)


SWEEPS = [
    *each("sweep", "sparsities[0]", BELOW_ONE, lambda w, bad: _sweep(w, sparsities=[bad])),
    *each("sweep", "seeds[0]", whole(0), lambda w, bad: _sweep(w, seeds=[bad])),
    *each("sweep", "latency", whole(), lambda w, bad: _sweep(w, latency=bad)),
    *each("sweep", "workers", whole(0), lambda w, bad: _sweep(w, workers=bad)),
    *(row for name in ("build", "train", "evaluate", "finetune") for row in rows("sweep", (
        lambda w, name=name: _sweep(w, **{name: 3}), TYPE, f"{name} must be a function, got int 3 in sweep()"))),
    *(row for name, bad in (("sparsities", 0.5), ("seeds", 3), ("controls", "dense")) for row in rows("sweep", (
        lambda w, name=name, bad=bad: _sweep(w, **{name: bad}), TYPE,
        f"{name} must be a sequence, got {type(bad).__name__} {bad!r} in sweep()"))),
    *rows(
        "sweep",
        (lambda w: _sweep(w, criteria=[]), VALUE, "criteria must hold at least one, got none in sweep()"),
        (lambda w: _sweep(w, criteria=[3]), TYPE, "criterion must be a Criterion, got 3 in sweep()"),
        (lambda w: _sweep(w, controls=["Densse"]), VALUE, mistyped(
            "Densse", ["dense", "random", "shuffled", "reinitialised", "small_dense"], "dense", "sweep", "controls")),
        (lambda w: _sweep(w, folder=3), TYPE, "folder must be a str or a Path, got int 3 in sweep()"),
        (lambda w: _sweep(w, executor=3, workers=None), TYPE,
         "executor must be a concurrent.futures.Executor, got int in sweep()"),
        (lambda w: _sweep(w, criteria=[mp.Saliency(w.loss)]), VALUE,
         "Saliency(SoftmaxCrossEntropy()) needs data: pass data=(x, y), or a Split, to sweep()"),
        (lambda w: _sweep(w, sparsities=[0.99]), mp.BudgetError,
         "pruning 42 of 42 weights would empty dense1.weight: at most 40 can go with min_keep=1 weight(s) a layer, a "
         "sparsity of 0.95238, in plan()"),
    ),
    *rows(
        "Sweep",
        (lambda w: SWEEP.summary("Acuracy"), VALUE, mistyped("Acuracy", ["accuracy"], "accuracy", "summary", "metric")),
        (lambda w: SWEEP.table(3), VALUE, "metric must be a known name, got 3 in table(); known: accuracy"),
        (lambda w: SWEEP.to_csv(3), TYPE, "path must be a str or a Path, got int 3 in to_csv()"),
    ),
]  # fmt: skip


def _quality(w, points, metric="AUC", **more):
    return mp.plot_quality(points, metric=metric, **more)


_TITLED = {
    "plot_masks": lambda w, title: mp.plot_masks(w.net, title=title),
    "plot_weights": lambda w, title: mp.plot_weights(w.net, title=title),
    "plot_activity": lambda w, title: mp.plot_activity(mp.analyze(w.net, w.x), title=title),
    "plot_history": lambda w, title: mp.plot_history(w.history, title=title),
    "plot_quality": lambda w, title: _quality(w, {"a": [(0.5, 1)]}, title=title),
    "plot_where_it_pays": lambda w, title: mp.plot_where_it_pays([ROW], title=title),
    "plot_sweep": lambda w, title: mp.plot_sweep(SWEEP, title=title),
}
PLOTS = [
    *(row for name, do in _TITLED.items() for row in rows(
        name,
        (lambda w, do=do: do(w, 3), TYPE, f"title must be a string, got int 3 in {name}()"),
        (lambda w, do=do: do(w, " "), VALUE, f"title must not be empty, got ' ' in {name}()"),
    )),
    *each("plot_masks", "network", network(), lambda w, bad: mp.plot_masks(bad)),
    *(row for name, kind, parameter, maker in (
        ("plot_activity", "a Complexity", "complexity", "analyze"),
        ("plot_latency", "a Comparison", "comparison", "compare"),
        ("plot_breakeven", "a Breakeven", "found", "breakeven"), ("plot_replay", "a Replay", "found", "replay"),
        ("plot_sweep", "a Sweep", "sweep", "sweep"),
    ) for row in rows(name, (lambda w, name=name: getattr(mp, name)(w.net), TYPE,
                             f"{parameter} must be {kind}, got Network in {name}(); see {maker}()"))),
    *rows(
        "plot_weights",
        (lambda w: mp.plot_weights(3), TYPE, "networks must be a Network or a dict of names to them, got int in "
         "plot_weights()"),
        (lambda w: mp.plot_weights({}), VALUE, "networks must hold at least one Network, got none in plot_weights()"),
        (lambda w: mp.plot_weights(w.net, layer="Dense1.wieght"), VALUE, mistyped(
            "Dense1.wieght", ["dense1.weight", "dense2.weight"], "dense1.weight", "plot_weights", "layer")),
    ),
    *rows(
        "plot_history",
        (lambda w: mp.plot_history([1]), TYPE, "history must be a History or a dict of names to them, got list in "
         "plot_history()"),
        (lambda w: mp.plot_history(mp.History()), VALUE,
         "history must hold at least one epoch with a loss, got none in plot_history()"),
        (lambda w: mp.plot_history(mp.History({"epoch": [1], "loss": [NAN]})), VALUE,
         "loss of history must be finite, got 1 NaN or infinite in plot_history(), the first at (0,): nan"),
    ),
    *each("plot_quality", "sparsity of rows['a'][0]", BELOW_ONE, lambda w, bad: _quality(w, {"a": [(bad, 1)]})),
    *each("plot_quality", "value of rows['a'][0]", real("finite"), lambda w, bad: _quality(w, {"a": [(0.5, bad)]})),
    *each("plot_quality", "baseline", real("finite"), lambda w, bad: _quality(w, {"a": [(0.5, 1)]}, baseline=bad)),
    *each("plot_where_it_pays", "width of rows[0]", whole(),
          lambda w, bad: mp.plot_where_it_pays([ROW | {"width": bad}])),
    *each("plot_where_it_pays", "speedup of rows[0]", POSITIVE,
          lambda w, bad: mp.plot_where_it_pays([ROW | {"speedup": bad}])),
    *rows(
        "plot_where_it_pays",
        (lambda w: mp.plot_where_it_pays(ROW), TYPE, "rows must be dicts in a list, got dict in plot_where_it_pays()"),
        (lambda w: mp.plot_where_it_pays([]), VALUE, "rows must hold at least one dict, got none in "
         "plot_where_it_pays()"),
    ),
    *rows(
        "plot_sweep",
        (lambda w: mp.plot_sweep(SWEEP, against="Sparsty"), VALUE,
         mistyped("Sparsty", ["sparsity", "latency"], "sparsity", "plot_sweep", "against")),
        (lambda w: mp.plot_sweep(SWEEP, metric="Acuracy"), VALUE,
         mistyped("Acuracy", ["accuracy"], "accuracy", "plot_sweep", "metric")),
    ),
]  # fmt: skip


def _cut(w, **asked):
    return mp.datasets.split(**{"x": w.x, "y": w.y} | asked)


_FRACTIONS = "fractions must be three positive numbers with sum 1, got {} in split()"
DATA = [
    *rows(
        "datasets.load",
        (lambda w: mp.datasets.load("Credti"), VALUE, mistyped("Credti", SETS, "credit", "load", "name")),
        (lambda w: mp.datasets.load(3), VALUE, f"name must be a known name, got 3 in load(); known: {', '.join(SETS)}"),
    ),
    *each("datasets.split", "y", LABELS[2:], lambda w, bad: _cut(w, y=bad), "split"),
    *each("datasets.split", "rng", RNG, lambda w, bad: _cut(w, rng=bad), "split"),
    *rows(
        "datasets.split",
        (lambda w: _cut(w, y=np.arange(20) - 1), VALUE, "y must be in 0 … 999999, got -1 at 0 in split()"),
        (lambda w: _cut(w, x=np.ones(4)), VALUE,
         "x must have shape (rows, features), neither 0, got (4,) in split(); one column is x[:, None]"),
        (lambda w: _cut(w, x=holed(NAN)), VALUE,
         "x must be finite, got 2 NaN or infinite in split(), the first at (1, 3): nan"),
        (lambda w: _cut(w, fractions=(0.5, 0.5)), VALUE, _FRACTIONS.format((0.5, 0.5))),
        (lambda w: _cut(w, fractions=(0.5, 0.6, -0.1)), VALUE, _FRACTIONS.format((0.5, 0.6, -0.1))),
        (lambda w: _cut(w, feature_names=3), TYPE, "feature_names must be a sequence of strings, got 3 in split()"),
        (lambda w: _cut(w, classes="abc"), TYPE, "classes must be a sequence of strings, got 'abc' in split()"),
        (lambda w: _cut(w, feature_names=["a"]), VALUE,
         "feature_names must name each of the 4 columns of train, got 1 in Dataset()"),
        (lambda w: _cut(w, feature_names=[]), VALUE,
         "feature_names must name each of the 4 columns of train, got 0 in Dataset()"),
    ),
    *rows(
        "datasets.Split",
        (lambda w: w.split.take([99]), VALUE, "rows must be in 0 … 19, got 99 in take()"),
        (lambda w: w.split.take([0.5]), TYPE, "rows must be whole numbers, got dtype float64 in take()"),
        (lambda w: mp.datasets.Split(w.x, w.y[:3]), VALUE,
         "y must have shape (20,), one label a row, got (3,) in Split()"),
    ),
    *rows("datasets.Dataset", (lambda w: mp.datasets.Dataset("a", 1, 2, 3, (), ()), TYPE,
                               "train must be a Split, got int in Dataset()")),
]  # fmt: skip
