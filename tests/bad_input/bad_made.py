"""Bad input to what a call returns and a user may build as well: histories, curves, sweeps, plans, packed formats.

And networks whose numbers grow too large on the way, so that what they would return is not finite.
"""

from dataclasses import replace

import numpy as np
from bad_fitting import overflowing
from bad_study import ASKED
from bad_world import INF, NAN, TYPE, VALUE, each, rows, whole

import minprune as mp
from minprune.inference.panels import Group
from minprune.pruning.allocation import Curves

A, B = "dense1.weight", "dense2.weight"


def _curves(base=0.5, sparsities=None, losses=None, recipe=""):
    return Curves(base, {A: (0.0, 0.9)} if sparsities is None else sparsities,
                  {A: (0.5, 0.7)} if losses is None else losses, recipe)  # fmt: skip


def _sweep(records=({},), metrics=("accuracy",)):
    if isinstance(records, tuple):
        records = tuple(ASKED | {"accuracy": 1.0} | r if isinstance(r, dict) else r for r in records)
    return mp.Sweep(records, metrics)


RESULTS = [
    *rows(
        "History",
        (lambda w: mp.History(3), TYPE, "columns must be a dict of lists, got int in History()"),
        (lambda w: mp.History({3: [1]}), TYPE, "columns must map names to lists of numbers, got 3: [1] in History()"),
        (lambda w: mp.History({"loss": 3}), TYPE,
         "columns must map names to lists of numbers, got 'loss': 3 in History()"),
        (lambda w: mp.History({"epoch": [1], "loss": ["x"]}), TYPE, "loss must be a number, got str 'x' in History()"),
        (lambda w: mp.History({"epoch": [1, 2], "loss": [3]}), VALUE, "loss must have 2 entries, got 1 in History()"),
        (lambda w: mp.History(best_epoch="last"), TYPE,
         "best_epoch must be a whole number, got str 'last' in History()"),
        (lambda w: mp.History(best_epoch=0), VALUE, "best_epoch must be at least 1, got 0 in History()"),
        (lambda w: mp.History(stopped=None), TYPE, "stopped must be a string, got None in History()"),
    ),
    *each("sensitivity", "base", [
        ("x", TYPE, "{p} must be a number, got str 'x' in {fn}()"),
        (NAN, VALUE, "{p} must be finite, got nan in {fn}()"),
    ], lambda w, bad: _curves(base=bad), "Curves"),
    *rows(
        "sensitivity",
        (lambda w: _curves(sparsities=3), TYPE, "sparsities must be a dict of layers to numbers, got 3 in Curves()"),
        (lambda w: _curves(losses=[]), TYPE, "losses must be a dict of layers to numbers, got [] in Curves()"),
        (lambda w: _curves(losses={}), VALUE,
         "sparsities and losses must be of the same layers, got dense1.weight and none in Curves()"),
        (lambda w: _curves(losses={B: (0.5, 0.7)}), VALUE,
         "sparsities and losses must be of the same layers, got dense1.weight and dense2.weight in Curves()"),
        (lambda w: _curves(0.5, {3: (0.0,)}, {3: (0.1,)}), TYPE,
         "losses must go by the names of layers, got 3 in Curves()"),
        (lambda w: _curves(losses={A: (0.5,)}), VALUE,
         "losses['dense1.weight'] must have 2 entries, as sparsities has, got 1 in Curves()"),
        (lambda w: _curves(losses={A: ()}), VALUE,
         "losses['dense1.weight'] must hold at least one number, got () in Curves()"),
        (lambda w: _curves(losses={A: (0.5, INF)}), VALUE,
         "losses['dense1.weight'] must be finite, got inf in Curves()"),
        (lambda w: _curves(losses={A: "ab"}), TYPE,
         "losses['dense1.weight'] must hold real numbers, got dtype <U2 in Curves()"),
        (lambda w: _curves(sparsities={A: (0.9, 0.0)}), VALUE,
         "sparsities['dense1.weight'] must rise, got [0.9, 0.0] in Curves()"),
        (lambda w: _curves(sparsities={A: (0.0, 1.3)}), VALUE,
         "sparsities['dense1.weight'] must be in [0, 1], got 1.3 in Curves()"),
        (lambda w: _curves(recipe=3), TYPE, "recipe must be a string, got 3 in Curves()"),
        (lambda w: _curves().cost("dense1.wieght", 0.5), VALUE,
         "'dense1.wieght' is no layer of these curves; did you mean 'dense1.weight'? Known: dense1.weight"),
    ),
    *rows(
        "Sweep",
        (lambda w: _sweep(()), TYPE, "records must be a tuple with at least one entry, got () in Sweep()"),
        (lambda w: _sweep([]), TYPE, "records must be a tuple with at least one entry, got [] in Sweep()"),
        (lambda w: _sweep((3,)), TYPE, "records[0] must be a dict, got int in Sweep()"),
        (lambda w: _sweep(metrics="accuracy"), TYPE,
         "metrics must be a tuple with at least one entry, got 'accuracy' in Sweep()"),
        (lambda w: _sweep(metrics=(3,)), TYPE, "metrics must hold names, got 3 in Sweep()"),
        (lambda w: _sweep(metrics=("auc",)), VALUE,
         "records[0] must have 'auc', got control, criterion, allocation, pattern, sparsity, seed, accuracy in "
         "Sweep()"),
        (lambda w: mp.Sweep(({"accuracy": 1.0},)), VALUE,
         "records[0] must have 'control', got accuracy in Sweep()"),
        (lambda w: _sweep(({"accuracy": "high"},)), TYPE,
         "accuracy of records[0] must be a number, got 'high' in Sweep()"),
        (lambda w: _sweep(({}, {"sparsity": 90})), VALUE,
         "sparsity of records[1] must be in [0, 1), got 90 in Sweep()"),
    ),
    *rows(
        "Plan",
        (lambda w: replace(w.plan, masks=3), TYPE, "masks must be a mapping of names to arrays, got 3 in Plan()"),
        (lambda w: replace(w.plan, scores=None), TYPE,
         "scores must be a mapping of names to arrays, got None in Plan()"),
        (lambda w: replace(w.plan, values=[]), TYPE, "values must be a mapping of names to arrays, got [] in Plan()"),
        (lambda w: replace(w.plan, layers=3), TYPE, "layers must be a tuple of LayerPlans, got 3 in Plan()"),
        (lambda w: replace(w.plan, masks={A: np.ones(2)}), TYPE,
         "mask of dense1.weight must be a bool array, got dtype float64 in Plan()"),
        (lambda w: replace(w.plan, masks={A: w.plan.masks[A]}), VALUE,
         "masks must have dense2.weight, a layer of the plan, in Plan()"),
        (lambda w: replace(w.plan, requested=0.9), TYPE, "requested must be a whole number, got float 0.9 in Plan()"),
        (lambda w: replace(w.plan, achieved=-1), VALUE, "achieved must be at least 0, got -1 in Plan()"),
        (lambda w: replace(w.plan, _decision=None), TYPE,
         "a Plan is made by plan(), which knows its reasons, got None in Plan()"),
    ),
]  # fmt: skip

EYE, PANEL = np.eye(2), np.ones((1, 2, 2))


def _packed(values=EYE, rows=(0, 1), columns=(0, 2), shape=(2, 3), nnz=2):
    return mp.PackedDense(values, np.array(rows), np.array(columns), shape, nnz)


def _ell(values=EYE, columns=((0, 1), (1, 2)), places=None, shape=(2, 3), dtype="f8", nnz=2):
    return mp.ELL([(values, np.array(columns))], places, shape, dtype, nnz)


def _group(values=PANEL, columns=((0, 2),), starts=(0,), heights=(2,), widths=(2,)):
    return Group(values, np.array(columns), np.array(starts), np.array(heights), np.array(widths))


def _panels(*groups, shape=(2, 3), dtype="f8", nnz=4, together=True):
    return mp.Panels(list(groups) or [_group()], shape, dtype, nnz, together)


_SHAPES = [
    *((bad, TYPE, f"shape must be (rows, columns), got {bad!r} in {{fn}}()") for bad in (4, (1, 2, 3), [2, 3])),
    *(((2, bad), *more) for bad, *more in whole(0)),
]
_ENTRIES = [
    (np.ones((2, 2), int), VALUE, "dtype must be float32 or float64, got int64 in {fn}()"),
    (np.ones((2, 2), object), TYPE, "values must hold real numbers, got dtype object in {fn}()"),
    (np.ones(2), VALUE, "values must have 2 dimensions, got shape (2,) in {fn}()"),
]
_OFTEN = [*whole(0, (9, VALUE, "{p} must be at most 4, got 9 in {fn}()"))]
_PER_SLICE = [(bad, error, text.replace("values", "values of slices[0]")) for bad, error, text in _ENTRIES]
FORMATS = [
    *each("DenseMatrix", "values", _ENTRIES, lambda w, bad: mp.DenseMatrix(bad, 2)),
    *each("DenseMatrix", "nnz", _OFTEN, lambda w, bad: mp.DenseMatrix(EYE, bad)),
    *each("PackedDense", "values", _ENTRIES, lambda w, bad: _packed(values=bad)),
    *each("PackedDense", "shape", _SHAPES, lambda w, bad: _packed(shape=bad)),
    *each("PackedDense", "nnz", _OFTEN, lambda w, bad: _packed(nnz=bad)),
    *rows(
        "PackedDense",
        (lambda w: _packed(rows=(0, 2)), VALUE, "rows must be in [0, 2), got 2 in PackedDense()"),
        (lambda w: _packed(rows=(-1, 0)), VALUE, "rows must be in [0, 2), got -1 in PackedDense()"),
        (lambda w: _packed(rows=(1, 0)), VALUE, "rows must rise, got [1 0] in PackedDense()"),
        (lambda w: _packed(columns=(0.0, 2.0)), TYPE, "columns must hold integers, got dtype float64 in PackedDense()"),
        (lambda w: _packed(columns=((0, 2),)), VALUE,
         "columns must have one dimension, got shape (1, 2) in PackedDense()"),
        (lambda w: _packed(columns=(0, 1, 2)), VALUE,
         "values must have shape (2, 3), a row for each of rows and a column for each of columns, got (2, 2) in "
         "PackedDense()"),
    ),
    *each("ELL", "values", _PER_SLICE, lambda w, bad: _ell(values=bad)),
    *each("ELL", "shape", _SHAPES, lambda w, bad: _ell(shape=bad)),
    *each("ELL", "nnz", _OFTEN, lambda w, bad: _ell(nnz=bad)),
    *rows(
        "ELL",
        (lambda w: mp.ELL(3, None, (2, 3), "f8", 2), TYPE,
         "slices must be a list of pairs (values, columns) in ELL()"),
        (lambda w: mp.ELL([EYE], None, (2, 3), "f8", 2), TYPE,
         "slices must be a list of pairs (values, columns) in ELL()"),
        (lambda w: _ell(dtype="f4"), VALUE, "values of slices[0] must have dtype float32, got float64 in ELL()"),
        (lambda w: _ell(dtype="i8"), VALUE, "dtype must be float32 or float64, got int64 in ELL()"),
        (lambda w: _ell(columns=((0, 1), (1, 3))), VALUE, "columns of slices[0] must be in [0, 3), got 3 in ELL()"),
        (lambda w: _ell(columns=((0, 1),)), VALUE,
         "columns of slices[0] must have shape (2, 2), got shape (1, 2) in ELL()"),
        (lambda w: _ell(shape=(3, 3)), VALUE, "places must say where the 3 rows are, 2 stored, got None in ELL()"),
        (lambda w: _ell(places=np.array([0, 0])), VALUE, "places must name each of the 2 stored rows once in ELL()"),
        (lambda w: _ell(places=np.array([0, 3])), VALUE, "places must be in [0, 3), got 3 in ELL()"),
        (lambda w: _ell(places=np.array([0, 1, 2])), VALUE, "places must have shape (2,), got shape (3,) in ELL()"),
    ),
    *each("Panels", "shape", _SHAPES, lambda w, bad: _panels(shape=bad)),
    *each("Panels", "nnz", _OFTEN, lambda w, bad: _panels(nnz=bad)),
    *rows(
        "Panels",
        (lambda w: _panels(together="no"), TYPE, "together must be True or False, got 'no' in Panels()"),
        (lambda w: _panels(3), TYPE, "groups must be a list of Groups, got list in Panels()"),
        (lambda w: _panels(dtype="f4"), VALUE, "values of groups[0] must have dtype float32, got float64 in Panels()"),
        (lambda w: _panels(dtype="i8"), VALUE, "dtype must be float32 or float64, got int64 in Panels()"),
        (lambda w: _panels(_group(columns=((0, 3),))), VALUE, "columns must be in [0, 3), got 3 in Panels()"),
        (lambda w: _panels(_group(starts=(1,))), VALUE, "panels must lie apart within 2 rows in Panels()"),
        (lambda w: _panels(_group(), _group(starts=(1,)), shape=(9, 3)), VALUE,
         "panels must lie apart within 9 rows in Panels()"),
        (lambda w: _panels(_group(heights=(1,)), together=False), VALUE,
         "groups[0] must hold one panel, not filled up, if not together in Panels()"),
        (lambda w: _group(values=EYE), VALUE, "values must have 3 dimensions, got shape (2, 2) in Group()"),
        (lambda w: _group(columns=((0, -1),)), VALUE, f"columns must be in [0, {2**63 - 1}), got -1 in Group()"),
        (lambda w: _group(columns=(0, 2)), VALUE, "columns must have shape (1, 2), got shape (2,) in Group()"),
        (lambda w: _group(heights=(3,)), VALUE, "heights must be in [0, 3), got 3 in Group()"),
        (lambda w: _group(widths=(3,)), VALUE, "widths must be in [0, 3), got 3 in Group()"),
        (lambda w: _group(starts=(0.5,)), TYPE, "starts must hold integers, got dtype float64 in Group()"),
    ),
]  # fmt: skip

ONES = np.ones((2, 4))
OUTPUT = "the {}'s output must be finite, got 6 NaN or infinite in {}(), the first at (0, 0): inf"
FROM = "; not finite from dense1 on"
LOSS = mp.SoftmaxCrossEntropy()


def _program():
    return mp.compile(overflowing(), kernels="dense")


OVERFLOWS = [
    *rows("Network", (lambda w: overflowing()(ONES), VALUE, OUTPUT.format("network", "Network") + FROM)),
    *rows("Network.predict", (lambda w: overflowing().predict(ONES, batch_size=1), VALUE,
                              OUTPUT.format("network", "predict") + FROM)),
    *rows(
        "Program",
        (lambda w: _program()(ONES), VALUE, OUTPUT.format("program", "Program")),
        (lambda w: _program().predict(ONES), VALUE, OUTPUT.format("program", "Program")),
        (lambda w: _program().predict_proba(ONES), VALUE, OUTPUT.format("program", "Program")),
    ),
    *rows("analyze", (lambda w: mp.analyze(overflowing(), ONES), VALUE,
                      "the units of dense1 must be finite, got 12 NaN or infinite in analyze(), the first at (0, 0): "
                      "inf")),
    *rows("sensitivity", (lambda w: mp.sensitivity(overflowing(), mp.Magnitude(), (ONES, [0, 1]), loss=LOSS), VALUE,
                          "the loss must be finite, got nan in sensitivity()")),
    *rows("time_inference", (lambda w: mp.time_inference(overflowing(), ONES, seconds=0.001), VALUE,
                             OUTPUT.format("network", "Network").replace("got 6", "got 3") + FROM)),
]  # fmt: skip
