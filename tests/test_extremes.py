"""Numbers at the edge: NaN, ±∞, −0, subnormal, huge; one of everything, 100,000 of it, all equal, all pruned.

What comes out is a finite number, or a refusal by a MinpruneError, or the infinity or NaN that a table here states; and
never a warning, since those are errors in these tests.
"""

import math

import numpy as np
import pytest
from edges import DTYPES, INF, LOSS, NAN, WIDE, largest, network, smallest

import minprune as mp
from minprune.errors import DivergedError, MinpruneError

# ── activations ─────────────────────────────────────────────────────────────────────────────────────────────────────

# f at −∞ and ∞, then the share of the gradient that gets through at −largest and largest.
ACTIVATIONS = {
    "ReLU": (mp.ReLU(), 0.0, INF, 0.0, 1.0),
    "LeakyReLU": (mp.LeakyReLU(0.25), -INF, INF, 0.25, 1.0),
    "LeakyReLU(0)": (mp.LeakyReLU(0.0), NAN, NAN, 0.0, 1.0),  # 0 · ∞
    "Tanh": (mp.Tanh(), -1.0, 1.0, 0.0, 0.0),
    "Sigmoid": (mp.Sigmoid(), 0.0, 1.0, 0.0, 0.0),
    "GELU": (mp.GELU(), NAN, INF, 0.0, 1.0),  # −∞ · 0
}
EACH_ACTIVATION = pytest.mark.parametrize("name", ACTIVATIONS)


@DTYPES
@EACH_ACTIVATION
def test_activations_of_finite_numbers_are_finite_and_so_are_their_gradients(name, dtype):
    layer, _, _, left, right = ACTIVATIONS[name]
    x = np.array([[-largest(dtype), largest(dtype), -smallest(dtype), smallest(dtype), -0.0, 0.0, -90, 90, -800, 800]])
    x = x.astype(dtype)
    before = x.tobytes()
    y = layer.forward(x)
    assert np.isfinite(y).all()
    assert y.dtype == dtype
    grad = layer.backward(np.ones_like(x))
    assert np.isfinite(grad).all()
    assert (grad[0, 0], grad[0, 1]) == (left, right)
    assert x.tobytes() == before
    at_zero = 0.5 if name == "Sigmoid" else 0.0
    np.testing.assert_allclose(y[0, 2:6], at_zero, atol=4 * smallest(dtype))


@DTYPES
@EACH_ACTIVATION
def test_activations_of_what_overflowed_go_to_their_limits_or_are_nan(name, dtype):
    layer, low, high, _, _ = ACTIVATIONS[name]
    with np.errstate(invalid="ignore"):  # as in `fit`: a network lets in finite numbers only
        np.testing.assert_array_equal(layer.forward(np.array([[-INF, INF, NAN]], dtype)), [[low, high, NAN]])


@EACH_ACTIVATION
@pytest.mark.parametrize("shape", [(1, 1), (1, WIDE), (WIDE, 1)], ids=str)
def test_activations_of_one_and_of_many(name, shape):
    layer = ACTIVATIONS[name][0]
    y = layer.forward(np.ones(shape, np.float32))
    assert y.shape == layer.backward(np.ones_like(y)).shape == shape
    assert len(np.unique(y)) == 1


# ── networks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [(1, 1), (WIDE, 1), (1, WIDE), (1, WIDE, 1)], ids=str)
def test_networks_of_one_and_of_many(shape):
    net = network(1.0, shape=shape)
    out = net(np.ones((1, shape[0])))
    assert out.shape == (1, shape[-1])
    assert (out == math.prod(shape[:-1])).all()
    assert (net.backward(np.ones_like(out), input_grad=True) == math.prod(shape[1:])).all()
    assert (mp.compile(net, kernels="csr")(np.ones((1, shape[0]))) == out).all()


@DTYPES
def test_a_network_without_weights_gives_its_bias_and_trains_on(dtype):
    net = network(dtype=dtype, kept=False)
    net.dense[-1].bias.value = [0.5, -0.0]
    x = np.full((2, 3), largest(dtype), dtype)
    assert net(x).tolist() == [[0.5, 0.0]] * 2
    assert mp.compile(net, kernels="dense")(x).tolist() == [[0.5, 0.0]] * 2
    mp.fit(net, (x, np.array([0, 1])), loss=LOSS, optimizer=mp.Adam(0.1), epochs=2, penalty=mp.L2(0.1), rng=0)
    assert (net.sparsity, net.kept) == (1.0, 0)
    assert all(p.value.tobytes() == bytes(p.value.nbytes) for p in net.prunable.values())


@DTYPES
@pytest.mark.parametrize("bad", [NAN, INF, -INF], ids=str)
def test_what_is_not_finite_is_not_let_in(dtype, bad):
    net = network(dtype=dtype)
    program = mp.compile(net, kernels="dense")
    x = np.ones((2, 3), dtype)
    x[1, 2] = bad
    for call in (net, net.predict, net.predict_proba, program, program.predict):
        with pytest.raises(MinpruneError, match=r"must be finite, got 1 NaN or infinite in .* the first at \(1, 2\)"):
            call(x)


@DTYPES
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("kernel", ["dense", "packed", "dense features", "packed features", "panels", "ell", "csr"])
@pytest.mark.parametrize("size", ["smallest", "−0", "large"])
def test_programs_agree_with_their_network_at_the_edge(dtype, batch, kernel, size):
    net = network(dtype=dtype)
    net.dense[0].weight.mask = np.arange(12).reshape(3, 4) % 3 > 0
    number = {"smallest": smallest(dtype), "−0": dtype(-0.0), "large": largest(dtype) / 1e3}[size]
    x = np.full((batch, 3), number, dtype)
    expected, found = net(x), mp.compile(net, kernels=kernel, batch_size=batch)(x)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=20 * np.finfo(dtype).eps, atol=20 * smallest(dtype))


# ── losses ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@DTYPES
def test_losses_of_finite_outputs_are_right_or_infinite(dtype):
    top = largest(dtype)
    two, one = np.array([[-top, top]], dtype), np.array([[top]], dtype)
    assert LOSS(two, np.array([1])) == 0
    assert LOSS(two, np.array([0])) == INF  # 2 · largest
    assert LOSS(two / 4, np.array([0])) == top / 2
    assert LOSS(np.full((1, 2), top), np.array([0])) == pytest.approx(math.log(2))
    assert mp.BinaryCrossEntropy()(one, np.array([1])) == 0
    assert mp.BinaryCrossEntropy()(one, np.array([0])) == mp.BinaryCrossEntropy()(-one, np.array([1])) == top
    assert mp.MeanSquaredError()(one, np.array([0.0])) == INF
    for loss, output in (LOSS, two), (mp.BinaryCrossEntropy(), one), (mp.MeanSquaredError(), one):
        edge = np.full_like(output, smallest(dtype))
        assert math.isfinite(loss(edge, np.array([0]) if loss is LOSS else np.zeros((1, 1))))


@pytest.mark.parametrize("loss", [LOSS, mp.BinaryCrossEntropy(), mp.MeanSquaredError()], ids=repr)
@pytest.mark.parametrize("bad", [NAN, INF, -INF], ids=str)
def test_losses_refuse_what_is_not_finite(loss, bad):
    width = 2 if loss is LOSS else 1
    with pytest.raises(MinpruneError, match="output must be finite"):
        loss(np.full((2, width), bad), np.zeros(2))
    with pytest.raises(MinpruneError, match="y must be finite"):
        loss(np.ones((2, width)), np.full(2, bad))


@DTYPES
def test_cross_entropy_of_a_hundred_thousand_equal_classes(dtype):
    value, grad = LOSS.value_and_gradient(np.full((1, WIDE), 7, dtype), np.array([3]))
    assert value == pytest.approx(math.log(WIDE), rel=1e-6)
    assert grad.sum(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert grad[0, 3] == pytest.approx(1 / WIDE - 1)


# ── penalties and optimizers ────────────────────────────────────────────────────────────────────────────────────────

PENALTIES = [mp.L1(0.5), mp.L1(0.5, subgradient=True), mp.L2(0.5), mp.GroupLasso(0.5), mp.GroupLasso(1, axis="outputs")]
OPTIMIZERS = [
    lambda: mp.SGD(0.5), lambda: mp.SGD(0.5, momentum=0.9), lambda: mp.SGD(0.5, momentum=0.9, nesterov=True),
    lambda: mp.Adam(0.5), lambda: mp.AdamW(0.5),
]  # fmt: skip
EACH_PENALTY = pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
EACH_OPTIMIZER = pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda make: repr(make()))
EDGES = {"−0": lambda t: -0.0, "smallest": smallest, "−smallest": lambda t: -smallest(t), "ties": lambda t: 1.0}


@DTYPES
@EACH_PENALTY
@pytest.mark.parametrize("edge", [*EDGES, "all pruned", "one", "wide"])
def test_penalties_at_the_edge(penalty, dtype, edge):
    shape = {"one": (1, 1), "wide": (2, WIDE)}.get(edge, (3, 2))
    p = mp.Parameter(np.full(shape, EDGES.get(edge, EDGES["ties"])(dtype), dtype), "dense1.weight", prunable=True)
    if edge == "all pruned":
        p.mask = np.zeros(shape, bool)
    named = {"dense1.weight": p}
    value, before = penalty.value(named), p.value.copy()
    assert 0 <= value < INF
    assert value > 0 or edge in ("−0", "all pruned", "smallest", "−smallest")
    penalty.add_gradient(named)
    penalty.shrink(named, 1e-3)
    assert np.isfinite(p.grad).all()
    assert (np.abs(p.value) <= np.abs(before)).all()
    assert (p.value * before >= 0).all()  # no sign flips
    if (penalty.proximal and "smallest" in edge) or edge == "all pruned":
        assert p.value.tobytes() == bytes(p.value.nbytes)


@DTYPES
@EACH_OPTIMIZER
@pytest.mark.parametrize("edge", [*EDGES, "all pruned", "one", "wide"])
def test_optimizers_at_the_edge(make, dtype, edge):
    shape = {"one": (1,), "wide": (3 * WIDE,)}.get(edge, (4,))
    p = mp.Parameter(np.full(shape, 2, dtype), "w")
    if edge == "all pruned":
        p.mask = np.zeros(shape, bool)
    optimizer = make()
    for _ in range(3):
        p.grad[...] = EDGES.get(edge, EDGES["ties"])(dtype)
        optimizer.step({"w": p})
    assert np.isfinite(p.value).all()
    assert len(np.unique(p.value)) == 1  # wherever pieces are cut
    assert all(np.isfinite(array).all() for array in optimizer.state(p).arrays.values())
    if edge == "all pruned":
        assert p.value.tobytes() == p.grad.tobytes() == bytes(p.value.nbytes)


@DTYPES
@EACH_OPTIMIZER
@pytest.mark.parametrize("dropped", [1, 39], ids=["one dropped", "few kept"])
@pytest.mark.parametrize("bad", [NAN, INF, -INF, -0.0], ids=str)
def test_what_stands_at_dropped_weights_is_gone_after_a_step(make, dtype, dropped, bad):
    p = mp.Parameter(np.full(40, 2, dtype), "w")
    p.mask = np.arange(40) >= dropped
    optimizer = make()
    for _ in range(2):
        p.grad[...] = np.where(p.mask, 1, bad)
        p.value[~p.mask] = bad
        optimizer.step({"w": p})
    for array in (p.value, p.grad, *optimizer.state(p).arrays.values()):
        assert array[~p.mask].tobytes() == bytes(array[~p.mask].nbytes)
        assert np.isfinite(array).all()


@DTYPES
@EACH_OPTIMIZER
def test_training_that_overflows_is_refused_and_the_weights_are_those_before(make, dtype):
    net = mp.Network([mp.Dense(2, 1, rng=0, dtype=dtype)])
    before = net.dense[0].weight.value.copy()
    x, y = np.full((4, 2), largest(dtype) / 8, dtype), np.full(4, -largest(dtype) / 8)
    with pytest.raises(DivergedError, match="the loss turned"):
        mp.fit(net, (x, y), loss=mp.MeanSquaredError(), optimizer=make(), epochs=1, rng=0)
    assert net.dense[0].weight.value.tobytes() == before.tobytes()
