"""What must not matter to a network: the scale between its layers, the order of units, rows and classes, how x is cut,
how it lies in memory, and in which dtype it comes.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from relating import (
    ROWS,
    data,
    gradients,
    network,
    normal,
    orders,
    permuted,
    permuted_arrays,
    rebuilt,
    rescaled,
    rounding,
    same,
)

import minprune as mp
from minprune.nn.activations import ACTIVATIONS
from minprune.splits import Split
from minprune.testing.checks.kernel import LAYOUTS, laid_out

SEEDS = st.integers(0, 2**16)
DTYPES = st.sampled_from([np.float32, np.float64])
FACTORS = st.sampled_from([2.0**-9, 0.5, 4.0, 2.0**7])
RECTIFIERS = st.sampled_from(["relu", "leaky_relu"])
SQUARES, ENTROPY = mp.MeanSquaredError(), mp.SoftmaxCrossEntropy()


def targets(x, net):
    """Dyadic targets: with 4 outputs and 16 rows the gradient of the squared error is exact."""
    return np.roll(x, 1, axis=0)[:, : net.outputs].copy()


# ── scale ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(SEEDS, DTYPES, FACTORS, RECTIFIERS, st.sampled_from([0, 1]))
def test_a_layer_scaled_up_and_the_next_down_is_the_same_network(seed, dtype, factor, activation, k):
    """Bit for bit with any numbers; the gradients of the one are divided by the factor, of the other multiplied."""
    net = network(seed, numbers=normal, activation=activation, dtype=dtype)
    other, batch = rescaled(net, k, factor), data(seed, numbers=normal, dtype=dtype)
    assert same(other(batch[0]), net(batch[0]))
    before, after = (gradients(each, batch, ENTROPY) for each in (net, other))
    scale = {f"dense{k + 1}.weight": 1 / factor, f"dense{k + 1}.bias": 1 / factor, f"dense{k + 2}.weight": factor}
    assert same(after, {name: g * g.dtype.type(scale.get(name, 1)) for name, g in before.items()})


@given(SEEDS, DTYPES, FACTORS, RECTIFIERS)
def test_without_biases_rectifiers_scale_with_their_input(seed, dtype, factor, activation):
    net = network(seed, numbers=normal, activation=activation, bias=False, dtype=dtype)
    x, _ = data(seed, numbers=normal, dtype=dtype)
    assert same(net(x * dtype(factor)), net(x) * dtype(factor))
    assert same(net.predict(x * dtype(factor)), net.predict(x))


@given(SEEDS, DTYPES)
def test_without_biases_tanh_is_odd(seed, dtype):
    net = network(seed, numbers=normal, activation="tanh", bias=False, dtype=dtype)
    x, _ = data(seed, numbers=normal, dtype=dtype)
    assert same(net(-x), -net(x))


@given(SEEDS, DTYPES)
def test_without_activations_a_network_is_affine(seed, dtype):
    net = mp.Network([layer.copy() for layer in network(seed, dtype=dtype).dense])
    (a, _), (b, _) = data(seed, dtype=dtype), data(seed + 1, dtype=dtype)
    assert same(net(a + b) + net(0 * a), net(a) + net(b))


@given(SEEDS, DTYPES, FACTORS)
def test_gradients_scale_with_what_comes_back(seed, dtype, factor):
    net, (x, _) = network(seed, numbers=normal, activation="gelu", dtype=dtype), data(seed, numbers=normal, dtype=dtype)
    c = normal(np.random.default_rng(seed), (ROWS, net.outputs), dtype)
    net(x)
    found = []
    for each in (c, c * dtype(factor)):
        entering = net.backward(each, input_grad=True)
        found.append({"x": entering} | {name: p.grad.copy() for name, p in net.parameters.items()})
    assert same(found[1], {name: g * dtype(factor) for name, g in found[0].items()})


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(SEEDS, DTYPES, RECTIFIERS)
def test_hidden_units_in_another_order_are_the_same_network(seed, dtype, activation):
    net = network(seed, activation=activation, dtype=dtype)
    order = orders(net, seed)
    other, (x, _) = permuted(net, order), data(seed, dtype=dtype)
    assert same(other(x), net(x))


@given(SEEDS, st.sampled_from(list(ACTIVATIONS)))
def test_hidden_units_in_another_order_are_the_same_network_to_rounding(seed, activation):
    net = network(seed, numbers=normal, activation=activation)
    order, (x, _) = orders(net, seed), data(seed, numbers=normal)
    assert (np.abs(permuted(net, order)(x) - net(x)) <= rounding(net, x)).all()


@given(SEEDS)
def test_everything_in_another_order_has_its_gradients_in_that_order(seed):
    """Inputs, hidden units, outputs and rows, all at once: for squares every sum is exact."""
    net, (x, _) = network(seed), data(seed)
    order, rows = orders(net, seed, inputs=True, outputs=True), np.random.default_rng(seed).permutation(ROWS)
    t = targets(x, net)
    before = gradients(net, (x, t), SQUARES)
    other = permuted(net, order)
    assert same(other(x[rows][:, order[0]]), net(x)[rows][:, order[-1]])
    after = gradients(other, (x[rows][:, order[0]], t[rows][:, order[-1]]), SQUARES)
    assert same(after, permuted_arrays(net, before, order))


@given(SEEDS, DTYPES)
def test_rows_in_another_order_are_answered_in_that_order(seed, dtype):
    net, (x, y) = network(seed, dtype=dtype), data(seed, dtype=dtype)
    rows = np.random.default_rng(seed).permutation(ROWS)
    assert same(net(x[rows]), net(x)[rows])
    assert same(net.predict(x[rows]), net.predict(x)[rows])
    assert same(net.predict_proba(x[rows]), net.predict_proba(x)[rows])
    assert ENTROPY(net(x[rows]), y[rows]) == pytest.approx(ENTROPY(net(x), y), rel=1e-14)


@given(SEEDS)
def test_classes_in_another_order_are_found_in_that_order(seed):
    net, (x, y) = network(seed), data(seed)
    order = orders(net, seed, hidden=False, outputs=True)
    other, place = permuted(net, order), np.argsort(order[-1])
    assert same(other(x), net(x)[:, order[-1]])
    np.testing.assert_allclose(other.predict_proba(x), net.predict_proba(x)[:, order[-1]], rtol=1e-14)
    assert ENTROPY(other(x), place[y]) == pytest.approx(ENTROPY(net(x), y), rel=1e-14)
    apart = np.sort(net(x))[:, -1] > np.sort(net(x))[:, -2]  # where two tie, the lower class is told
    assert same(other.predict(x)[apart], place[net.predict(x)][apart])


@given(SEEDS, st.booleans())
def test_an_evaluation_knows_no_order_of_rows_and_classes(seed, two):
    net = network(seed, widths=(5, 6, 2 if two else 4))
    x, y = data(seed, classes=net.outputs)
    rows = np.random.default_rng(seed).permutation(ROWS)
    before, after = mp.evaluate(net, (x, y)), mp.evaluate(net, (x[rows], y[rows]))
    assert replace(after, log_loss=0, brier=0) == replace(before, log_loss=0, brier=0)
    assert after.log_loss == pytest.approx(before.log_loss, rel=1e-14)
    order = orders(net, seed, hidden=False, outputs=True)
    swapped = mp.evaluate(permuted(net, order), (x, np.argsort(order[-1])[y]))
    assert swapped.log_loss == pytest.approx(before.log_loss, rel=1e-14)
    if two:  # the ranking turned round and the classes exchanged: the same pairs are in order
        assert swapped.auc == before.auc
        assert after.brier == pytest.approx(before.brier, rel=1e-14)
        assert swapped.brier == pytest.approx(before.brier, rel=1e-13)


# ── cuts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(SEEDS, DTYPES, st.integers(1, ROWS + 1))
def test_how_x_is_cut_changes_no_answer(seed, dtype, size):
    net, (x, y) = network(seed, dtype=dtype), data(seed, dtype=dtype)
    cuts = [slice(i, i + size) for i in range(0, ROWS, size)]
    assert same(np.concatenate([net(x[cut]) for cut in cuts]), net(x))
    assert same(net.predict(x, batch_size=size), net.predict(x))
    assert same(net.predict_proba(x, batch_size=size), net.predict_proba(x))
    assert mp.evaluate(net, (x, y), batch_size=size) == mp.evaluate(net, (x, y))
    assert mp.analyze(net, x, batch_size=size).to_dict() == mp.analyze(net, x).to_dict()


@given(SEEDS, st.integers(1, ROWS))
def test_the_gradient_is_the_mean_of_those_of_its_parts(seed, size):
    net, (x, _) = network(seed), data(seed)
    t = targets(x, net)
    whole = gradients(net, (x, t), SQUARES)
    total = {name: np.zeros_like(g) for name, g in whole.items()}
    for i in range(0, ROWS, size):
        part = gradients(net, (x[i : i + size], t[i : i + size]), SQUARES)
        for name in total:
            total[name] += part[name] * len(x[i : i + size]) / ROWS
    for name, g in whole.items():
        np.testing.assert_allclose(total[name], g, rtol=1e-12, atol=1e-12 * np.abs(g).max())


# ── memory ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CALLS = {
    "net": lambda net, x, y: net(x),
    "predict": lambda net, x, y: net.predict(x, batch_size=3),
    "predict_proba": lambda net, x, y: net.predict_proba(x),
    "evaluate": lambda net, x, y: np.array(repr(mp.evaluate(net, (x, y)))),
    "evaluate by group": lambda net, x, y: np.array(repr(mp.evaluate(net, (x, y), by=y))),
    "analyze": lambda net, x, y: np.array(str(mp.analyze(net, x).to_dict())),
    "loss": lambda net, x, y: np.array(ENTROPY(x, y)),
    "weighted loss": lambda net, x, y: np.array(ENTROPY(x, np.abs(y) % 2, np.abs(x[:, 0]) + 1)),
    "Split": lambda net, x, y: net(Split(x, y).x),
    "take": lambda net, x, y: net(Split(x, y).take(y).x),
    "from_arrays": lambda net, x, y: mp.Dense.from_arrays(x, x[0]).weight.value,
    "value": lambda net, x, y: _assigned(x, "value"),
    "grad": lambda net, x, y: _assigned(x, "grad"),
}


def _assigned(x, role):
    p = mp.Parameter(np.zeros(x.shape, x.dtype), "w")
    setattr(p, role, x)
    return getattr(p, role).copy()


@pytest.mark.parametrize("layout", LAYOUTS[1:])
@pytest.mark.parametrize("call", CALLS)
def test_how_x_and_y_lie_in_memory_does_not_matter_and_they_are_not_written_to(call, layout):
    net, (x, y) = network(3), data(3)
    expected = CALLS[call](net, x, y)
    there = [laid_out(x, layout), laid_out(y, layout)]
    found = CALLS[call](net, *there)
    assert same(np.asarray(found), np.asarray(expected))
    assert same(there[0], x)
    assert same(there[1], y)


@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_how_the_gradient_lies_in_memory_does_not_matter(layout):
    net, (x, _) = network(3), data(3)
    expected = gradients(net, (x, targets(x, net)), SQUARES)
    there = laid_out(SQUARES.value_and_gradient(net(x), targets(x, net))[1], layout)
    before = there.copy()
    net(laid_out(x, layout))
    net.backward(there, input_grad=True)
    assert same({name: p.grad for name, p in net.parameters.items()}, expected)
    assert same(there, before)


# ── dtype ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(SEEDS, RECTIFIERS)
def test_both_float_widths_give_the_same_numbers_where_sums_are_exact(seed, activation):
    wide, (x, y) = network(seed, activation=activation), data(seed)
    narrow = network(seed, activation=activation, dtype=np.float32)
    assert narrow(x.astype(np.float32)).dtype == narrow(x).dtype == np.float32
    assert wide(x.astype(np.float32)).dtype == np.float64
    for each in (x, x.astype(np.float32)):
        assert same(wide(each), narrow(each).astype(np.float64))
        assert same(wide.predict(each), narrow.predict(each))
    ours, theirs = (mp.evaluate(net, (x, y)) for net in (wide, narrow))
    assert (ours.accuracy, ours.majority) == (theirs.accuracy, theirs.majority)


@pytest.mark.parametrize(
    "dtype", [np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint64, ">f4", ">f8"]
)
@pytest.mark.parametrize("width", [np.float32, np.float64])
def test_other_numbers_are_taken_for_what_they_are(dtype, width):
    net, (x, y) = network(5, dtype=width), data(5)
    whole = np.abs(8 * x)
    given = whole.astype(dtype)
    assert same(net(given), net(whole))
    assert same(net.predict(given), net.predict(whole))
    assert mp.evaluate(net, (given, y)) == mp.evaluate(net, (whole, y))


WIDER = [np.longdouble] * (np.dtype(np.longdouble).itemsize > 8)  # on some machines it is a float64


@pytest.mark.parametrize("dtype", [bool, np.complex64, object, str, *WIDER])
def test_what_are_no_numbers_or_wider_ones_is_refused(dtype):
    net, (x, y) = network(5), data(5)
    for call in (net, net.predict, net.predict_proba, lambda x: mp.analyze(net, x), lambda x: mp.evaluate(net, (x, y))):
        with pytest.raises(TypeError, match=r"x must (be float or integer|hold real numbers), got dtype"):
            call(x.astype(dtype))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.float32, np.float64, ">i4"])
def test_labels_of_any_dtype_are_the_same_labels(dtype):
    net, (x, y) = network(5), data(5)
    assert ENTROPY(net(x), y.astype(dtype)) == ENTROPY(net(x), y)
    assert mp.evaluate(net, (x, y.astype(dtype))) == mp.evaluate(net, (x, y))


def test_what_is_rebuilt_is_a_network_of_its_own():
    """The relations above compare two networks, so let the way there be seen to change one."""
    net = network(0)
    other = rebuilt(net, lambda array, role, k: ~array if array.dtype == bool else array + 1)
    assert not any(
        same(p.mask, q.mask) for p, q in zip(net.parameters.values(), other.parameters.values(), strict=True)
    )
