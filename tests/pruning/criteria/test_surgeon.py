"""The optimal brain surgeon beside least squares, solved anew for each choice."""

import numpy as np
import pytest
from generators import masks, networks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria.surgeon import OptimalBrainSurgeon

FLOATS = st.sampled_from([np.float32, np.float64])


def _entering(network, x):
    """Return what enters each layer, in float64."""
    result, x = [], x.astype(network.dtype)
    for layer in network.layers:
        if isinstance(layer, mp.Dense):
            result.append(x.astype(np.float64))
        x = layer.forward(x)
    return result


def _least(x, w, keep, damp, free):
    """Return the δ with δ = −w where not `keep` and the least ½·mean (xᵀδ + δ_bias)² + ½·λ‖δ‖², and what it costs.

    By least squares on x over √n, with a row √λ for each weight, and a column of ones for a bias. λ is `damp` times the
    mean second moment of the inputs that count, about the mean if there is a bias.
    """
    n, inputs = x.shape
    second = (x * x).mean(axis=0) if not free else x.var(axis=0)
    varies = (x != 0).any(axis=0) if not free else (x != x[0]).any(axis=0)
    ridge = np.sqrt(damp * second[varies].mean()) if varies.any() else 0.0
    matrix = np.vstack([x / np.sqrt(n), ridge * np.diag(varies)])
    if free:
        matrix = np.hstack([matrix, np.r_[np.ones(n) / np.sqrt(n), np.zeros(inputs)][:, None]])
    moves = np.r_[keep & varies, np.ones(int(free), bool)]
    change = np.zeros(inputs + int(free))
    change[:inputs][~keep] = -w[~keep]
    target = -matrix @ change
    change[moves] = np.linalg.lstsq(matrix[:, moves], target, rcond=None)[0]
    return change, ((matrix @ change) ** 2).sum() / 2


def _frees(layer):
    return [False] * layer.outputs if layer.bias is None else layer.bias.mask.tolist()


def _data(network, rows, seed):
    x = np.random.default_rng(seed).standard_normal((rows, network.inputs)).astype(np.float32)
    x[:, seed % 3 :: 3] *= 0.1
    x[:, (seed + 1) % 5 :: 5] = [0.0, 3.0][seed % 2]  # dead inputs, or such as never vary
    return x, np.zeros(rows, int)


@st.composite
def _cases(draw, **limits):
    """A network, perhaps pruned, perhaps with a bias gone, and more or fewer rows than it has inputs."""
    network = draw(networks(**limits))
    for layer in network.dense:
        if layer.bias is not None and draw(st.booleans()):
            layer.bias.mask = draw(masks(layer.bias.shape))
    return network, _data(network, draw(st.integers(1, 24)), draw(st.integers(0, 99)))


@given(FLOATS.flatmap(lambda dtype: _cases(dtype=dtype, layers=(1, 3), width=6)), st.sampled_from([1e-3, 0.01, 1.0]))
def test_a_score_is_the_least_cost_of_losing_the_weight(case, damp):
    """The others that are left may move, and the bias: solved for each weight by itself."""
    network, data = case
    scores = OptimalBrainSurgeon(damp, batch_size=7).scores(network, data)
    for layer, x in zip(network.dense, _entering(network, data[0]), strict=True):
        weight, score = layer.weight, scores[layer.weight.name]
        for (i, j), value in np.ndenumerate(weight.value.astype(np.float64)):
            if not weight.mask[i, j]:
                assert score[i, j] == 0
                continue
            keep, free = weight.mask[:, j].copy(), _frees(layer)[j]
            w = np.zeros(layer.inputs)
            w[i], keep[i] = value, False
            # What is gone already is held where it is, which w = 0 says.
            cost = _least(x, w, keep, damp, free)[1]
            assert score[i, j] == pytest.approx(cost, rel=1e-5, abs=1e-12)


@given(
    FLOATS.flatmap(lambda dtype: _cases(dtype=dtype, layers=(1, 3), width=7)),
    st.sampled_from([1e-3, 0.01, 1.0]),
    st.data(),
)
def test_compensation_is_least_squares_for_each_output(case, damp, draw):
    network, data = case
    new_masks = {name: draw.draw(masks(p.shape)) for name, p in network.prunable.items()}
    values = OptimalBrainSurgeon(damp, batch_size=7).compensate(network, data, new_masks)
    assert list(values) == list(network.parameters)
    for layer, x in zip(network.dense, _entering(network, data[0]), strict=True):
        old, new = layer.weight.value.astype(np.float64), values[layer.weight.name]
        keep = layer.weight.mask & new_masks[layer.weight.name]
        assert new.dtype == network.dtype
        assert not np.signbit(new[~keep]).any()
        assert not new[~keep].any()
        close = {"rtol": 1e-5, "atol": 1e-5 if network.dtype == np.float32 else 1e-9}
        for j, free in enumerate(_frees(layer)):
            change = _least(x, old[:, j], keep[:, j], damp, free)[0]
            assert np.allclose(new[:, j], old[:, j] + change[: layer.inputs], **close)
            if layer.bias is not None:
                moved = values[layer.bias.name][j] - layer.bias.value[j].astype(np.float64)
                assert np.isclose(moved, change[-1] if free else 0.0, **close)
            if (old[:, j][~keep[:, j]] == 0).all():  # nothing is lost: not a bit changes
                assert (new[:, j] == layer.weight.value[:, j]).all()


@given(st.integers(2, 5), st.integers(1, 3), st.booleans(), st.integers(0, 99))
def test_obs_quadratic(inputs, outputs, bias, seed):
    """On a linear layer at its least squared error, the weight that goes and the update are what trying all finds."""
    draws = np.random.default_rng(seed)
    x, y = draws.standard_normal((30, inputs)) + 1, draws.standard_normal((30, outputs))
    columns = np.hstack([x, np.ones((30, int(bias)))])
    best = np.linalg.lstsq(columns, y, rcond=None)[0]
    network = mp.Network([mp.Dense.from_arrays(best[:inputs], best[-1] if bias else None)])
    tries = {}
    for i, j in np.ndindex(inputs, outputs):
        without = np.delete(columns, i, axis=1)
        rest = np.linalg.lstsq(without, y[:, j], rcond=None)[0]
        rise = np.square(y[:, j] - without @ rest).mean() - np.square(y[:, j] - columns @ best[:, j]).mean()
        tries[i, j] = (rise / 2, np.insert(rest, i, 0.0))
    made = mp.plan(network, OptimalBrainSurgeon(damp=1e-9), sparsity=1 / best[:inputs].size, min_keep=0, data=(x, y))
    for at, (rise, _) in tries.items():
        assert made.scores["dense1.weight"][at] == pytest.approx(rise, rel=1e-5)
    i, j = min(tries, key=lambda at: tries[at][0])
    assert np.argwhere(~made.masks["dense1.weight"]).tolist() == [[i, j]]
    expected = best.copy()
    expected[:, j] = tries[i, j][1]
    after = made.apply(network)
    assert np.allclose(after.parameters["dense1.weight"].value, expected[:inputs], rtol=1e-6, atol=1e-7)
    if bias:
        assert np.allclose(after.parameters["dense1.bias"].value, expected[-1], rtol=1e-6, atol=1e-7)


def test_as_damping_goes_to_zero_compensation_is_least_squares_on_the_kept_columns():
    draws = np.random.default_rng(0)
    x = draws.standard_normal((50, 8)) @ draws.standard_normal((8, 8))
    network = mp.Network([mp.Dense(8, 5, bias=False, rng=0, dtype=np.float64)])
    mask = draws.random((8, 5)) < np.linspace(0.1, 0.9, 5)
    new = OptimalBrainSurgeon(damp=1e-9).compensate(network, (x, np.zeros(50)), {"dense1.weight": mask})
    for j in range(5):
        kept = mask[:, j]
        expected = np.linalg.lstsq(x[:, kept], x @ network.dense[0].weight.value[:, j], rcond=None)[0]
        assert np.allclose(new["dense1.weight"][kept, j], expected, rtol=1e-6, atol=1e-6)


@given(st.integers(1, 6), st.integers(0, 99))
def test_one_weight_after_the_other_by_the_papers_rule_comes_to_the_same(going, seed):
    """Hassibi and Stork: the cheapest weight q goes, δ = −w_q [H⁻¹]_:q / [H⁻¹]_qq, and H⁻¹ loses a row and a column."""
    draws = np.random.default_rng(seed)
    x = draws.standard_normal((30, 7)) @ draws.standard_normal((7, 7))
    dense = mp.Network([mp.Dense(7, 1, bias=False, rng=seed, dtype=np.float64)])
    pruned, criterion, data = dense.copy(), OptimalBrainSurgeon(0.01), (x, np.zeros(30))
    h = x.T @ x / 30
    inverse = np.linalg.inv(h + 0.01 * h.diagonal().mean() * np.eye(7))
    weight, kept = pruned.dense[0].weight, np.ones((7, 1), bool)
    for _ in range(going):
        w = weight.value[:, 0].copy()
        costs = {q: w[q] ** 2 / (2 * inverse[q, q]) for q in np.flatnonzero(kept)}
        scores = criterion.scores(pruned, data)["dense1.weight"][:, 0]
        assert np.allclose(scores[kept[:, 0]], list(costs.values()), rtol=1e-6, atol=1e-12)
        q = min(costs, key=costs.get)
        w -= w[q] / inverse[q, q] * inverse[:, q]
        inverse -= np.outer(inverse[:, q], inverse[q]) / inverse[q, q]
        kept[q] = False
        weight.mask = kept
        weight.value = w[:, None]
    at_once = criterion.compensate(dense, data, {"dense1.weight": kept})["dense1.weight"]
    assert np.allclose(at_once, weight.value, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("constant", "bias"), [(0.0, True), (0.0, False), (0.3, True)])
def test_inputs_that_never_vary_cost_nothing_and_go_first(constant, bias):
    """Half the inputs: their weights are the largest, and go without a trace; a bias takes over what they gave."""
    layer = mp.Dense(6, 3, bias=bias, rng=0, dtype=np.float64)
    network = mp.Network([layer])
    layer.weight.value = layer.weight.value + np.where(np.arange(6)[:, None] < 3, 100.0, 0.0)
    x = np.random.default_rng(0).standard_normal((20, 6))
    x[:, :3] = constant
    made = mp.plan(network, OptimalBrainSurgeon(), sparsity=0.5, data=(x, np.zeros(20)))
    assert not made.masks["dense1.weight"][:3].any()
    assert not made.scores["dense1.weight"][:3].any()
    assert np.allclose(made.apply(network)(x), network(x), rtol=1e-12, atol=1e-12)


def test_what_is_dropped_is_plus_zero_and_what_loses_nothing_keeps_its_bits():
    network = mp.Network([mp.Dense.from_arrays(np.array([[-0.0, 1.0], [-0.0, 2.0]]))])
    mask = np.array([[False, False], [True, True]])
    new = OptimalBrainSurgeon().compensate(network, (np.eye(2), [0, 1]), {"dense1.weight": mask})["dense1.weight"]
    assert np.signbit(new).tolist() == [[False, False], [True, False]]


def test_scores_stay_exact_where_inputs_are_the_same_and_hardly_damped():
    """Eight copies of an input at a damping of 1e-9, all but one gone: what is left of them has no one to follow it."""
    draws = np.random.default_rng(0)
    x = draws.standard_normal((50, 20))
    x[:, :8] = x[:, :1] * draws.uniform(1, 100, 8)
    network = mp.Network([mp.Dense(20, 1, bias=False, rng=0, dtype=np.float64)])
    keep = np.arange(20)[:, None] % 8 * (np.arange(20)[:, None] < 8) == 0
    network.dense[0].weight.mask = keep
    scores = OptimalBrainSurgeon(1e-9).scores(network, (x, np.zeros(50)))["dense1.weight"][:, 0]
    kept, w = keep[:, 0], network.dense[0].weight.value[:, 0]
    h = x.T @ x / 50
    h += 1e-9 * h.diagonal().mean() * np.eye(20)
    exact = w[kept] ** 2 / (2 * np.linalg.inv(h[np.ix_(kept, kept)]).diagonal())
    assert np.allclose(scores[kept], exact, rtol=1e-5, atol=0)  # the condition number is 1e10


def test_tiny_weights_on_large_inputs_have_a_score_in_float32():
    """The square of the weight, 1e-50, is below any float32; what it does to the output is not."""
    network = mp.Network([mp.Dense.from_arrays(np.array([[1e-25]], np.float32))])
    score = OptimalBrainSurgeon(1e-9).scores(network, (np.array([[1e15]]), [0]))["dense1.weight"]
    assert score == pytest.approx(0.5e-20, rel=1e-5, abs=0)


def test_without_a_bias_a_constant_input_has_a_price():
    network = mp.Network([mp.Dense(2, 1, bias=False, rng=0, dtype=np.float64)])
    x = np.random.default_rng(0).standard_normal((20, 2))
    x[:, 0] = 4.0
    assert OptimalBrainSurgeon().scores(network, (x, np.zeros(20)))["dense1.weight"].all()


def test_a_layer_that_nothing_enters_costs_nothing():
    network = mp.Network.mlp([3, 4, 2], rng=0)
    network.parameters["dense1.bias"].value = np.full(4, -100.0)
    data = (np.ones((5, 3)), np.zeros(5, int))
    scores = OptimalBrainSurgeon().scores(network, data)
    assert not any(score.any() for score in scores.values())
    dropped = {name: np.zeros(p.shape, bool) for name, p in network.prunable.items()}
    values = OptimalBrainSurgeon().compensate(network, data, dropped)
    # The bias now says what input and weights did together; the second layer got nothing and says its own bias.
    assert np.allclose(values["dense1.bias"], network.dense[0].forward(np.ones((1, 3), np.float32))[0])
    assert (values["dense2.bias"] == 0).all()


def test_later_layers_are_solved_for_on_what_enters_them_now():
    """Compensating both layers at once is compensating each alone."""
    network = mp.Network.mlp([5, 6, 3], rng=0)
    data = (np.random.default_rng(0).standard_normal((40, 5)), np.zeros(40, int))
    both = {name: np.random.default_rng(1).random(p.shape) < 0.5 for name, p in network.prunable.items()}
    kept = {name: np.ones(p.shape, bool) for name, p in network.prunable.items()}
    together = OptimalBrainSurgeon().compensate(network, data, both)
    for name in both:
        alone = OptimalBrainSurgeon().compensate(network, data, kept | {name: both[name]})
        assert (alone[name] == together[name]).all()


@pytest.mark.parametrize("pattern", [mp.Unstructured(), mp.Neurons()])
@pytest.mark.parametrize("rounds", [1, 3])
def test_a_plan_with_it_loses_less_than_the_same_masks_without_compensation(pattern, rounds):
    digits = mp.datasets.load("digits")
    network = mp.Network.mlp([64, 32, 16, 10], rng=0)
    mp.fit(network, digits.train, loss=mp.SoftmaxCrossEntropy(), optimizer=mp.Adam(3e-3), epochs=5, rng=0)
    made = mp.plan(network, OptimalBrainSurgeon(rounds=rounds), sparsity=0.6, pattern=pattern, data=digits.train)
    bare = network.copy()
    for name, mask in made.masks.items():
        bare.parameters[name].mask = mask
    pruned = made.apply(network)
    assert all((pruned.parameters[name].value[~mask] == 0).all() for name, mask in made.masks.items())
    right = [float((net.predict(digits.valid.x) == digits.valid.y).mean()) for net in (pruned, bare)]
    assert right[0] > right[1] + 0.02


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda: OptimalBrainSurgeon(0.0), InvalidValueError, r"damp must be at least 1e-09 and finite, got 0 in Opt"),
        (lambda: OptimalBrainSurgeon("1"), InvalidTypeError, r"damp must be a number, got str '1' in OptimalBrainSur"),
        (lambda: OptimalBrainSurgeon(rounds=0), InvalidValueError, r"rounds must be at least 1, got 0 in OptimalBrain"),
        (lambda: _compensate([]), InvalidTypeError, r"masks must be a mapping of names to masks, got list in compens"),
        (lambda: _compensate({}), InvalidValueError, r"masks must name every prunable weight, got none for dense1.we"),
        (
            lambda: _compensate({"dense1.weight": np.ones((2, 2))}),
            InvalidTypeError,
            r"mask of dense1.weight must be a bool array, got dtype float64 in compensate\(\)",
        ),
        (lambda: OptimalBrainSurgeon().compensate(_layer(), None, {}), InvalidValueError, "needs data"),
        (
            lambda: OptimalBrainSurgeon().scores(_layer(), (np.full((2, 2), [[1e200], [-1e200]]), [0, 1])),
            InvalidValueError,
            r"the second moment of what enters dense1 must be finite, got 4 NaN or infinite in OptimalBrainSurgeon",
        ),
    ],
)
def test_bad_input_is_refused(ask, error, says):
    with pytest.raises(error, match=says):
        ask()


def _layer():
    return mp.Network([mp.Dense(2, 2, rng=0, dtype=np.float64)])


def _compensate(new_masks):
    return OptimalBrainSurgeon().compensate(_layer(), (np.eye(2), [0, 1]), new_masks)
