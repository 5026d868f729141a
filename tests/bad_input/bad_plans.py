"""Bad input to plans, and to what prunes in several steps."""

import numpy as np
from bad_pruning import LOSS, Given
from bad_world import (
    BELOW_ONE,
    FEATURES,
    INF,
    LABELS,
    MASKS,
    NAN,
    NOT_NEGATIVE,
    PAIRS,
    RNG,
    TYPE,
    VALUE,
    each,
    network,
    real,
    rows,
    whole,
)  # fmt: skip

import minprune as mp

FRESH = mp.Network.mlp([4, 2], rng=0)
TOP = float(abs(FRESH.parameters["dense1.weight"].value).max())


def planned(w, **asked):
    return mp.plan(w.net, **{"criterion": mp.Magnitude(), "sparsity": 0.5} | asked)


def _hole(value):
    scores = np.ones((4, 6))
    scores[1, 5] = value
    return scores


_SCORES = [
    (_hole(NAN), "scores of dense1.weight must be finite and non-negative, got 1 that are not in plan(), the first at "
     "(1, 5): nan"),
    (_hole(INF), "scores of dense1.weight must be finite and non-negative, got 1 that are not in plan(), the first at "
     "(1, 5): inf"),
    (_hole(-1), "scores of dense1.weight must be finite and non-negative, got 1 that are not in plan(), the first at "
     "(1, 5): -1.0"),
    *((bad, f"scores of dense1.weight must be a float array of shape (4, 6), got {got} in plan()") for bad, got in [
        (np.ones((6, 4)), "float64 (6, 4)"), (np.ones(24), "float64 (24,)"), (np.ones((4, 6), int), "int64 (4, 6)"),
        (np.ones((4, 6), complex), "complex128 (4, 6)"), (np.ones((4, 6), object), "object (4, 6)"), (None, "NoneType"),
        (np.ma.ones((4, 6)), "a masked array"), ([[1.0]], "list"),
    ]),
]  # fmt: skip
_PARTS = [
    ("criterion", "a Criterion", mp.Magnitude), ("allocation", "an Allocation", mp.Uniform),
    ("pattern", "a Pattern", mp.Unstructured),
]  # fmt: skip


def _parts(call, where, do):
    """Return rows for a criterion, an allocation and a pattern that are none."""
    return [row for name, kind, cls in _PARTS for row in rows(
        call,
        (lambda w, name=name: do(w, name, 3), TYPE, f"{name} must be {kind}, got 3 in {where}()"),
        (lambda w, name=name, cls=cls: do(w, name, cls), TYPE,
         f"{name} must be {kind}, got {cls!r} in {where}(); pass an instance: {cls.__name__}()"),
    )]  # fmt: skip


_EMPTY = (
    "would empty dense1.weight: at most 40 can go with min_keep=1 weight(s) a layer, a sparsity of 0.95238, in plan()"
)
PLANS = [
    *each("plan", "sparsity", BELOW_ONE, lambda w, bad: planned(w, sparsity=bad)),
    *each("plan", "threshold", NOT_NEGATIVE, lambda w, bad: planned(w, sparsity=None, threshold=bad)),
    *each("plan", "min_keep", whole(0), lambda w, bad: planned(w, min_keep=bad)),
    *each("plan", "network", network(), lambda w, bad: mp.plan(bad, mp.Magnitude(), sparsity=0.5)),
    *each("plan", "data", PAIRS[1:], lambda w, bad: planned(w, criterion=mp.Saliency(LOSS), data=bad), "scores"),
    *_parts("plan", "plan", lambda w, name, bad: planned(w, **{name: bad})),
    *(row for bad, text in _SCORES for row in rows("plan", (
        lambda w, bad=bad: planned(w, criterion=Given(bad)), VALUE, text))),
    *rows(
        "plan",
        (lambda w: planned(w, sparsity=None), VALUE,
         "exactly one of sparsity= and threshold= must be given, got neither in plan()"),
        (lambda w: planned(w, threshold=0.1), VALUE,
         "exactly one of sparsity= and threshold= must be given, got both in plan()"),
        (lambda w: planned(w, sparsity=0.99), mp.BudgetError, f"pruning 42 of 42 weights {_EMPTY}"),
        (lambda w: planned(w, sparsity=0.9, min_keep=5), mp.BudgetError,
         "pruning 38 of 42 weights would empty dense1.weight: at most 32 can go with min_keep=5 weight(s) a layer, a "
         "sparsity of 0.761904, in plan()"),
        (lambda w: planned(w, sparsity=0.5, allocation=mp.PerLayer({"dense1": 0.5})), VALUE,
         "PerLayer({'dense1.weight': 0.5}) sets each layer's sparsity: leave out sparsity= and threshold= in plan()"),
        (lambda w: planned(w, sparsity=None, threshold=0.1, allocation=mp.Uniform()), VALUE,
         "threshold= needs no allocation, got Uniform() in plan()"),
        (lambda w: mp.plan(FRESH, mp.Magnitude(), threshold=1e30), mp.BudgetError,
         f"threshold must be at most {TOP:g} to leave 1 weight(s) in dense1.weight (min_keep), got 1e+30 in plan()"),
    ),
    *each("Plan.apply", "network", network(), lambda w, bad: w.plan.apply(bad), "apply"),
    *each("Plan.apply_in_place", "network", network(), lambda w, bad: w.plan.apply_in_place(bad), "apply_in_place"),
    *rows(
        "Plan.apply",
        (lambda w: w.plan.apply(mp.Network.mlp([4, 3], rng=0)), VALUE,
         "network must have the layers planned for, {'dense1.weight': (4, 6), 'dense2.weight': (6, 3)}, got "
         "{'dense1.weight': (4, 3)} in apply()"),
    ),
    *rows(
        "Plan.explain",
        (lambda w: w.plan.explain("Dense1.wieght", (0, 0)), VALUE,
         "name must be a prunable weight, got 'Dense1.wieght' in explain(); did you mean 'dense1.weight'? Known: "
         "dense1.weight, dense2.weight"),
        (lambda w: w.plan.explain(3, (0, 0)), VALUE,
         "name must be a prunable weight, got 3 in explain(); known: dense1.weight, dense2.weight"),
        (lambda w: w.plan.explain("dense1.weight", 3), VALUE,
         "index must be 2 whole numbers (input, output), got 3 in explain()"),
        (lambda w: w.plan.explain("dense1.weight", (0, 6)), VALUE, "index must be at most 5, got 6 in explain()"),
        (lambda w: w.plan.explain("dense1.weight", (0, 1.0)), TYPE,
         "index must be a whole number, got float 1.0 in explain()"),
    ),
]  # fmt: skip

OF_ALL = [line for line in MASKS if not isinstance(line[0], bool)]
MASKINGS = [
    *(row for name, call in (("compose", mp.compose), ("shuffled", mp.shuffled)) for row in [
        *each(name, "w", OF_ALL, lambda w, bad, call=call: call({"w": bad})),
        *rows(name, (lambda w, call=call: call([w.weight.mask]), TYPE,
                     f"masks must be a mapping of names to masks, got list in {name}()")),
    ]),
    *rows("compose", (lambda w: mp.compose(w.masks, {"dense1.weight": np.ones((6, 4), bool)}), VALUE,
                      "mask of dense1.weight must have shape (4, 6), got (6, 4) in compose()")),
    *each("shuffled", "rng", RNG, lambda w, bad: mp.shuffled(w.masks, rng=bad)),
]  # fmt: skip


def _pruner(w, **asked):
    return mp.Pruner(**{"criterion": mp.Magnitude(), "sparsity": 0.5} | asked)


def _iterate(w, **asked):
    asked = {"network": w.net, "criterion": mp.Magnitude(), "sparsity": 0.6, "rounds": 1, "train": print} | asked
    return mp.prune_iteratively(asked.pop("network"), asked.pop("criterion"), **asked)


def _ticket(w, **asked):
    asked = {"network": w.net, "train": w.data, "sparsity": 0.6, "rounds": 1, "loss": LOSS, "optimizer": mp.SGD(0.1),
             "epochs": 1, "rng": w.rng} | asked  # fmt: skip
    return mp.lottery_ticket(asked.pop("network"), asked.pop("train"), **asked)


def _steps(call, do):
    """Return rows for what all that prunes in several steps has in common."""
    return [
        *each(call, "sparsity", BELOW_ONE, lambda w, bad: do(w, sparsity=bad)),
        *each(call, "min_keep", whole(0), lambda w, bad: do(w, min_keep=bad)),
        *_parts(call, call, lambda w, name, bad: do(w, **{name: bad})),
        *rows(
            call,
            (lambda w: do(w, schedule=0.5), TYPE, f"schedule must be a Schedule, got 0.5 in {call}()"),
            (lambda w: do(w, sparsity=None), VALUE, f"sparsity must be given, got None in {call}()"),
            (lambda w: do(w, allocation=mp.PerLayer({"dense1": 0.5})), VALUE,
             f"sparsity must be left out: the allocation sets it, got {0.5 if call == 'Pruner' else 0.6} in {call}()"),
        ),
    ]  # fmt: skip


WAYS = [
    *_steps("Pruner", _pruner),
    *_steps("prune_iteratively", _iterate),
    *_steps("lottery_ticket", _ticket),
    *each("Pruner", "samples", whole(), lambda w, bad: _pruner(w, samples=bad)),
    *rows(
        "Pruner",
        (lambda w: _pruner(w, regrow=0.3), TYPE, "regrow must be a Regrowth, got 0.3 in Pruner()"),
        (lambda w: _pruner(w, regrow=mp.SET), TYPE,
         f"regrow must be a Regrowth, got {mp.SET!r} in Pruner(); pass an instance: SET(…)"),
        (lambda w: _pruner(w, regrow=mp.SET(), pattern=mp.Neurons()), VALUE,
         "regrow needs a pattern whose units share no weights, got Neurons(reduce='mean_square') in Pruner(): a neuron "
         "that grew would bring weights of other neurons with it"),
        (lambda w: _pruner(w, regrow=mp.SET(), schedule=mp.OneShot()), VALUE,
         "regrow needs a schedule of several updates, as nothing comes back at the last, got OneShot(at=0.5) in "
         "Pruner(): such as Constant()"),
    ),
    *each("prune_iteratively", "network", network(), lambda w, bad: _iterate(w, network=bad)),
    *each("prune_iteratively", "rounds", whole(), lambda w, bad: _iterate(w, rounds=bad)),
    *rows(
        "prune_iteratively",
        (lambda w: _iterate(w, train=3), TYPE, "train must be a function of a network, got 3 in prune_iteratively()"),
        (lambda w: _iterate(w, sparsity=0.99), mp.BudgetError, f"pruning 42 of 42 weights {_EMPTY}"),
        (lambda w: _iterate(w, criterion=mp.Saliency(LOSS)), VALUE,
         "Saliency(SoftmaxCrossEntropy()) needs data: pass data=(x, y) or a Split to plan()"),
    ),
    *each("lottery_ticket", "train", PAIRS, lambda w, bad: _ticket(w, train=bad)),
    *each("lottery_ticket", "x of train", FEATURES, lambda w, bad: _ticket(w, train=(bad, w.y))),
    *each("lottery_ticket", "y", LABELS, lambda w, bad: _ticket(w, train=(w.x, bad))),
    *(row for name in ("rounds", "epochs", "batch_size")
      for row in each("lottery_ticket", name, whole(), lambda w, bad, name=name: _ticket(w, **{name: bad}))),
    *each("lottery_ticket", "rewind_to", whole(0, (1, VALUE, "{p} must be at most 0, got 1 in {fn}()")),
          lambda w, bad: _ticket(w, rewind_to=bad)),
    *each("lottery_ticket", "rng", RNG, lambda w, bad: _ticket(w, rng=bad)),
    *rows(
        "lottery_ticket",
        (lambda w: _ticket(w, network=3), TYPE, "network must be a Network, got int 3 in lottery_ticket()"),
        (lambda w: _ticket(w, loss=3), TYPE, "loss must be a Loss, got int 3 in lottery_ticket()"),
        (lambda w: _ticket(w, optimizer=3), TYPE, "optimizer must be an Optimizer, got int 3 in lottery_ticket()"),
        (lambda w: _ticket(w, callbacks=print), TYPE, f"callbacks must be a sequence, got {print!r} in fit()"),
        (lambda w: _ticket(w, penalty=3), TYPE, "penalty must be a Penalty, got int 3 in fit()"),
        (lambda w: _ticket(w, patience=3), VALUE, "patience needs validation data: pass valid= to fit()"),
        (lambda w: _ticket(w, Valid=3), TYPE,
         "lottery_ticket() takes no 'Valid'; did you mean 'valid'? Known: penalty, valid, patience, callbacks, "
         "sample_weight"),
        (lambda w: _ticket(w, sparsity=0.99), mp.BudgetError, f"pruning 42 of 42 weights {_EMPTY}"),
    ),
    *each("Ticket", "which", real("in [0, 1]", -0.5, 1.5), lambda w, bad: w.ticket.at(bad), "at"),
    *each("Ticket", "rng", RNG, lambda w, bad: w.ticket.reinitialised(rng=bad), "reinitialised"),
    *each("Ticket", "rng", RNG, lambda w, bad: w.ticket.shuffled(rng=bad), "shuffled"),
    *rows("Ticket", (lambda w: w.ticket.at(2), VALUE, "which must be at most 1, got 2 in at()")),
]  # fmt: skip
