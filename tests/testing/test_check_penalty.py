"""What the laws of a penalty say of each way to break them."""

import numpy as np
from told import rows_of

import minprune as mp
from minprune.testing import Case, network

COMPONENT = "penalty"
FIRST, SECOND = np.array([[0.05, -0.2, 1.0], [-0.04, 0.3, -2.0]]), np.array([[0.06], [-0.5], [0.7]])
NET = network([FIRST, SECOND], biases=[np.array([1.0, 2.0, 3.0]), None])
PRUNED = network(
    [FIRST, SECOND],
    biases=[np.array([1.0, 2.0, 3.0]), None],
    masks=[np.array([[True, False, True], [True, True, False]]), np.array([[False], [True], [True]])],
)
CASE, MASKED = Case(network=NET, step=1.0), Case(network=PRUNED, step=1.0)
LONG = Case(network=NET, step=4.0)


def but(penalty, **changes):
    """Return the penalty with what a method does changed: ``shrink=…`` gets weights by layer afterwards and before."""
    kind = type(penalty)

    class But(kind):
        def shrink(self, parameters, step):
            before = [p.value.copy() for p in parameters.values()]
            super().shrink(parameters, step)
            if "shrink" in changes:
                weights = [(p, was) for p, was in zip(parameters.values(), before, strict=True) if p.value.ndim == 2]
                changes["shrink"](weights)

        def value(self, parameters):
            return changes.get("value", lambda found, parameters: found)(super().value(parameters), parameters)

        def add_gradient(self, parameters):
            super().add_gradient(parameters)
            changes.get("add_gradient", lambda parameters: None)(parameters)

    result = object.__new__(But)
    vars(result).update(vars(penalty))
    return result


class Flat(mp.L2):
    """A penalty of no value, whose gradient is something else."""

    def value(self, parameters):
        return 0.0

    def add_gradient(self, parameters):
        for p in parameters.values():
            p.grad += self.strength


def set_(layer, at, value):
    def change(weights):
        weights[layer][0].value[at] = value

    return change


def back(layer, at=...):
    """Put weights back as they were."""

    def change(weights):
        p, was = weights[layer]
        p.value[at] = was[at]

    return change


def adds(name, at, more):
    def change(parameters):
        parameters[name].grad[at] += more

    return change


L1, GROUPS, COLUMNS, L2 = mp.L1(0.1), mp.GroupLasso(0.1), mp.GroupLasso(0.1, axis="outputs"), mp.L2(0.1)
KINDS = {
    "L1": L1,
    "GroupLasso": GROUPS,
    "GroupLasso of outputs": COLUMNS,
    "L2": L2,
    "a sum": L1 + L2,
    "a subgradient": mp.L1(0.1, subgradient=True),
}
SMALL = Case(network=network([np.array([[0.05, 0.06], [1.0, 2.0]]), np.array([[0.01], [0.5]])]), step=1.0)
SMALL_COLUMNS = Case(network=network([np.array([[0.05, 1.0], [0.06, 2.0]]), np.array([[0.01], [0.02]])]), step=1.0)
EDGE = Case(network=network([np.array([[0.06, 0.08], [0.3, 0.4]])]), step=1.0)  # a norm of 0.1, the step itself
LIMIT = Case(network=network([np.array([[0.999], [5.0]])]), step=1.0)
WITHIN = Case(network=network([np.array([[0.9989], [5.0]])]), step=1.0)
NEAR = Case(network=network([np.array([[1 - 1e-6, 5.0]])]), step=1.0)
FAR = Case(network=network([np.array([[1 + 1e-6, 5.0]])]), step=1.0)
EMPTY = Case(network=network([np.array([[0.0, 0.0], [1.0, 2.0]])]), step=1.0)

ROWS = [
    ("prox_zeroes", "as it should be", L1, CASE),
    ("prox_zeroes", "as it should be, a long step", L1, LONG),
    ("prox_zeroes", "as it should be, pruned", L1, MASKED),
    ("prox_zeroes", "a small one stays", but(L1, shrink=back(0, (0, 0))), CASE),
    ("prox_zeroes", "a small one of the second stays", but(L1, shrink=back(1, (0, 0))), CASE),
    ("prox_zeroes", "one of the size of the step stays", but(mp.L1(0.2), shrink=set_(0, (0, 1), -1e-9)), CASE),
    ("prox_zeroes", "a sign flips", but(L1, shrink=set_(0, (0, 1), 0.05)), CASE),
    ("prox_zeroes", "two signs flip", but(L1, shrink=lambda weights: [p.value.__imul__(-1) for p, _ in weights]), CASE),
    ("prox_zeroes", "one goes too far", but(L1, shrink=set_(0, (1, 2), -1.5)), CASE),
    ("prox_zeroes", "one goes a little too far", but(L1, shrink=set_(0, (1, 2), -1.9 + 1e-5)), CASE),
    ("prox_zeroes", "one goes too far the other way", but(L1, shrink=set_(0, (0, 2), 1.5)), CASE),
    ("prox_zeroes", "a rounding error too far", but(L1, shrink=set_(0, (1, 2), -1.9 + 1e-9)), CASE),
    ("prox_zeroes", "as it should be, zeros", L1, EMPTY),
    ("prox_zeroes", "one just within the step stays", but(mp.L1(1.0), shrink=back(0, (0, 0))), NEAR),
    ("prox_zeroes", "one goes as far as it may", but(mp.L1(1.0), shrink=set_(0, (0, 0), 0.0)), FAR),
    *(
        ("group_prox", f"as it should be, {what}", penalty, case)
        for what, penalty, case in (
            ("rows", GROUPS, SMALL),
            ("columns", COLUMNS, SMALL_COLUMNS),
            ("the edge", GROUPS, EDGE),
            ("a long step", GROUPS, Case(network=SMALL.network, step=16.0)),
        )
    ),
    ("group_prox", "one of a group stays", but(GROUPS, shrink=back(0, (0, 0))), SMALL),
    ("group_prox", "one of a group goes", but(GROUPS, shrink=set_(0, (1, 0), 0.0)), SMALL),
    ("group_prox", "one of a column stays", but(COLUMNS, shrink=back(0, (0, 0))), SMALL_COLUMNS),
    ("group_prox", "one of a column goes", but(COLUMNS, shrink=set_(0, (1, 1), 0.0)), SMALL_COLUMNS),
    ("group_prox", "a small group stays", but(GROUPS, shrink=back(0, 0)), SMALL),
    ("group_prox", "a small group of the second stays", but(GROUPS, shrink=back(1, 0)), SMALL),
    ("group_prox", "a small column stays", but(COLUMNS, shrink=back(0, (slice(None), 0))), SMALL_COLUMNS),
    ("group_prox", "a group at the edge stays", but(GROUPS, shrink=back(0, 0)), EDGE),
    ("group_prox", "a group at the limit of what is asked stays", but(mp.GroupLasso(1.0), shrink=back(0, 0)), LIMIT),
    ("group_prox", "a group within the limit stays", but(mp.GroupLasso(1.0), shrink=back(0, 0)), WITHIN),
    ("group_prox", "a group that was empty is filled", but(GROUPS, shrink=set_(0, (0, 1), 1.0)), EMPTY),
    (
        "group_prox",
        "a small group stays in a long step",
        but(GROUPS, shrink=back(0, 1)),
        Case(network=SMALL.network, step=32.0),
    ),
    ("group_prox", "a group that was empty stays empty", GROUPS, EMPTY),
    *(("penalty_skips_pruned", f"as it should be, {what}", penalty, MASKED) for what, penalty in KINDS.items()),
    (
        "penalty_skips_pruned",
        "the value of all",
        but(L2, value=lambda found, ps: found + sum(float(p.value.sum()) for p in ps.values())),
        MASKED,
    ),
    (
        "penalty_skips_pruned",
        "the gradient of one that is pruned",
        but(L2, add_gradient=adds("dense1.weight", (0, 1), 0.5)),
        MASKED,
    ),
    (
        "penalty_skips_pruned",
        "the gradient of one of the second",
        but(L2, add_gradient=adds("dense2.weight", (0, 0), -0.5)),
        MASKED,
    ),
    *(
        ("penalty_gradient", f"as it should be, {what}, {how}", KINDS[what], case)
        for what in ("L2", "a subgradient")
        for how, case in (("dense", CASE), ("pruned", MASKED))
    ),
    ("penalty_gradient", "another slope", but(L2, add_gradient=adds("dense1.weight", (1, 2), 0.25)), CASE),
    (
        "penalty_gradient",
        "another slope of the second",
        but(L2, add_gradient=adds("dense2.weight", (2, 0), -0.25)),
        CASE,
    ),
    ("penalty_gradient", "another slope of the bias", but(L2, add_gradient=adds("dense1.bias", 1, 0.5)), CASE),
    ("penalty_gradient", "a slope off by a little", but(L2, add_gradient=adds("dense1.weight", (0, 0), 1e-5)), CASE),
    ("penalty_gradient", "a slope off by what it may be", Flat(1e-6), CASE),
    ("penalty_gradient", "a slope off by more than it may be", Flat(1.5e-6), CASE),
    (
        "penalty_gradient",
        "a slope off by a rounding error",
        but(L2, add_gradient=adds("dense1.weight", (0, 0), 1e-8)),
        CASE,
    ),
    (
        "penalty_gradient",
        "a steep slope off in proportion",
        but(mp.L2(1e4), add_gradient=adds("dense1.weight", (1, 2), 0.005)),
        CASE,
    ),
    (
        "penalty_gradient",
        "a steep slope off by more",
        but(mp.L2(1e4), add_gradient=adds("dense1.weight", (1, 2), 0.1)),
        CASE,
    ),
    (
        "penalty_gradient",
        "the value is of another power",
        but(L2, value=lambda found, ps: sum(float((p.value**5).sum()) for p in ps.values())),
        CASE,
    ),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
