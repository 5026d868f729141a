"""What the laws of planning say of each way to break them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from hypothesis import find
from told import rows_of

import minprune as mp
from minprune.errors import BudgetError
from minprune.testing import Case, network
from minprune.testing.broken.plans import with_masks
from minprune.testing.checks import plan

COMPONENT = "plan"
NET = network(
    [np.array([[1.0, -0.0, 2.0], [3.0, 4.0, 5.0]], np.float32), np.array([[1.0], [2.0], [0.5]], np.float32)],
    biases=[np.array([1.0, 2.0, 3.0], np.float32), None],
    masks=[np.array([[True, True, False], [True, True, True]]), None],
)
FIRST, SECOND = "dense1.weight", "dense2.weight"
SCORES = {FIRST: np.array([[1.0, 5.0, 2.0], [3.0, 4.0, 6.0]]), SECOND: np.array([[7.0], [8.0], [9.0]])}
CASE = Case(network=NET, scores=SCORES, sparsity=0.5, min_keep=0)
LITTLE = Case(network=NET, scores=SCORES, sparsity=0.1, min_keep=0)
ORDER = Case(**vars(CASE), order=[1, 0])
LEAST = Case(network=NET, scores=SCORES, sparsity=0.5, min_keep=2)
MUCH = Case(network=NET, scores=SCORES, sparsity=0.9, min_keep=2)
ALL_BUT_ONE = Case(network=NET, scores=SCORES, sparsity=0.9, min_keep=1)
ONE_LAYER = Case(network=network([np.ones((3, 1))]), scores={FIRST: np.ones((3, 1))}, sparsity=0.9, min_keep=1)
THRESHOLD = Case(**vars(CASE), threshold=4.0)


def changed(change, when=lambda net, request: True):
    """Return the planner with its plan changed, where `when` says so."""

    def plan(net, criterion, **request):
        made = mp.plan(net, criterion, **request)
        return change(made, net) if when(net, request) else made

    return plan


def masked(**masks):
    """Set masks of a plan by hand: ``first=…``, ``second=…``, each a function of the mask."""

    def change(made, net):
        new = {
            name: masks[key](made.masks[name].copy())
            for key, name in (("first", FIRST), ("second", SECOND))
            if key in masks
        }
        return with_masks(made, {**made.masks, **new})

    return change


def applied(change):
    """Return a plan whose network is another."""
    return changed(lambda made, net: Changed(made, change))


class Changed:
    def __init__(self, made, change):
        self.made, self.change = made, change

    def __getattr__(self, name):
        return getattr(self.made, name)

    def apply(self, net):
        return self.change(self.made.apply(net), net)


def with_value(name):
    def change(new, net):
        value = new.parameters[name].value.copy()
        value.reshape(-1)[0] += 1
        new.parameters[name].value = value
        return new

    return change


def with_array(part):
    """Let the new network's parameter have an array of the old one's."""

    def change(new, net):
        name = "dense1.bias" if part == "bias" else SECOND
        fake = SimpleNamespace(**{k: getattr(new.parameters[name], k) for k in ("value", "grad", "mask")})
        setattr(
            fake,
            "value" if part == "bias" else part,
            getattr(net.parameters[name], "value" if part == "bias" else part),
        )
        return SimpleNamespace(parameters={**new.parameters, name: fake})

    return change


def touches(new, net):
    net.dense[1].weight.grad[...] = 5
    return new


def wider(inputs, outputs, result=1):
    return lambda new, net: type(
        "Wide",
        (),
        {
            "inputs": inputs,
            "outputs": outputs,
            "__call__": lambda self, x: np.ones((len(x), result), x.dtype if x.dtype == np.float32 else 0),
        },
    )()


def tail(number):
    """Drop so many more from the end."""

    def change(mask):
        mask.reshape(-1)[mask.size - number :] = False
        return mask

    return change


def second_time(net, request):
    return net.sparsity > 0.2


def at_zero(net, request):
    return request["sparsity"] == 0


def told(**changes):
    """Change what a plan says of itself."""

    def change(made, net):
        layers = tuple(
            replace(layer, achieved=layer.achieved + (layer.name == changes.get("layer"))) for layer in made.layers
        )
        return replace(made, layers=layers, achieved=made.achieved + changes.get("total", 0))

    return change


def at_named(net, criterion, **request):
    """Drop one more when layers are named, and the second first."""
    made = mp.plan(net, criterion, **request)
    allocation = request.get("allocation")
    if allocation is None or next(iter(allocation.sparsities)) == FIRST:
        return made
    return replace(made, achieved=made.achieved + 1)


def no_sparsity_beside(net, criterion, **request):
    if "allocation" in request:
        assert request["sparsity"] is None
        assert set(request["allocation"].sparsities.values()) == {0.5}
    return mp.plan(net, criterion, **request)


def with_threshold(change):
    return lambda net, criterion, *, threshold, **request: mp.plan(
        net, criterion, threshold=change(threshold), **request
    )


def naming(more):
    """Return a planner that names another largest count when it refuses."""

    def plan(net, criterion, **request):
        try:
            return mp.plan(net, criterion, **request)
        except BudgetError as error:
            raise BudgetError(str(error), error.largest + more) from None

    return plan


def lenient_above(net, criterion, **request):
    """Refuse 0.9 and take whatever is less."""
    return mp.plan(net, criterion, **request | ({"min_keep": 0} if request["sparsity"] < 0.9 else {}))


FORGET = lambda net, criterion, **request: mp.plan(net, criterion, **request | {"min_keep": 0})  # noqa: E731

ROWS = [
    ("zero_is_identity", "as it should be", mp.plan, CASE),
    ("zero_is_identity", "a value changed", applied(with_value(SECOND)), CASE),
    (
        "zero_is_identity",
        "two values changed",
        applied(lambda new, net: with_value(SECOND)(with_value("dense1.bias")(new, net), net)),
        CASE,
    ),
    ("zero_is_identity", "a mask changed at 0", changed(masked(second=tail(1)), at_zero), CASE),
    (
        "zero_is_identity",
        "a mask changed at 0.5 only",
        changed(masked(second=tail(1)), lambda n, r: r["sparsity"] == 0.5),
        CASE,
    ),
    ("target_is_idempotent", "as it should be", mp.plan, CASE),
    ("target_is_idempotent", "one more", changed(masked(second=tail(1)), second_time), CASE),
    ("target_is_idempotent", "two more", changed(masked(second=tail(2)), second_time), CASE),
    ("target_is_idempotent", "others of the first", changed(masked(first=lambda m: m[:, ::-1]), second_time), CASE),
    ("target_is_idempotent", "none of the first", changed(masked(first=np.ones_like), second_time), CASE),
    ("pruned_do_not_count", "as it should be", mp.plan, CASE),
    ("pruned_do_not_count", "as it should be, where more is gone", mp.plan, LITTLE),
    ("pruned_do_not_count", "one more", changed(masked(second=tail(1))), CASE),
    ("pruned_do_not_count", "two more", changed(masked(second=tail(2))), CASE),
    ("pruned_do_not_count", "what is gone came back", changed(masked(first=np.ones_like)), LITTLE),
    ("counts_add_up", "as it should be", no_sparsity_beside, ORDER),
    ("counts_add_up", "a layer's count", changed(told(layer=SECOND)), ORDER),
    ("counts_add_up", "the total", changed(told(total=2)), ORDER),
    ("counts_add_up", "the layers in another order", at_named, ORDER),
    ("min_keep", "as it should be", mp.plan, LEAST),
    ("min_keep", "as it should be, in vain", mp.plan, MUCH),
    ("min_keep", "one is left of the second", changed(masked(second=tail(2))), LEAST),
    ("min_keep", "none is left of the second", changed(masked(second=tail(3))), LEAST),
    ("min_keep", "one is left of the first", changed(masked(first=tail(5))), LEAST),
    ("min_keep", "more may be kept than there is", mp.plan, Case(**{**vars(LITTLE), "min_keep": 20})),
    ("min_keep", "it is forgotten", FORGET, Case(network=NET, scores=SCORES, sparsity=0.8, min_keep=2)),
    ("min_keep", "one less is named", naming(-1), MUCH),
    ("min_keep", "two less are named", naming(-2), MUCH),
    ("min_keep", "one more is named", naming(+1), MUCH),
    ("min_keep", "one less is named, of nearly all", naming(-1), ALL_BUT_ONE),
    ("min_keep", "it refuses 0.9 only", lenient_above, MUCH),
    ("min_keep", "it refuses 0.9 only, of nearly all", lenient_above, ALL_BUT_ONE),
    ("min_keep", "as it should be, all but one", mp.plan, ONE_LAYER),
    (
        "min_keep",
        "one is dropped too few for the largest",
        changed(masked(second=np.ones_like), lambda n, r: r["sparsity"] != 0.9),
        MUCH,
    ),
    ("no_revival", "as it should be", mp.plan, LITTLE),
    ("no_revival", "one comes back", changed(masked(first=np.ones_like)), LITTLE),
    (
        "no_revival",
        "in a net with two gone",
        changed(masked(first=np.ones_like)),
        Case(
            **{
                **vars(LITTLE),
                "network": network([np.ones((2, 3)), np.ones((3, 1))], masks=[np.arange(6).reshape(2, 3) > 1, None]),
            }
        ),
    ),
    ("threshold_exact", "as it should be", mp.plan, THRESHOLD),
    ("threshold_exact", "what equals it goes too", with_threshold(lambda t: np.nextafter(t, 9)), THRESHOLD),
    ("threshold_exact", "too low", with_threshold(lambda t: 1.0), THRESHOLD),
    ("threshold_exact", "the second too high", changed(masked(second=tail(2))), THRESHOLD),
    (
        "threshold_exact",
        "what is gone came back",
        changed(masked(first=lambda m: m | (np.arange(6).reshape(2, 3) == 2))),
        THRESHOLD,
    ),
    ("original_untouched", "as it should be", mp.plan, CASE),
    ("original_untouched", "a gradient is written", applied(touches), CASE),
    *(
        ("original_untouched", f"a {part} is shared", applied(with_array(part)), CASE)
        for part in ("value", "grad", "mask", "bias")
    ),
    ("width_kept", "as it should be", mp.plan, CASE),
    ("width_kept", "one input more", applied(wider(3, 1)), CASE),
    ("width_kept", "one output more", applied(wider(2, 2)), CASE),
    ("width_kept", "an answer of another width", applied(wider(2, 1, 4)), CASE),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()


def test_requests_are_drawn_as_they_are_asked_for():
    assert find(plan._requests(min_keep=None)(mp.plan), lambda case: case.min_keep > 2).min_keep == 20
    assert find(plan._requests()(mp.plan), lambda case: True).min_keep == 0
