"""What the laws of a selector say of each way to break them."""

import numpy as np
from told import rows_of

from minprune.testing import Case

COMPONENT = "selector"


def right(scores, sparsity):
    """Drop the lowest, the first of equals first; refuse what is no number, and say where."""
    for name, s in scores.items():
        for at in np.argwhere(~np.isfinite(s)):
            raise ValueError(f"scores of {name} at {tuple(map(int, at))}")
    flat = np.concatenate([s.ravel() for s in scores.values()])
    mask = np.ones(flat.size, bool)
    mask[np.argsort(flat, kind="stable")[: round(sparsity * flat.size)]] = False
    parts = np.split(mask, np.cumsum([s.size for s in scores.values()])[:-1])
    return {name: part.reshape(s.shape) for (name, s), part in zip(scores.items(), parts, strict=True)}


def then(change):
    """Return the right selector with its masks changed."""
    return lambda scores, sparsity: change(right(scores, sparsity))


def at_other(change, sparsity):
    """Return the right selector, asked for something else by ``change(sparsity)``."""
    return lambda scores, asked: right(scores, change(asked) if asked == sparsity else asked)


class Changing:
    """Answer rightly the first time only."""

    def __init__(self, first, then):
        self.answers = [first, then]

    def __call__(self, scores, sparsity):
        return self.answers.pop(0)(scores, sparsity)


def says(text):
    def select(scores, sparsity):
        if all(np.isfinite(s).all() for s in scores.values()):
            return right(scores, sparsity)
        raise KeyError(text)

    return select


def flipped(scores, sparsity, name="b"):
    """Drop what should be kept in one layer."""
    masks = right(scores, sparsity)
    return masks | {name: ~masks[name]}


A, B = np.array([[3.0, 1.0], [2.0, 4.0]], np.float32), np.array([[5.0, 0.0], [7.0, 6.0]], np.float32)
TIES = {"a": np.array([[1.0, 1.0], [0.0, 1.0]], np.float32), "b": np.array([[1.0, 0.5], [1.0, 0.5]], np.float32)}
HALF = Case(scores={"a": A, "b": B}, sparsity=0.5)
TIED = Case(scores=TIES, sparsity=0.5)
PAIR = Case(scores=HALF.scores, sparsities=[0.75, 0.25])
SCALED = Case(scores=HALF.scores, sparsity=0.5, factor=4.0)
BENT = [Case(scores=HALF.scores, sparsity=0.5, transform=t) for t in ("square", "sqrt", "add 8")]
TURNED = Case(scores=HALF.scores, sparsity=0.5, permutation=[1, 0])
NAN = Case(scores=HALF.scores, sparsity=0.5, first=("b", (1, 0)), value=float("nan"))

INF = Case(**{**vars(NAN), "value": float("inf")})


def seen(test, layer):
    """Turn a layer's mask round once the scores pass a test."""
    return lambda scores, sparsity: flipped(scores, sparsity, layer) if test(scores) else right(scores, sparsity)


def other_a(scores):
    return scores["a"][0, 0] != 3


def of_one_type(scores, sparsity):
    assert all(s.dtype == np.float32 for s in scores.values())
    return right(scores, sparsity)


ROWS = [
    ("exact_count", "as it should be", right, HALF),
    (
        "exact_count",
        "zeros and ones are read as masks",
        then(lambda m: {n: v.astype(float) for n, v in m.items()}),
        HALF,
    ),
    ("exact_count", "one too many", at_other(lambda s: 0.625, 0.5), HALF),
    ("exact_count", "one too few", at_other(lambda s: 0.375, 0.5), HALF),
    ("exact_count", "a layer is missing", then(lambda m: {"a": m["a"], "c": m["b"]}), HALF),
    ("exact_count", "a mask of another shape", then(lambda m: m | {"b": m["b"][:1]}), HALF),
    (
        "exact_count",
        "the scores are written over",
        lambda s, k: right({n: v.__imul__(0) for n, v in s.items()}, k),
        HALF,
    ),
    ("zero_is_identity", "as it should be", right, HALF),
    ("zero_is_identity", "two go all the same", at_other(lambda s: 0.25, 0.0), HALF),
    ("zero_is_identity", "one goes all the same", at_other(lambda s: 0.125, 0.0), HALF),
    ("target_is_idempotent", "as it should be", right, HALF),
    ("target_is_idempotent", "more the second time", seen(lambda s: s["b"][0, 1] == s["a"][0, 1], "a"), HALF),
    ("target_is_idempotent", "others the second time", seen(lambda s: s["a"][0, 0] == 0, "a"), HALF),
    ("target_is_idempotent", "one more", lambda s, k: right(s, 0.625 if s["a"][0, 1] == 0 else k), HALF),
    *(
        (name, "the scores keep their type", of_one_type, case)
        for name, case in (("target_is_idempotent", HALF), ("no_revival", PAIR), ("scale_free", SCALED))
    ),
    ("no_revival", "as it should be", right, PAIR),
    ("no_revival", "what was dropped comes back", seen(lambda s: s["a"][0, 1] == 0, "b"), PAIR),
    (
        "no_revival",
        "more of it comes back",
        lambda s, k: right({n: -v for n, v in s.items()}, k) if k > 0.5 else right(s, k),
        PAIR,
    ),
    ("tiny", "as it should be", right, HALF),
    ("tiny", "something goes at 0", at_other(lambda s: 0.125, 0.0), HALF),
    ("tiny", "too little goes", at_other(lambda s: 0.25, 0.5), HALF),
    ("order", "as it should be", right, HALF),
    ("order", "as it should be, all of them", right, Case(scores=HALF.scores, sparsity=0.99)),
    ("order", "as it should be, none", right, Case(scores=HALF.scores, sparsity=0.01)),
    ("order", "as it should be, equals on both sides", right, TIED),
    ("order", "the highest go", lambda s, k: right({n: -v for n, v in s.items()}, k), HALF),
    ("order", "one layer is turned round", flipped, HALF),
    ("ties_by_position", "as it should be", right, TIED),
    ("ties_by_position", "as it should be, without ties", right, HALF),
    (
        "ties_by_position",
        "the last of equals first",
        lambda s, k: {
            n: m[::-1, ::-1] for n, m in reversed(right({n: v[::-1, ::-1] for n, v in reversed(s.items())}, k).items())
        },
        TIED,
    ),
    ("ties_by_position", "another mask the second time", Changing(right, lambda s, k: right(s, 0.25)), TIED),
    ("ties_by_position", "another in the first layer alone", Changing(right, lambda s, k: flipped(s, k, "a")), TIED),
    ("scale_free", "as it should be", right, SCALED),
    ("scale_free", "it sees the size", seen(other_a, "b"), SCALED),
    ("scale_free", "it sees that it is four times as much", seen(lambda s: s["a"][0, 0] == 12, "a"), SCALED),
    ("scale_free", "it sees the size, in the first layer", seen(other_a, "a"), SCALED),
    *(("monotone_free", f"as it should be, {case.transform}", right, case) for case in BENT),
    *(("monotone_free", f"it sees the size, {case.transform}", seen(other_a, "b"), case) for case in BENT),
    ("monotone_free", "add 8 adds 8", seen(lambda s: s["a"][0, 0] == 11, "b"), BENT[2]),
    ("nested", "as it should be", right, PAIR),
    ("nested", "the more go, the fewer", lambda s, k: right(s, 1 - k), PAIR),
    ("nested", "two come back in the second layer", lambda s, k: flipped(s, k) if k < 0.5 else right(s, k), PAIR),
    ("permutation", "as it should be", right, TURNED),
    ("permutation", "the first layer is not turned", seen(other_a, "a"), TURNED),
    ("permutation", "the second layer is not turned", seen(other_a, "b"), TURNED),
    ("no_nan_decides", "as it should be", right, NAN),
    ("no_nan_decides", "the error says neither", says("bad"), NAN),
    ("no_nan_decides", "the error says the name only", says("b"), NAN),
    ("no_nan_decides", "the error says the place only", says("(1, 0)"), NAN),
    ("no_nan_decides", "masks as ever", lambda s, k: right({n: np.nan_to_num(v) for n, v in s.items()}, k), NAN),
    (
        "no_nan_decides",
        "infinity is taken",
        lambda s, k: right({n: np.where(np.isposinf(v), 9, v) for n, v in s.items()}, k),
        INF,
    ),
    ("mask_type", "as it should be", right, HALF),
    ("mask_type", "lists", then(lambda m: {n: v.tolist() for n, v in m.items()}), HALF),
    ("mask_type", "numbers", then(lambda m: m | {"b": m["b"].astype(np.int8)}), HALF),
    ("mask_type", "one row", then(lambda m: m | {"b": m["b"][0]}), HALF),
    ("mask_type", "the scores are written over", lambda s, k: right(s, k) if not s["b"].__imul__(0).any() else 0, HALF),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
