"""Masks: the sample that is asked first, prefixes by size, the AND of masks and positions drawn, by small examples."""

import numpy as np
import pytest

import minprune as mp
from minprune.pruning.masks import lowest, lowest_within


def test_a_value_that_the_sample_takes_for_the_answer_and_is_not():
    """Of 16,384 scores every second is sampled. Ten zeros are at places in between: to the sample all are ones."""
    scores = np.ones(4 * 4096)
    scores[1:20:2] = 0
    for count, expected in ((9, range(1, 18, 2)), (10, range(1, 20, 2)), (11, [*range(2), *range(3, 20, 2)])):
        assert np.flatnonzero(lowest(scores, count)).tolist() == list(expected)


def test_a_value_that_a_large_part_shares():
    scores = np.arange(3.0 * 4096)
    scores[4096 : 2 * 4096] = 5000.0
    for count in (1, 4096, 4097, 5000, 8192, 8193, 12287):
        order = np.argsort(scores, kind="stable")[:count]
        assert np.flatnonzero(lowest(scores, count)).tolist() == sorted(order.tolist())


@pytest.mark.parametrize("count", [4099, 4100, 6000, 8191, 8192])
def test_a_value_that_a_large_part_shares_is_found_by_counting(count, monkeypatch):
    """`np.partition` would find it too, in many times the time."""
    scores = np.arange(3.0 * 4096)
    scores[4096 : 2 * 4096] = 5000.0
    monkeypatch.setattr(np, "partition", None)
    assert np.count_nonzero(lowest(scores, count)) == count


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_the_lowest_of_equal_scores_are_the_first(size):
    for count in range(-1, size + 2):
        assert lowest(np.zeros(size), count).tolist() == [k < count for k in range(size)]


def test_prefixes_by_size_at_every_budget():
    draws = np.random.default_rng(0)
    for size in (1, 2, 3, 6, 9):
        scores, sizes = draws.integers(0, 4, size) / 2, draws.integers(1, 5, size)
        order = np.argsort(scores, kind="stable")
        for budget in range(int(sizes.sum()) + 2):
            fits = order[np.cumsum(sizes[order]) <= budget]
            assert np.flatnonzero(lowest_within(scores, sizes, budget)).tolist() == sorted(fits.tolist())


def test_the_and_of_masks():
    first, second = np.array([[True, False]]), np.array([[True, True]])
    made = mp.compose({"a": first}, {"a": second, "b": second}, {"b": first})
    assert {name: mask.tolist() for name, mask in made.items()} == {"a": [[True, False]], "b": [[True, False]]}
    assert not np.shares_memory(made["a"], first)
    assert second.all()
    assert mp.compose({}) == {}


def test_positions_are_drawn_in_the_masks_own_shape():
    mask = np.arange(12).reshape(3, 4) < 5
    made = mp.shuffled({"a": mask, "b": mask[:1]}, rng=3)
    draws = np.random.default_rng(3)
    expected = draws.permutation(mask.reshape(-1)).reshape(3, 4)
    np.testing.assert_array_equal(made["a"], expected)
    np.testing.assert_array_equal(made["b"], draws.permutation(mask[:1].reshape(-1)).reshape(1, 4))


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: mp.compose(3), "masks must be a mapping of names to masks, got int in compose()"),
        (lambda: mp.compose({}, [3]), "masks must be a mapping of names to masks, got list in compose()"),
        (lambda: mp.compose({"a": 3}), "mask of a must be a bool array, got int 3 in compose()"),
        (lambda: mp.compose({"a": np.ones(2)}), "mask of a must be a bool array, got dtype float64 in compose()"),
        (
            lambda: mp.compose({"a": np.ones(2, bool)}, {"a": np.ones(3, bool)}),
            "mask of a must have shape (2,), got (3,) in compose()",
        ),
        (
            lambda: mp.compose({"a": np.ones(2, bool)}, {"a": np.ones(2)}),
            "mask of a must be a bool array, got dtype float64 in compose()",
        ),
        (lambda: mp.shuffled(3), "masks must be a mapping of names to masks, got int in shuffled()"),
        (lambda: mp.shuffled({"a": [True]}), "mask of a must be a bool array, got list [True] in shuffled()"),
        (lambda: mp.shuffled({}, rng="x"), "rng must be a Generator, a seed or None, got str 'x' in shuffled()"),
    ],
)
def test_what_is_refused(ask, says):
    with pytest.raises(mp.MinpruneError) as caught:
        ask()
    assert str(caught.value) == says
