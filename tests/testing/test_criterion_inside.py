"""What the laws of a criterion are made of: slopes, limits, and what a criterion need not have."""

import numpy as np
import pytest
from test_check_criterion import CASE, LINEAR, NoCompensation

import minprune as mp
from minprune.testing import Case, LawBroken, network
from minprune.testing.checks import criterion


def test_a_slope_by_differences_is_that_of_a_polynomial():
    array = np.array([[2.0, -1.0], [0.5, 0.0]])
    was = array.copy()
    found = criterion._differences(array, lambda: float((array**3).sum()))
    assert found == pytest.approx(3 * was**2, rel=1e-9, abs=1e-9)
    assert criterion._differences(array, lambda: float((-4 * array).sum())) == pytest.approx(-4 * np.ones((2, 2)))
    assert (array == was).all()


def test_scores_may_be_off_by_a_share_of_the_largest_and_the_least():
    one, two = np.array([1.0, -2.0]), np.array([1.0, -3.0])
    criterion.near("a", two, one, "what", share=0.5, least=0)
    criterion.near("a", two, one, "what", share=0.25, least=0.5)
    criterion.near("a", two, one, "what", share=0, least=1)
    for limits in ({"share": 0.4999, "least": 0}, {"share": 0.25, "least": 0.4999}, {}):
        with pytest.raises(LawBroken) as broken:
            criterion.near("a", two, one, "what", **limits)
        assert str(broken.value) == "asked: what for a: [1.0, -2.0]; came: [1.0, -3.0]"
    criterion.near("a", one * (1 + 1e-6), one, "what")
    criterion.near("a", 0 * one + 1e-9, 0 * one, "what")
    for off in (one * (1 + 3e-6), one + 1e-5):
        with pytest.raises(LawBroken):
            criterion.near("a", off, one, "what")
    with pytest.raises(LawBroken):
        criterion.near("a", 0 * one + 2e-9, 0 * one, "what")


class NothingButNoise(mp.GradientMagnitude):
    """Scores of 0, off by `noise` for one batch size."""

    noise = 0.0

    def scores(self, net, data):
        return {name: np.full(p.shape, self.noise * (self.batch_size == 2)) for name, p in net.prunable.items()}


def test_scores_of_0_are_hardly_to_change_with_the_batch_size():
    case, criterion_ = Case(**vars(CASE), batch_size=2), NothingButNoise(mp.SoftmaxCrossEntropy())
    criterion_.noise = 1e-12
    criterion.batch_free(criterion_, case)
    criterion_.noise = 1e-11
    with pytest.raises(LawBroken) as broken:
        criterion.batch_free(criterion_, case)
    assert str(broken.value) == (
        "asked: the scores of all rows at once, by 2 for dense1.weight: [[0.0, 0.0], [0.0, 0.0]]; "
        "came: [[1e-11, 1e-11], [1e-11, 1e-11]]"
    )


class BruteForce(mp.pruning.criteria.Criterion):
    """The least cost of losing a weight, w²/2[H⁻¹], of inputs of which none is a sum of others: no damping."""

    def scores(self, net, data):
        x = data[0]
        inverse = np.linalg.inv(x.T @ x / len(x))
        return {name: p.value**2 / (2 * np.diag(inverse)[:, None]) for name, p in net.prunable.items()}


def test_a_surgeon_may_have_neither_damping_nor_compensation():
    criterion.obs_quadratic(BruteForce(), LINEAR)


def test_the_damping_is_a_share_of_the_mean_square_of_all_inputs():
    criterion.obs_quadratic(mp.OptimalBrainSurgeon(damp=0.25), LINEAR)
    undamped = mp.OptimalBrainSurgeon(damp=0.25)
    undamped.scores = BruteForce().scores
    with pytest.raises(LawBroken, match=r"the least cost of losing each weight for dense1\.weight"):
        criterion.obs_quadratic(undamped, LINEAR)


def test_the_weight_of_the_least_cost_is_the_one_to_follow():
    turned = network([np.array([[2.0], [-1.0], [0.5]])])  # the last is the least
    with pytest.raises(LawBroken) as broken:
        criterion.obs_quadratic(NoCompensation(), Case(network=turned, x=LINEAR.x[:, ::-1], y=LINEAR.y))
    assert broken.value.asked.startswith("the weights after number 2 went for dense1.weight: ")


def test_where_no_weight_is_kept_movement_scores_are_0():
    gone = network([np.ones((2, 2))], masks=[np.zeros((2, 2), bool)])
    criterion.movement_by_hand(mp.Movement(), Case(network=gone, x=CASE.x, y=CASE.y))


def test_equal_scores_are_of_the_same_names_in_the_same_order_bit_for_bit():
    one = {"a": np.array([0.0]), "b": np.array([1.0])}
    assert criterion.equal(one, {"a": np.array([0.0]), "b": np.array([1.0])})
    for other in (
        {"b": one["b"], "a": one["a"]},
        {"a": one["a"]},
        {**one, "c": one["a"]},
        {**one, "a": np.array([-0.0])},
        {**one, "b": np.array([2.0])},
    ):
        assert not criterion.equal(one, other)
