"""What must not matter to losses, penalties and optimizers, and what must come out twice as large."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from relating import (
    OPTIMIZERS,
    ROWS,
    Scaled,
    data,
    network,
    normal,
    rebuilt,
    same,
    trained,
    values,
)

import minprune as mp

SEEDS = st.integers(0, 2**16)
FACTORS = st.sampled_from([2.0**-9, 0.5, 4.0, 2.0**7])
DTYPES = st.sampled_from([np.float32, np.float64])
SQUARES, ENTROPY, BINARY = mp.MeanSquaredError(), mp.SoftmaxCrossEntropy(), mp.BinaryCrossEntropy()


# ── losses ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def logits(seed, classes=4, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (rng.integers(-32, 33, (ROWS, classes)) / 8).astype(dtype), rng.permutation(np.arange(ROWS) % classes)


def both(loss, z, y, weight=None):
    value, grad = loss.value_and_gradient(z, y, weight)
    return {"value": np.array(value), "grad": grad}


@given(SEEDS, DTYPES, st.integers(-1000, 1000))
def test_cross_entropy_knows_no_zero_of_the_logits(seed, dtype, shift):
    z, y = logits(seed, dtype=dtype)
    assert same(both(ENTROPY, z + dtype(shift), y), both(ENTROPY, z, y))
    assert same(both(SQUARES, z + dtype(shift), z[::-1] + dtype(shift)), both(SQUARES, z, z[::-1]))


@given(SEEDS)
def test_one_logit_is_two_of_which_the_first_is_0(seed):
    z, _ = logits(seed, 1)
    y = np.arange(ROWS) % 2
    one, two = both(BINARY, z, y), both(ENTROPY, np.concatenate([0 * z, z], axis=1), y)
    assert one["value"] == pytest.approx(two["value"], rel=1e-14)
    np.testing.assert_allclose(one["grad"], two["grad"][:, 1:], rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(-one["grad"], two["grad"][:, :1], rtol=1e-13, atol=1e-16)


@given(SEEDS, st.booleans())
def test_the_two_classes_exchanged_is_the_logit_turned_round(seed, sure):
    z, _ = logits(seed, 1)
    y = np.arange(ROWS) % 2 if sure else np.arange(ROWS) / ROWS
    there, back = both(BINARY, z, y), both(BINARY, -z, 1 - y)
    assert there["value"] == pytest.approx(back["value"], rel=1e-14)
    np.testing.assert_allclose(there["grad"], -back["grad"], rtol=1e-13, atol=1e-16)


@given(SEEDS)
def test_classes_in_another_order_have_their_gradients_in_that_order(seed):
    z, y = logits(seed)
    order = np.random.default_rng(seed).permutation(4)
    there, back = both(ENTROPY, z, y), both(ENTROPY, z[:, order], np.argsort(order)[y])
    assert there["value"] == pytest.approx(back["value"], rel=1e-14)
    np.testing.assert_allclose(there["grad"][:, order], back["grad"], rtol=1e-14, atol=1e-16)


@given(SEEDS, FACTORS)
def test_squares_grow_with_the_square_and_with_the_loss(seed, factor):
    z, _ = logits(seed)
    plain, larger = both(SQUARES, z, z[::-1]), both(SQUARES, z * factor, z[::-1] * factor)
    assert same(larger, {"value": plain["value"] * factor**2, "grad": plain["grad"] * factor})


@pytest.mark.parametrize("loss", [ENTROPY, SQUARES, BINARY])
@given(seed=SEEDS, factor=FACTORS)
def test_sample_weights_are_shares(loss, seed, factor):
    """Their scale does not matter, whole ones repeat a row, and a row of weight 0 is not there."""
    z, y = logits(seed, 1 if loss is BINARY else 4)
    y = {ENTROPY: y, SQUARES: z[::-1], BINARY: np.arange(ROWS) % 2}[loss]
    counts = np.random.default_rng(seed).integers(0, 4, ROWS)
    counts[0] += 1
    weighted = both(loss, z, y, counts.astype(float))
    assert same(both(loss, z, y, counts * factor), weighted)
    repeated = both(loss, z.repeat(counts, axis=0), y.repeat(counts, axis=0))
    assert weighted["value"] == pytest.approx(repeated["value"], rel=1e-14)
    summed = np.zeros_like(z)
    np.add.at(summed, np.arange(ROWS).repeat(counts), repeated["grad"])
    np.testing.assert_allclose(weighted["grad"], summed, rtol=1e-13, atol=1e-16)


# ── penalties ───────────────────────────────────────────────────────────────────────────────────────────────────────

PENALTIES = {
    "L1": (1, lambda s: mp.L1(s)),
    "L1 by subgradient": (1, lambda s: mp.L1(s, subgradient=True)),
    "L2": (2, lambda s: mp.L2(s)),
    "GroupLasso": (1, lambda s: mp.GroupLasso(s)),
    "GroupLasso of outputs": (1, lambda s: mp.GroupLasso(s, axis="outputs")),
    "sum": (1, lambda s: mp.L1(s) + mp.GroupLasso(s)),
}


@pytest.mark.parametrize("name", PENALTIES)
@given(seed=SEEDS, factor=FACTORS, dtype=DTYPES)
def test_a_penalty_grows_by_its_degree_and_its_strength(name, seed, factor, dtype):
    degree, make = PENALTIES[name]
    net = network(seed, numbers=normal, dtype=dtype)
    larger = rebuilt(net, lambda a, role, k: a if a.dtype == bool else a * dtype(factor))
    value = make(0.25).value(net.parameters)
    assert make(0.25).value(larger.parameters) == value * factor**degree
    assert make(0.25 * factor).value(net.parameters) == value * factor
    for other, strength, by in ((larger, 0.25, factor ** (degree - 1)), (net.copy(), 0.25 * factor, factor)):
        here = net.copy()
        make(0.25).add_gradient(here.parameters)
        make(strength).add_gradient(other.parameters)
        for p, q in zip(here.parameters.values(), other.parameters.values(), strict=True):
            assert same(q.grad, p.grad * dtype(by))


@pytest.mark.parametrize("name", [name for name in PENALTIES if name not in ("L2", "L1 by subgradient")])
@given(seed=SEEDS, factor=FACTORS, dtype=DTYPES)
def test_a_proximal_step_scales_with_the_weights_and_knows_the_product_of_length_and_strength_alone(
    name, seed, factor, dtype
):
    make = PENALTIES[name][1]
    net = network(seed, numbers=normal, dtype=dtype)
    larger = rebuilt(net, lambda a, role, k: a if a.dtype == bool else a * dtype(factor))
    stronger = net.copy()
    make(0.25).shrink(net.parameters, 0.5)
    make(0.25).shrink(larger.parameters, 0.5 * factor)
    make(0.25 * factor).shrink(stronger.parameters, 0.5 / factor)
    assert same(values(larger), {key: v * dtype(factor) for key, v in values(net).items()})
    assert same(values(stronger), values(net))


@given(SEEDS)
def test_groups_of_rows_are_the_groups_of_columns_turned_round(seed):
    net = network(seed, widths=(6, 6), bias=False)
    turned = rebuilt(net, lambda a, role, k: a.T)
    rows, columns = mp.GroupLasso(0.25), mp.GroupLasso(0.25, axis="outputs")
    assert rows.value(net.parameters) == pytest.approx(columns.value(turned.parameters), rel=1e-14)
    rows.shrink(net.parameters, 0.5)
    columns.shrink(turned.parameters, 0.5)
    np.testing.assert_allclose(net.dense[0].weight.value.T, turned.dense[0].weight.value, rtol=1e-14)


# ── optimizers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(SEEDS, FACTORS, DTYPES, st.sampled_from([{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}]))
def test_descent_knows_the_product_of_rate_and_loss_alone(seed, factor, dtype, options):
    net, batch = network(seed, numbers=normal, dtype=dtype), data(seed, numbers=normal, dtype=dtype)
    plain = trained(net, batch, optimizer=mp.SGD(0.25, **options), batch_size=6)
    other = trained(
        net, batch, optimizer=mp.SGD(0.25 * factor, **options), loss=Scaled(ENTROPY, 1 / factor), batch_size=6
    )
    assert same(values(other), values(plain))


@pytest.mark.parametrize("make", [mp.Adam, mp.AdamW])
@given(seed=SEEDS, factor=FACTORS, dtype=DTYPES)
def test_adam_knows_no_scale_of_the_loss_but_that_of_eps(make, seed, factor, dtype):
    net, batch = network(seed, numbers=normal, dtype=dtype), data(seed, numbers=normal, dtype=dtype)
    plain = trained(net, batch, optimizer=make(0.01, eps=2**-20), batch_size=6)
    other = trained(net, batch, optimizer=make(0.01, eps=factor * 2**-20), loss=Scaled(ENTROPY, factor), batch_size=6)
    assert same(values(other), values(plain))


@given(SEEDS, FACTORS)
def test_adam_knows_no_scale_at_all_as_eps_goes_to_0(seed, factor):
    """A weight's step changes by ε/√v of itself at most: nothing is left of it at ε = 10⁻³⁰⁰."""
    net, batch = network(seed, numbers=normal), data(seed, numbers=normal)
    first, second = (
        trained(net, batch, optimizer=mp.Adam(0.01, eps=1e-300), loss=Scaled(ENTROPY, each)) for each in (1.0, factor)
    )
    assert same(values(first), values(second))


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(seed=SEEDS, dtype=DTYPES)
def test_turned_round_weights_and_gradients_take_the_same_steps_the_other_way(name, seed, dtype):
    rng = np.random.default_rng(seed)
    start, optimizer = normal(rng, (4, 5), dtype), OPTIMIZERS[name]()
    there, back = (mp.Parameter(sign * start, "w", prunable=True) for sign in (1, -1))
    for _ in range(3):
        there.grad = normal(rng, (4, 5), dtype)
        back.grad = -there.grad
        optimizer.step({"there": there, "back": back})
    assert same(back.value, -there.value)


@given(SEEDS, DTYPES)
def test_what_does_nothing_is_as_if_left_out(seed, dtype):
    net, batch = network(seed, numbers=normal, dtype=dtype), data(seed, numbers=normal, dtype=dtype)
    plain = values(trained(net, batch, optimizer=mp.Adam(0.01)))
    assert same(values(trained(net, batch, optimizer=mp.AdamW(0.01, weight_decay=0))), plain)
    for penalty in (mp.L1(0), mp.L2(0), mp.GroupLasso(0), mp.L1(0, subgradient=True)):
        assert same(values(trained(net, batch, optimizer=mp.Adam(0.01), penalty=penalty)), plain)
    assert same(values(trained(net, batch, optimizer=mp.Adam(0.01), sample_weight=np.full(ROWS, 1.0))), plain)
    assert same(values(trained(net, batch, optimizer=mp.Adam(0.01), valid=batch, progress=False)), plain)
    assert same(values(trained(net, batch, optimizer=mp.Adam(mp.CosineDecay(0.01, 0.01)))), plain)
