"""Drop-and-grow on eight weights: what goes, what comes, the share, and each refusal in full."""

import numpy as np
import pytest
from generators import digest

import minprune as mp
from minprune.pruning.patterns import NM, Blocks, Tiling
from minprune.pruning.regrowth import SET, Regrowth, RigL

LOSS = mp.MeanSquaredError()
NAME = "dense1.weight"


class Hopes(Regrowth):
    """What a test wrote down; it notes what it is asked with."""

    def __init__(self, hopes, fraction=0.5, may_return=True):
        super().__init__(fraction)
        self.hopes, self.may_return, self.asked = hopes, may_return, []

    def promise(self, network, data, rng):
        self.asked.append((network, data, rng))
        return self.hopes


def _network(kept=(1, 1, 1, 1, 0, 0, 0, 0)):
    network = mp.Network([mp.Dense.from_arrays(np.ones((8, 1)))])
    network.parameters[NAME].mask = np.array(kept, bool)[:, None]
    return network


SCORES = {NAME: np.arange(1.0, 9.0)[:, None]}


def _masks(regrow, network=None, t=0.0, **change):
    network = _network() if network is None else network
    asked = {"pattern": mp.Unstructured(), "data": None, "rng": 0} | change
    scores = asked.pop("scores", SCORES)
    return regrow.masks(network, scores, t, **asked)[NAME][:, 0].astype(int).tolist()


def _hopes(*hopes, **more):
    return Hopes({NAME: np.array(hopes, float)[:, None]}, **more)


def test_the_lowest_go_and_the_most_hopeful_come():
    network = _network()
    before = digest(network)
    regrow = _hopes(0, 0, 0, 0, 1, 2, 3, 4)
    assert _masks(regrow, network, data="some", rng=np.random.default_rng(0)) == [0, 0, 1, 1, 0, 0, 1, 1]
    assert digest(network) == before
    ((shown, data, rng),) = regrow.asked
    assert shown is network
    assert data == "some"
    assert isinstance(rng, np.random.Generator)
    assert _masks(_hopes(0, 0, 0, 0, 1, 1, 1, 1)) == [0, 0, 1, 1, 1, 1, 0, 0]  # of equal ones the first come


def test_what_has_just_gone_may_return_or_not():
    hopes = (9, 8, 0, 0, 1, 2, 3, 4)
    assert _masks(_hopes(*hopes)) == [1, 1, 1, 1, 0, 0, 0, 0]
    assert _masks(_hopes(*hopes, may_return=False)) == [0, 0, 1, 1, 0, 0, 1, 1]


def test_no_more_come_than_there_is_room_for():
    full = _network([1] * 7 + [0])
    assert _masks(_hopes(*[1] * 8, fraction=1.0, may_return=False), full) == [0, *[1] * 7]
    assert _masks(_hopes(*[1] * 8, fraction=1.0), _network([1] * 8)) == [1] * 8


@pytest.mark.parametrize(("t", "moved"), [(0.0, 4), (0.5, 2), (1.0, 0)])
def test_the_share_falls_along_a_cosine(t, moved):
    masks = _masks(_hopes(*[1] * 8, fraction=1.0, may_return=False), t=t)
    assert masks == [*[0] * moved, *[1] * 4, *[0] * (4 - moved)]
    assert [SET(0.4).share(t) for t in (0, 0.5, 1)] == pytest.approx([0.4, 0.2, 0.0])
    assert SET(0.4).share(1 / 3) == pytest.approx(0.3)


def test_tiles_are_exchanged_for_tiles_of_their_size():
    """Blocks of three, three and two: the last, of two, is gone, but has no block of two to be exchanged with."""
    network = _network([1, 1, 1, 1, 1, 1, 0, 0])
    assert _masks(_hopes(*range(8), fraction=1.0), network, pattern=Blocks((3, 1))) == [1] * 6 + [0, 0]
    network = _network([0, 0, 0, 1, 1, 1, 1, 1])
    found = _masks(_hopes(*range(8), fraction=1.0, may_return=False), network, pattern=Blocks((3, 1)))
    assert found == [1, 1, 1, 0, 0, 0, 1, 1]


def test_each_size_of_tiles_has_an_exchange_of_its_own():
    """Pairs above, all there, and single weights below, of which two are gone."""
    network = mp.Network([mp.Dense.from_arrays(np.ones((5, 4)))])
    network.parameters[NAME].mask = np.array([[1, 1, 1, 1]] * 4 + [[1, 1, 0, 0]], bool)
    shown = {"pattern": Blocks((2, 1)), "data": None, "rng": 0}
    hopes = Hopes({NAME: np.array([[0.0, 0, 0, 0]] * 4 + [[0, 0, 1, 2]])})
    scores = {NAME: np.array([[0.5, 0.5, 0.5, 0.5]] * 4 + [[1, 2, 0, 0]])}
    [mask] = hopes.masks(network, scores, 0.0, **shown).values()
    assert mask.astype(int).tolist() == [[1, 1, 1, 1]] * 4 + [[0, 1, 0, 1]]


def test_a_tile_that_is_there_in_part_stays():
    network = _network([1, 0, 1, 1, 0, 0, 1, 1])
    found = _masks(_hopes(*[1] * 8, fraction=1.0, may_return=False), network, pattern=Blocks((2, 1)))
    assert found == [1, 0, 0, 0, 1, 1, 1, 1]


def test_tiles_that_lie_apart():
    class Sets(Tiling):
        noun = "set"

        def numbers(self, shape):
            return np.array([0, 1, 1, 2, 3, 3, 0, 2])[:, None]

    network = _network([1, 1, 1, 0, 0, 0, 1, 0])
    found = _masks(_hopes(*range(8), fraction=0.5, may_return=False), network, pattern=Sets())
    assert found == [1, 0, 0, 1, 0, 0, 1, 1]


def test_of_n_of_m_a_group_that_lost_one_has_room_for_one():
    network = _network([1, 1, 0, 0, 1, 1, 0, 0])
    found = _masks(_hopes(0, 0, 1, 2, 0, 0, 9, 9, fraction=0.25, may_return=False), network, pattern=NM(2, 4))
    assert found == [0, 1, 0, 1, 1, 1, 0, 0]


def test_rigl_and_set():
    """With x = 1 … 8 the gradient is the largest at the last; SET draws, and the same seed draws the same."""
    x, y = np.arange(1.0, 9.0)[None], np.array([[0.0]])
    assert _masks(RigL(LOSS, 0.5), data=(x, y)) == [0, 0, 1, 1, 0, 0, 1, 1]
    network = _network()
    hopes = RigL(LOSS).promise(network, (x, y), np.random.default_rng(0))[NAME]
    assert hopes[:, 0] == pytest.approx(2 * 10 * x[0])
    drawn = np.random.default_rng(7).random((8, 1))
    np.testing.assert_array_equal(SET().promise(network, None, np.random.default_rng(7))[NAME], drawn)
    free = np.where(np.arange(8) > 3, drawn[:, 0], -1)
    expected = np.array([0, 0, 1, 1, 0, 0, 0, 0])
    expected[np.argsort(-free)[:2]] = 1
    assert _masks(SET(0.5), rng=7) == expected.tolist()
    assert (repr(SET()), repr(RigL(LOSS))) == ("SET(0.3)", "RigL(MeanSquaredError(), 0.3)")
    assert (SET.needs_data, RigL.needs_data, SET.may_return, RigL.may_return) == (False, True, False, True)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: SET(0), "fraction must be in (0, 1], got 0 in SET()"),
        (lambda: RigL(LOSS, 1.5), "fraction must be in (0, 1], got 1.5 in RigL()"),
        (lambda: RigL(3), "loss must be a Loss, got 3 in RigL()"),
        (lambda: SET().share(-0.1), "t must be in [0, 1], got -0.1 in share()"),
        (lambda: SET().share(1.1), "t must be in [0, 1], got 1.1 in share()"),
        (lambda: SET().promise(3, None, 0), "network must be a Network, got int in promise()"),
        (
            lambda: SET().promise(_network(), None, "x"),
            "rng must be a Generator, a seed or None, got str 'x' in promise()",
        ),
        (lambda: _masks(SET(), rng="x"), "rng must be a Generator, a seed or None, got str 'x' in masks()"),
        (lambda: _masks(SET(), t=2), "t must be in [0, 1], got 2 in share()"),
        (lambda: _masks(SET(), pattern=3), "pattern must be a Pattern, got 3 in masks()"),
        (
            lambda: _masks(SET(), pattern=mp.Unstructured),
            f"pattern must be a Pattern, got {mp.Unstructured!r} in masks()",
        ),
        (
            lambda: _masks(SET(), pattern=mp.Neurons(inputs=True)),
            "regrow needs a pattern whose units share no weights, got Neurons(reduce='mean_square', inputs=True): a "
            "neuron that grew would bring weights of other neurons with it",
        ),
        (
            lambda: _masks(Hopes({})),
            "scores of dense1.weight must be a float array of shape (8, 1), got NoneType in Hopes(0.5)()",
        ),
        (
            lambda: _masks(_hopes(*[-1] * 8)),
            "scores of dense1.weight must be finite and non-negative, got 8 that are not in Hopes(0.5)(), the first at "
            "(0, 0): -1.0",
        ),
    ],
)
def test_what_is_refused(ask, says):
    with pytest.raises(mp.MinpruneError) as caught:
        ask()
    assert str(caught.value) == says
