"""Penalties: values by hand, gradients against differences, proximal steps against their definition."""

import math

import numpy as np
import pytest
from differences import PENALTIES, away_from_kinks, central, positive_zeros
from hypothesis import given
from hypothesis import strategies as st

from minprune import L1, L2, GroupLasso, InvalidTypeError, InvalidValueError, Parameter
from minprune.nn.penalties import Penalty

SEEDS = st.integers(0, 2**16)
KEPT = st.sampled_from([0.0, 0.5, 1.0])
PROXIMAL = {"l1": L1(0.3), "rows": GroupLasso(0.3), "columns": GroupLasso(0.3, axis="outputs")}
SMOOTH = {"l1 subgradient": L1(0.3, subgradient=True), "l2": L2(0.3), "both": L1(0.1, subgradient=True) + L2(0.2)}


def weights(seed, kept=1.0, dtype=np.float64, shape=(3, 4)):
    """A weight of numbers away from 0, masked, and a bias that penalties leave alone."""
    rng = np.random.default_rng(seed)
    w = Parameter(away_from_kinks(rng, shape).astype(dtype), "dense1.weight", prunable=True)
    w.mask = rng.random(shape) < kept
    return {"dense1.weight": w, "dense1.bias": Parameter(np.ones(shape[1], dtype), "dense1.bias")}


def value_by_hand(penalty, p):
    kept = [(i, j) for i, j in np.ndindex(p.shape) if p.mask[i, j]]
    if isinstance(penalty, L1):
        return penalty.strength * sum(abs(p.value[at]) for at in kept)
    if isinstance(penalty, L2):
        return penalty.strength / 2 * sum(p.value[at] ** 2 for at in kept)
    if not isinstance(penalty, GroupLasso):
        return sum(value_by_hand(part, p) for part in penalty.parts)
    total = 0.0
    for g in range(p.shape[0 if penalty.axis == "inputs" else 1]):
        group = [p.value[at] for at in kept if at[0 if penalty.axis == "inputs" else 1] == g]
        total += math.sqrt(len(group)) * math.sqrt(sum(v**2 for v in group))
    return penalty.strength * total


@pytest.mark.parametrize("name", [n for n in PENALTIES if n != "none"])
@given(seed=SEEDS, kept=KEPT, dtype=st.sampled_from([np.float32, np.float64]))
def test_values_are_those_of_the_formula(name, seed, kept, dtype):
    parameters = weights(seed, kept, dtype)
    expected = value_by_hand(PENALTIES[name](), parameters["dense1.weight"])
    assert PENALTIES[name]().value(parameters) == pytest.approx(expected, rel=1e-6 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("name", SMOOTH)
@given(seed=SEEDS, kept=KEPT)
def test_penalty_gradient(name, seed, kept):
    """Each penalty's gradient equals central differences away from kinks."""
    parameters = weights(seed, kept)
    w, penalty = parameters["dense1.weight"], SMOOTH[name]
    w.grad[...] = 1.0
    penalty.add_gradient(parameters)
    expected = np.where(w.mask, central(lambda: penalty.value(parameters), w.value), 0)
    np.testing.assert_allclose(w.grad - 1, expected, rtol=1e-9, atol=1e-10)
    assert not parameters["dense1.bias"].grad.any()
    before = w.value.copy()
    penalty.shrink(parameters, 0.1)
    np.testing.assert_array_equal(w.value, before)


@pytest.mark.parametrize("name", PROXIMAL)
@given(seed=SEEDS, kept=KEPT)
def test_a_proximal_step_goes_by_the_gradient_at_its_end(name, seed, kept):
    """prox(w) = u is where (w − u)/η = ∂Ω(u): the implicit form of a gradient step, exact wherever u has a gradient."""
    parameters = weights(seed, kept)
    w, penalty, step = parameters["dense1.weight"], PROXIMAL[name], 0.05
    before = w.value.copy()
    penalty.shrink(parameters, step)
    went = (before - w.value) / step
    there = np.where(w.mask & (np.abs(w.value) > 0.01), central(lambda: penalty.value(parameters), w.value), went)
    np.testing.assert_allclose(went, there, rtol=1e-8, atol=1e-8)
    w.grad[...] = 1.0
    penalty.add_gradient(parameters)
    np.testing.assert_array_equal(w.grad, 1.0)


@pytest.mark.parametrize("name", PROXIMAL)
@given(seed=SEEDS, kept=KEPT, step=st.sampled_from([0.01, 1.0, 5.0]))
def test_a_proximal_step_is_the_argmin_that_defines_it(name, seed, kept, step):
    parameters = weights(seed, kept)
    w, penalty, rng = parameters["dense1.weight"], PROXIMAL[name], np.random.default_rng(seed)
    before = w.value.copy()

    def objective():
        return penalty.value(parameters) + ((w.value - before) ** 2).sum() / (2 * step)

    penalty.shrink(parameters, step)
    best, at_best = w.value.copy(), objective()
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(10):
            w.value = best + size * rng.standard_normal(w.shape)
            assert objective() >= at_best - 1e-12


@given(seed=SEEDS, kept=KEPT, step=st.floats(0.0, 5.0), dtype=st.sampled_from([np.float32, np.float64]))
def test_prox_zeroes(seed, kept, step, dtype):
    """Proximal L1 makes exact zeros, never flips a sign, and shrinks by no more than its step."""
    parameters = weights(seed, kept, dtype)
    w, reach = parameters["dense1.weight"], dtype(step * 0.3)
    before = w.value.copy()
    L1(0.3).shrink(parameters, step)
    assert positive_zeros(w.value, np.abs(before) > reach)
    assert (w.value * before >= 0).all()
    assert (np.abs(w.value) <= np.abs(before)).all()
    np.testing.assert_allclose(w.value, np.sign(before) * np.maximum(np.abs(before) - reach, 0), rtol=1e-6)


@pytest.mark.parametrize("axis", ["inputs", "outputs"])
@given(seed=SEEDS, kept=KEPT, step=st.floats(0.0, 10.0), dtype=st.sampled_from([np.float32, np.float64]))
def test_group_prox(axis, seed, kept, step, dtype):
    """Group proximal steps zero whole groups or none of it."""
    parameters = weights(seed, kept, dtype)
    w, along = parameters["dense1.weight"], 1 if axis == "inputs" else 0
    before = w.value.astype(np.float64)
    GroupLasso(0.3, axis=axis).shrink(parameters, step)
    alive = (w.value != 0) & w.mask
    whole = alive.any(axis=along, keepdims=True)
    np.testing.assert_array_equal(alive, whole & w.mask)
    assert positive_zeros(w.value, alive)
    norms = np.sqrt((before**2).sum(axis=along, keepdims=True))
    margin = norms - step * 0.3 * np.sqrt(w.mask.sum(axis=along, keepdims=True))
    clear = np.abs(margin) > 1e-6
    np.testing.assert_array_equal(whole[clear], (margin > 0)[clear])
    factor = np.where(norms > 0, np.maximum(margin, 0) / np.where(norms > 0, norms, 1), 0)
    np.testing.assert_allclose(w.value, before * factor, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in PENALTIES if n != "none"])
@given(seed=SEEDS, kept=st.sampled_from([0.0, 0.5]))
def test_penalty_skips_pruned(name, seed, kept):
    """A penalty's value and gradient ignore pruned weights, even where something was written to them."""
    parameters, penalty = weights(seed, kept), PENALTIES[name]()
    w = parameters["dense1.weight"]
    value = penalty.value(parameters)
    penalty.add_gradient(parameters)
    gradient = w.grad.copy()
    w.grad[...] = 0
    w.value[~w.mask] = np.random.default_rng(seed).choice([5.0, -7.0, np.nan], int((~w.mask).sum()))
    assert penalty.value(parameters) == value
    penalty.add_gradient(parameters)
    np.testing.assert_array_equal(w.grad, gradient)
    assert not w.grad[~w.mask].any()
    clean = weights(seed, kept)
    penalty.shrink(parameters, 0.1)
    penalty.shrink(clean, 0.1)
    np.testing.assert_array_equal(w.value[w.mask], clean["dense1.weight"].value[w.mask])


@pytest.mark.parametrize("name", [n for n in PENALTIES if n != "none"])
def test_a_value_is_the_sum_over_all_weights(name):
    one, other, penalty = weights(0)["dense1.weight"], weights(1)["dense1.weight"], PENALTIES[name]()
    for penalised in ({"a": one, "b": other}, {"b": other, "a": one}):
        total = penalty.value({"a": one}) + penalty.value({"b": other})
        assert penalty.value(penalised) == pytest.approx(total, rel=1e-14)


@pytest.mark.parametrize(
    ("penalty", "value"), [(L1(1.0), 12e38), (L2(1.0), 2e76), (GroupLasso(1.0), 2 * math.sqrt(2) * math.sqrt(2) * 3e38)]
)
def test_values_of_float32_weights_are_summed_in_float64(penalty, value):
    """Here their sum, or their squares, are beyond float32."""
    size = 1e38 if isinstance(penalty, L2) else 3e38
    w = Parameter(np.full((2, 2), size, np.float32), "w", prunable=True)
    assert penalty.value({"w": w}) == pytest.approx(value, rel=1e-6)


def test_sums_add_gradients_and_step_one_after_the_other_in_order():
    total = L1(0.1) + L2(0.2) + GroupLasso(0.3)
    assert repr(total) == "L1(0.1) + L2(0.2) + GroupLasso(0.3, axis='inputs')"
    assert len(total.parts) == 3
    one, other = weights(0), weights(0)
    total.add_gradient(one)
    total.shrink(one, 0.5)
    L2(0.2).add_gradient(other)
    L1(0.1).shrink(other, 0.5)
    GroupLasso(0.3).shrink(other, 0.5)
    for name, p in one.items():
        np.testing.assert_array_equal(p.value, other[name].value)
        np.testing.assert_array_equal(p.grad, other[name].grad)
    with pytest.raises(TypeError, match="unsupported operand"):
        L1(0.1) + 1


class Told(Penalty):
    """One of the reader's own."""

    def __init__(self):
        self.calls = []

    def value(self, parameters):
        return 1.0

    def add_gradient(self, parameters):
        self.calls.append("gradient")

    def shrink(self, parameters, step):
        self.calls.append(step)


def test_a_penalty_of_ones_own_acts_within_a_sum_and_not_at_all_if_another_part_refuses():
    own, parameters = Told(), weights(0)
    (own + L2(0.2)).add_gradient(parameters)
    (L1(0.1) + own).shrink(parameters, 0.5)
    assert own.calls == ["gradient", 0.5]
    refused = own + L1(0.1, names=["nowhere"])
    for act in (lambda: refused.add_gradient(parameters), lambda: refused.shrink(parameters, 0.5)):
        with pytest.raises(InvalidValueError, match="names no parameter of the network"):
            act()
    assert own.calls == ["gradient", 0.5]
    assert (own + L2(0.0)).value(parameters) == 1.0


def test_names_choose_the_parameters_biases_included():
    parameters = weights(0)
    assert L2(2.0, names=["dense1.bias"]).value(parameters) == 4.0
    assert L1(1.0, names=(n for n in ["dense1.bias"])).value(parameters) == 4.0
    assert L1(1.0, names=[]).value(parameters) == 0.0
    assert repr(L1(1.0, subgradient=True, names=["a"])) == "L1(1, names=('a',), subgradient=True)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: L1(-1), InvalidValueError, "strength must be at least 0 and finite, got -1 in L1()"),
        (lambda: L2(math.inf), InvalidValueError, "strength must be at least 0 and finite, got inf in L2()"),
        (lambda: GroupLasso("a"), InvalidTypeError, "strength must be a number, got str 'a' in GroupLasso()"),
        (
            lambda: GroupLasso(1, axis="rows"),
            InvalidValueError,
            "axis must be a known name, got 'rows' in GroupLasso(); known: inputs, outputs",
        ),
        (lambda: L1(1, subgradient=1), InvalidTypeError, "subgradient must be True or False, got 1 in L1()"),
        (
            lambda: L1(1, names="a"),
            InvalidTypeError,
            "names must be a sequence of parameter names or None, got 'a' in L1()",
        ),
        (
            lambda: L1(1, names=5),
            InvalidTypeError,
            "names must be a sequence of parameter names or None, got 5 in L1()",
        ),
        (
            lambda: L2(1, names=[5]),
            InvalidTypeError,
            "names must be a sequence of parameter names or None, got [5] in L2()",
        ),
        (
            lambda: L2(1, names=["dense1.wieght"]).value(weights(0)),
            InvalidValueError,
            (
                "L2(1, names=('dense1.wieght',)) names no parameter of the network: 'dense1.wieght'; did you "
                "mean 'dense1.weight'? Known: dense1.weight, dense1.bias"
            ),
        ),
        (
            lambda: GroupLasso(1, names=["dense1.bias"]).value(weights(0)),
            InvalidValueError,
            (
                "GroupLasso(1, names=('dense1.bias',), axis='inputs') needs weights in rows and columns, got "
                "dense1.bias of shape (4,)"
            ),
        ),
    ],
)
def test_what_no_penalty_can_be_is_refused(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
