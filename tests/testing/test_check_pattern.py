"""What the laws of a pattern say of each way to break them."""

import numpy as np
from told import rows_of

import minprune as mp
from minprune.errors import BudgetError
from minprune.testing import Case, network
from minprune.testing.checks.pattern import kept_weights, largest_unit, layers_of_units

COMPONENT = "pattern"
FIRST, SECOND = "dense1.weight", "dense2.weight"
WEIGHTS = [
    np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0]]),
    np.arange(8.0).reshape(4, 2) + 1,
]
NET = network(WEIGHTS, biases=[np.ones(4), None])
PRUNED = network(WEIGHTS, masks=[np.arange(12).reshape(3, 4) % 5 > 0, np.arange(8).reshape(4, 2) > 1])
SCORES = {FIRST: np.arange(12.0).reshape(3, 4) + 1, SECOND: np.arange(8.0).reshape(4, 2) + 20}
HALF = Case(network=NET, scores=SCORES, sparsity=0.5, min_keep=0)
LITTLE = Case(network=PRUNED, scores=SCORES, sparsity=0.1, min_keep=0)
SOME = Case(network=PRUNED, scores=SCORES, sparsity=0.55, min_keep=0)
MUCH = Case(network=NET, scores=SCORES, sparsity=0.95, min_keep=1)
LEAST = Case(network=NET, scores=SCORES, sparsity=0.5, min_keep=2)


def but(pattern, change, when=lambda net, scores: True):
    """Return the pattern with the masks of its units changed: ``change(masks)`` gets a dict of copies."""
    kind = type(pattern)

    class But(kind):
        def units(self, net, scores):
            units = super().units(net, scores)
            if not when(net, scores):
                return units
            masks = units.masks

            def changed(dropped):
                return change({name: mask.copy() for name, mask in masks(dropped).items()})

            units.masks = changed
            return units

    result = object.__new__(But)
    vars(result).update(vars(pattern))
    return result


def put(name, value, *at):
    """Set entries of a mask."""

    def change(masks):
        if name in masks:
            masks[name][at or ...] = value
        return masks

    return change


class Refuses(mp.Blocks):
    """Refuse the first calls, or those numbered, and name `largest`."""

    def __init__(self, largest, says=None, shape=(2, 1), calls=(1,), change=lambda masks: masks):
        super().__init__(shape)
        self.largest, self.says, self.calls, self.change = largest, says, calls, change
        self.number = 0

    def units(self, net, scores):
        self.number += 1
        units = super().units(net, scores)
        if self.number in self.calls:
            raise BudgetError(self.says or f"at most {self.largest:,} can go", self.largest)
        masks = units.masks
        units.masks = lambda dropped: self.change({name: mask.copy() for name, mask in masks(dropped).items()})
        return units


class RefusesNeurons(mp.Neurons):
    def units(self, net, scores):
        raise BudgetError("no", 0)


def turned_round(net, scores):
    return scores[FIRST][0, 0] == 26


def partly(masks):
    if masks[FIRST].sum() > 8:
        masks[FIRST][:2, 3] = False
    return masks


def once_pruned(net, scores):
    return net.sparsity > 0.3


EXACT, TWO, DOWN, ALONG = mp.Unstructured(), mp.Blocks((2, 2)), mp.Blocks((2, 1)), mp.Vectors(2)
NM, NEURONS, INPUTS = mp.NM(1, 2), mp.Neurons(), mp.Neurons(inputs=True)
ALL = {
    "Unstructured": EXACT,
    "Blocks": TWO,
    "Vectors": ALONG,
    "Neurons": NEURONS,
    "Neurons and inputs": INPUTS,
    "NM": NM,
}
CASES = {"dense": HALF, "pruned": LITTLE, "pruned and more": SOME, "too much": MUCH, "at least two": LEAST}
OF_ALL = ("unit_budget", "zero_is_identity", "no_revival", "target_is_idempotent", "min_keep")


def fits(pattern, case):
    return not (isinstance(pattern, mp.NM) and case.sparsity > 0.5)


ROWS = [
    *(
        (name, f"as it should be, {kind}, {what}", pattern, case)
        for name in OF_ALL
        for kind, pattern in ALL.items()
        for what, case in CASES.items()
        if fits(pattern, case)
    ),
    ("unit_budget", "one too many", but(EXACT, put(SECOND, False, 3, 1)), HALF),
    ("unit_budget", "two too few", but(EXACT, put(FIRST, True, 0, slice(2))), HALF),
    ("unit_budget", "one too few", but(EXACT, put(FIRST, True, 0, 0)), HALF),
    ("unit_budget", "as many as fit, and one block more", but(TWO, put(SECOND, False, slice(2))), HALF),
    ("unit_budget", "one block too few", but(TWO, put(FIRST, True, slice(2), slice(2))), HALF),
    ("unit_budget", "one block too few of pruned ones", but(TWO, put(FIRST, True, slice(2), slice(2))), SOME),
    (
        "unit_budget",
        "one neuron too few",
        but(NEURONS, lambda masks: {n: np.ones_like(m) for n, m in masks.items()}),
        HALF,
    ),
    ("unit_budget", "it refuses", Refuses(0), HALF),
    ("zero_is_identity", "one goes", but(EXACT, put(SECOND, False, 3, 1)), HALF),
    ("zero_is_identity", "one goes in the first", but(EXACT, put(FIRST, False, 0, 1)), HALF),
    ("no_revival", "what was gone comes back", but(EXACT, put(FIRST, True)), LITTLE),
    ("no_revival", "it refuses", Refuses(0), LITTLE),
    ("target_is_idempotent", "it refuses at first", Refuses(0), HALF),
    ("target_is_idempotent", "one more", but(EXACT, put(SECOND, False, 3, 1), once_pruned), HALF),
    ("target_is_idempotent", "two more", but(EXACT, put(SECOND, False, 3), once_pruned), HALF),
    (
        "target_is_idempotent",
        "the second time it looks at the scores",
        but(TWO, put(SECOND, False, 3, 1), once_pruned),
        HALF,
    ),
    ("target_is_idempotent", "it refuses the second time", Refuses(0, calls=(2,)), HALF),
    (
        "target_is_idempotent",
        "one more for the scores turned round",
        but(EXACT, put(SECOND, False, 3, 1), turned_round),
        HALF,
    ),
    (
        "target_is_idempotent",
        "that is not asked of a dense one",
        but(EXACT, put(SECOND, False, 3, 1), turned_round),
        Case(**{**vars(HALF), "sparsity": 0.0}),
    ),
    ("min_keep", "no input is left", but(INPUTS, put(FIRST, False)), LEAST),
    (
        "min_keep",
        "inputs don't count",
        but(NEURONS, put(FIRST, False, 0)),
        Case(**{**vars(LEAST), "min_keep": 3, "sparsity": 0.25}),
    ),
    (
        "min_keep",
        "outputs don't count",
        but(NEURONS, put(SECOND, False, slice(None), 0)),
        Case(**{**vars(LEAST), "sparsity": 0.4}),
    ),
    ("min_keep", "a refusal and another of what it named", Refuses(6, calls=(1, 2)), HALF),
    ("min_keep", "a refusal, and less than it named", Refuses(7, shape=(1, 1), change=put(FIRST, True, 0, 0)), HALF),
    (
        "min_keep",
        "a refusal, and far less than it named",
        Refuses(8, shape=(2, 1), change=put(FIRST, True, slice(2), 0)),
        HALF,
    ),
    (
        "min_keep",
        "only one is left of the second",
        but(EXACT, put(SECOND, False, slice(None), 0)),
        Case(**{**vars(LEAST), "min_keep": 5}),
    ),
    ("min_keep", "none is left of the second", but(EXACT, put(SECOND, False)), LEAST),
    ("min_keep", "one too few is gone", but(EXACT, put(FIRST, True, 0, 0)), LEAST),
    ("min_keep", "a block too few is gone", but(TWO, put(FIRST, True, slice(2), slice(2))), LEAST),
    ("min_keep", "a block too few is gone of pruned ones", but(TWO, put(FIRST, True)), SOME),
    (
        "min_keep",
        "one unit, not two, of the second",
        but(TWO, put(SECOND, False, slice(2))),
        Case(**{**vars(LEAST), "sparsity": 0.4}),
    ),
    ("min_keep", "a refusal that names too few", Refuses(6), HALF),
    ("min_keep", "a refusal that names the largest but one", Refuses(17), HALF),
    ("min_keep", "a refusal that names nearly all", Refuses(19), HALF),
    ("min_keep", "a refusal that names all but a unit", Refuses(18), HALF),
    ("min_keep", "a refusal that names no number", Refuses(6, says="too much"), HALF),
    *(
        (f"{name}_whole", "as it should be", pattern, HALF)
        for name, pattern in (("vectors", ALONG), ("blocks", TWO), ("neuron", NEURONS))
    ),
    *(
        (f"{name}_whole", "as it should be, pruned", pattern, SOME)
        for name, pattern in (("vectors", ALONG), ("blocks", TWO))
    ),
    *(
        (f"{name}_whole", "too much is asked", pattern, MUCH)
        for name, pattern in (("vectors", ALONG), ("blocks", TWO), ("neuron", NEURONS))
    ),
    ("blocks_whole", "a weight stays", but(TWO, put(FIRST, True, 0, 0)), HALF),
    ("blocks_whole", "a weight goes of the second", but(TWO, put(SECOND, False, 3, 1)), HALF),
    ("blocks_whole", "a weight goes of the last block of the first", but(TWO, put(FIRST, False, 2, 3)), HALF),
    ("blocks_whole", "it refuses", Refuses(0), HALF),
    ("vectors_whole", "a weight goes of the second", but(ALONG, put(SECOND, False, 3, 1)), HALF),
    ("vectors_whole", "a weight stays of the first", but(ALONG, put(FIRST, True, 0, 1)), HALF),
    ("nm_groups", "as it should be", NM, HALF),
    ("nm_groups", "as it should be, pruned", NM, LITTLE),
    ("nm_groups", "as it should be, of three", mp.NM(2, 3), Case(**{**vars(HALF), "sparsity": 0.2})),
    ("nm_groups", "as it should be, of four", mp.NM(1, 4), Case(**{**vars(HALF), "sparsity": 0.2})),
    ("nm_groups", "one more goes of the first", but(NM, put(FIRST, False, 2, 3)), HALF),
    ("nm_groups", "one more goes of the second", but(NM, put(SECOND, False, slice(2, 4), 1)), HALF),
    (
        "nm_groups",
        "one more goes, where much has to stay",
        but(NM, put(FIRST, False, 2, 3)),
        Case(**{**vars(HALF), "min_keep": 20}),
    ),
    ("nm_groups", "one more goes, when not all do", but(NM, partly), Case(**{**vars(HALF), "sparsity": 0.1})),
    ("nm_groups", "one more stays", but(NM, put(FIRST, True, slice(2), 0)), HALF),
    (
        "nm_groups",
        "one more stays of three",
        but(mp.NM(2, 3), put(FIRST, True, slice(3), 1)),
        Case(**{**vars(HALF), "sparsity": 0.2}),
    ),
    ("neuron_whole", "the row of a unit stays", but(NEURONS, put(SECOND, True)), HALF),
    ("neuron_whole", "the column of a unit stays", but(NEURONS, put(FIRST, True)), HALF),
    ("neuron_whole", "a weight of the first goes", but(NEURONS, put(FIRST, False, 0, 3)), HALF),
    ("neuron_whole", "a weight of the second goes", but(NEURONS, put(SECOND, False, 3, 0)), HALF),
    ("neuron_whole", "its bias stays", but(NEURONS, put("dense1.bias", True)), HALF),
    (
        "neuron_whole",
        "no mask for the bias",
        but(NEURONS, lambda masks: {n: m for n, m in masks.items() if m.ndim == 2}),
        HALF,
    ),
    (
        "neuron_whole",
        "its bias stays, of three",
        but(NEURONS, put("dense1.bias", True)),
        Case(**{**vars(HALF), "sparsity": 0.75}),
    ),
    (
        "neuron_whole",
        "its bias stays, and all had to go",
        but(NEURONS, put("dense1.bias", True)),
        Case(**{**vars(HALF), "sparsity": 0.95}),
    ),
    ("neuron_whole", "it refuses", RefusesNeurons(), HALF),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()


# units, by the definition of each pattern

CHAIN = network([np.ones((1, 2)), np.ones((2, 2)), np.ones((2, 1))])
THIRD = "dense3.weight"


def of(name, *places):
    return {(name, i, j) for i, j in places}


def test_a_weight_is_a_unit_by_itself():
    assert layers_of_units(CHAIN, EXACT) == {
        FIRST: [of(FIRST, (0, 0)), of(FIRST, (0, 1))],
        SECOND: [of(SECOND, (i, j)) for i in range(2) for j in range(2)],
        THIRD: [of(THIRD, (0, 0)), of(THIRD, (1, 0))],
    }


def test_a_block_is_a_unit():
    assert layers_of_units(CHAIN, DOWN) == {
        FIRST: [of(FIRST, (0, 0)), of(FIRST, (0, 1))],
        SECOND: [of(SECOND, (0, j), (1, j)) for j in range(2)],
        THIRD: [of(THIRD, (0, 0), (1, 0))],
    }


def test_a_hidden_neuron_is_its_column_and_its_row_and_an_output_is_none():
    hidden = {
        FIRST: [of(FIRST, (0, k)) | of(SECOND, (k, 0), (k, 1)) for k in range(2)],
        SECOND: [of(SECOND, (0, k), (1, k)) | of(THIRD, (k, 0)) for k in range(2)],
    }
    assert layers_of_units(CHAIN, NEURONS) == hidden
    assert layers_of_units(CHAIN, INPUTS) == {"inputs": [of(FIRST, (0, 0), (0, 1))]} | hidden


def test_the_largest_unit_is_counted_in_kept_weights():
    everything = kept_weights({name: p.mask for name, p in CHAIN.prunable.items()})
    assert everything == set().union(*(unit for units in layers_of_units(CHAIN, EXACT).values() for unit in units))
    assert [largest_unit(CHAIN, pattern, everything) for pattern in (EXACT, DOWN, NEURONS)] == [1, 2, 3]
    assert largest_unit(CHAIN, NEURONS, everything - of(SECOND, (0, 0), (1, 1))) == 2
    assert kept_weights({"a": np.array([[True, False]]), "b": np.array([True])}) == {("a", 0, 0)}
