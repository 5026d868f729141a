"""What the laws of masks say of each way to break them."""

import numpy as np
from told import rows_of

import minprune as mp
from minprune.testing import Case, Framework, network
from minprune.testing.checks.masks import NO_MASKS
from minprune.testing.framework import set_mask

COMPONENT = "masks"
NET = network(
    [np.array([[1.0, 0.0, 2.0], [3.0, 4.0, 5.0]]), np.array([[1.0], [2.0], [0.0]])],
    masks=[np.array([[True, True, False], [True, True, True]]), None],
)
ONE, TWO = np.array([[True, False, True], [False, True, True]]), np.array([[False], [True], [True]])


def setting(wrong):
    return Case(network=NET, masks=[ONE, TWO], wrong=wrong)


def lenient(net, name, mask):
    """Take anything for a mask."""
    p = net.parameters[name]
    p.mask = np.broadcast_to(np.asarray(mask if np.shape(mask)[:1] == p.shape[:1] else True, bool), p.shape)


def lenient_second(net, name, mask):
    (lenient if name == "dense2.weight" else set_mask)(net, name, mask)


def other_mask(net, name, mask):
    set_mask(net, name, ~mask)


def bad_error(net, name, mask):
    try:
        set_mask(net, name, mask)
    except (TypeError, ValueError):
        raise KeyError("no mask") from None


def only_if(error):
    def set_it(net, name, mask):
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != net.parameters[name].shape:
            raise error
        set_mask(net, name, mask)

    return set_it


A, B = np.array([[True, True, False, False]]), np.array([[True], [False], [True]])
SETS = Case(masks=[{"a": A, "b": B}, {"a": ~A | (np.arange(4) == 0), "c": B}, {"b": ~B, "c": ~B}], seed=3)


def combined(change):
    """Return a composition whose outcome is changed."""
    return Framework(compose=lambda *masks: change(dict(mp.compose(*masks)), masks))


def where(test, name):
    """Turn one mask round where a test says so of what came in."""
    return combined(lambda out, masks: out | {name: ~out[name]} if name in out and test(*masks) else out)


def is_(one, two):
    return lambda *masks: len(masks) == 2 and set(masks[0]) == set(one) and set(masks[1]) == set(two)


def shuffling(change):
    return Framework(shuffled=lambda masks, rng: change(masks, rng))


def two_turned(masks, rng):
    return dict(mp.pruning.masks.shuffled(masks, rng=rng)) | {"b": ~masks["b"]}


BIG = Case(masks=[{"a": np.arange(12).reshape(3, 4) > 6, "b": np.ones((1, 2), bool)}], seed=3)
SIX = Case(masks=[{"a": np.arange(6).reshape(2, 3) > 4}], seed=3)
FIVE = Case(masks=[{"a": np.arange(5).reshape(1, 5) > 3}], seed=3)
FULL = Case(masks=[{"a": np.ones((3, 4), bool), "b": np.zeros((3, 4), bool)}], seed=3)


def alike(masks, rng):
    return masks


def only_seed(seed):
    """Move positions for one seed alone."""
    return lambda masks, rng: mp.pruning.masks.shuffled(masks, rng=1) if rng == seed else masks


UNPRUNED = network([np.ones((1, 2))])

ROWS = [
    *(("mask_type", f"as it should be, {wrong}", Framework(), setting(wrong)) for wrong in sorted(NO_MASKS)),
    *(("mask_type", f"it takes {wrong}", Framework(set_mask=lenient), setting(wrong)) for wrong in sorted(NO_MASKS)),
    *(
        ("mask_type", f"it takes {wrong} for the second", Framework(set_mask=lenient_second), setting(wrong))
        for wrong in sorted(NO_MASKS)
    ),
    ("mask_type", "it sets another mask", Framework(set_mask=other_mask), setting("None")),
    ("mask_type", "it refuses by another error", Framework(set_mask=bad_error), setting("None")),
    ("mask_type", "it refuses by a TypeError", Framework(set_mask=only_if(TypeError())), setting("a row")),
    ("mask_type", "it refuses by a ValueError", Framework(set_mask=only_if(ValueError())), setting("a row")),
    ("compose_is_and", "as it should be", Framework(), SETS),
    ("compose_is_and", "a name is lost", combined(lambda out, masks: {n: m for n, m in out.items() if n != "c"}), SETS),
    (
        "compose_is_and",
        "only what is in both",
        combined(lambda out, masks: {n: out[n] for n in masks[0] if n in masks[-1]}),
        SETS,
    ),
    *(("compose_is_and", f"another {name}", where(is_("ab", "ac"), name), SETS) for name in "abc"),
    *(("compose_is_and", f"another {name} in the other order", where(is_("ac", "ab"), name), SETS) for name in "abc"),
    *(("compose_is_and", f"another {name} in brackets", where(is_("abc", "bc"), name), SETS) for name in "abc"),
    *(("compose_is_and", f"another {name} with itself", where(is_("ab", "ab"), name), SETS) for name in "ab"),
    (
        "compose_is_and",
        "one name more with itself",
        combined(lambda out, masks: out | {"x": B} if is_("ab", "ab")(*masks) else out),
        SETS,
    ),
    ("mask_not_value", "as it should be", Framework(), Case(network=NET)),
    ("mask_not_value", "the share that is left", Framework(sparsity=lambda net: 1 - net.sparsity), Case(network=NET)),
    ("mask_not_value", "a little less", Framework(sparsity=lambda net: net.sparsity - 1e-9), Case(network=NET)),
    ("mask_not_value", "a rounding error", Framework(sparsity=lambda net: net.sparsity + 1e-14), Case(network=NET)),
    ("mask_not_value", "off by what is too much", Framework(sparsity=lambda net: 1e-12), Case(network=UNPRUNED)),
    ("shuffle_control", "as it should be", Framework(), BIG),
    ("shuffle_control", "as it should be, full and empty", Framework(), FULL),
    ("shuffle_control", "nothing moves", shuffling(alike), BIG),
    ("shuffle_control", "nothing moves, of six", shuffling(alike), SIX),
    ("shuffle_control", "nothing moves, of five, as may be", shuffling(alike), FIVE),
    ("shuffle_control", "nothing moves where nothing can", shuffling(alike), FULL),
    *(("shuffle_control", f"with seed {seed} it moves", shuffling(only_seed(seed)), BIG) for seed in (2, 3, 10, 11)),
    ("shuffle_control", "more are kept", shuffling(lambda masks, rng: masks | {"a": masks["a"] | True}), BIG),
    ("shuffle_control", "another number in the second", shuffling(two_turned), BIG),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
