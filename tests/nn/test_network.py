"""The network: forward by a slow loop, gradients by differences, copies, predictions and refusals."""

import copy
import pickle

import numpy as np
import pytest
from differences import bits, central, networks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune import Dense, Dropout, InvalidTypeError, InvalidValueError, Network, ReLU, Select, SoftmaxCrossEntropy


@given(networks(activations=("tanh", "sigmoid", "gelu")), st.integers(0, 2**16), st.integers(1, 4))
def test_masked_gradient(net, seed, rows):
    """Gradients of kept weights equal central differences of the masked network."""
    rng, loss = np.random.default_rng(seed), SoftmaxCrossEntropy()
    x, y = rng.standard_normal((rows, net.inputs)), rng.integers(0, net.outputs, rows)

    def value():
        return loss.value_and_gradient(net(x), y)[0]

    _, grad = loss.value_and_gradient(net(x), y)
    grad_x = net.backward(grad, input_grad=True)
    np.testing.assert_allclose(grad_x, central(value, x), rtol=1e-8, atol=1e-9)
    net(x)
    net.backward(grad)
    for p in net.parameters.values():
        np.testing.assert_allclose(p.grad[p.mask], central(value, p.value)[p.mask], rtol=1e-8, atol=1e-9)


@given(networks(), st.integers(0, 99))
def test_the_output_is_the_layers_one_after_another(net, seed):
    x = np.random.default_rng(seed).standard_normal((3, net.inputs))
    y = x
    for layer in net.layers:
        y = layer.copy().forward(y)
    np.testing.assert_array_equal(net(x), y)


COPIES = {
    "copy": Network.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@given(networks(dtype=np.float32), st.integers(0, 99))
def test_copy_is_deep(copied, net, seed):
    """A copy is equal bit for bit and shares no memory with its original."""
    rng = np.random.default_rng(seed)
    for p in net.parameters.values():
        p.grad[...] = rng.standard_normal(p.shape)
        p.mask = p.mask
    mp.Adam(1e-3).step(net.parameters)
    before, twin = bits(net), copied(net)
    assert bits(twin) == before
    assert repr(twin) == repr(net)
    for name, p in net.parameters.items():
        its = twin.parameters[name]
        assert not its.mask.flags.writeable
        assert not its.states
        pairs = ((p.value, its.value), (p.grad, its.grad), (p.mask, its.mask))
        assert not any(np.shares_memory(a, b) for a, b in pairs)
        its.value = its.value + 1
        its.grad[...] = 5
        its.mask = np.zeros(its.shape, bool)
    assert bits(net) == before


def test_mask_not_value():
    """Sparsity comes from masks: a kept weight that is 0.0 counts as kept."""
    net = Network.mlp([4, 5, 2], rng=0)
    for p in net.parameters.values():
        p.value = np.zeros(p.shape)
    assert net.sparsity == 0.0
    assert net.kept == net.weights == 30
    mask = np.ones((4, 5), bool)
    mask[0, :3] = False
    net.parameters["dense1.weight"].mask = mask
    net.parameters["dense1.bias"].mask = np.zeros(5, bool)  # biases don't count
    assert net.kept == 27
    assert net.sparsity == pytest.approx(0.1)


def test_names_number_the_layers_of_a_kind():
    net = Network([Select(np.array([0, 2]), 3), Dense(2, 3), ReLU(), Dropout(0.5), Dense(3, 1, bias=False)])
    assert net.names == ["select1", "dense1", "relu1", "dropout1", "dense2"]
    assert list(net.parameters) == ["dense1.weight", "dense1.bias", "dense2.weight"]
    assert list(net.prunable) == ["dense1.weight", "dense2.weight"]
    assert (net.inputs, net.outputs) == (3, 1)
    assert net(np.ones((2, 3))).shape == (2, 1)
    with pytest.raises(TypeError):
        net.parameters["dense1.weight"] = None


def test_the_input_gradient_comes_only_when_asked_for():
    net = Network([Dropout(0.5), ReLU(), Dense(3, 2, rng=0)])
    net(np.ones((4, 3)))
    assert net.backward(np.ones((4, 2))) is None
    assert net.backward(np.ones((4, 2)), input_grad=True).shape == (4, 3)


def test_predictions_are_those_of_the_logits_in_any_batches():
    net = Network.mlp([4, 6, 3], rng=0)
    x = np.random.default_rng(0).standard_normal((10, 4))
    z = np.exp(net(x))
    np.testing.assert_allclose(net.predict_proba(x, batch_size=3), z / z.sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(net.predict(x, batch_size=3), z.argmax(axis=1))


def test_probabilities_of_one_logit_keep_their_digits_and_never_overflow():
    net = Network([Dense.from_arrays(np.eye(1))])
    proba = net.predict_proba(np.array([[0.0], [-800.0], [800.0], [-40.0], [1e30]]))
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_array_equal(proba[[0, 1, 2, 4]], [[0.5, 0.5], [1, 0], [0, 1], [0, 1]])
    assert proba[3, 1] == pytest.approx(np.exp(-40), rel=1e-12, abs=0)
    assert net.predict_proba(np.array([[40.0]]))[0, 0] == pytest.approx(np.exp(-40), rel=1e-12, abs=0)
    np.testing.assert_array_equal(net.predict(np.array([[0.0], [-1.0], [1.0]])), [0, 0, 1])


@pytest.mark.parametrize("outputs", [1, 3])
def test_decisions_are_int64_the_lower_class_on_ties(outputs):
    net = Network([Dense.from_arrays(np.ones((2, outputs)))])
    decided = net.predict(np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert (decided.dtype, decided.tolist()) == (np.int64, [0, int(outputs == 1)])


def test_probabilities_are_those_of_their_own_row_however_large_the_logits():
    net = Network([Dense.from_arrays(np.eye(2))])
    np.testing.assert_allclose(
        net.predict_proba(np.array([[1e4, 0.0], [-1e4, -1e4], [0.0, np.log(3)]])),
        [[1, 0], [0.5, 0.5], [0.25, 0.75]],
        rtol=1e-14,
    )


def test_dropout_draws_from_the_generator_that_is_given_and_only_then():
    net, x = Network.mlp([4, 64, 3], dropout=0.5, rng=0), np.ones((5, 4), np.float32)
    first, activation, dropout, last = (layer.copy() for layer in net.layers)
    hidden = activation.forward(first.forward(x))
    np.testing.assert_array_equal(net(x), last.forward(hidden))
    dropped = last.forward(dropout.forward(hidden, np.random.default_rng(3)))
    np.testing.assert_array_equal(net(x, rng=np.random.default_rng(3)), dropped)
    np.testing.assert_array_equal(net.forward(x, np.random.default_rng(3)), dropped)
    assert not np.array_equal(net(x), dropped)


def test_a_gradient_beyond_a_float_goes_back_without_a_warning():
    net = Network([Dense.from_arrays(np.full((2, 2), 2.0, np.float32)), Dense.from_arrays(np.eye(2, dtype=np.float32))])
    net(np.ones((1, 2)))
    for grad, expected in (([3e38, 3e38], np.inf), ([1e300, -1e300], np.nan)):
        np.testing.assert_array_equal(net.backward(np.array([grad]), input_grad=True), np.full((1, 2), expected))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiny(dtype):
    """1×1 layers, one-class outputs and one row work as any other."""
    net = Network.mlp([1, 1, 1], rng=0, dtype=dtype)
    assert net(np.ones((1, 1))).dtype == dtype
    np.testing.assert_array_equal(net.predict_proba(np.zeros((1, 1))), [[0.5, 0.5]])
    history = mp.fit(
        net, ([[1.0]], [0]), loss=SoftmaxCrossEntropy(), optimizer=mp.Adam(), epochs=2, batch_size=99, rng=0
    )
    assert history["loss"] == [0.0, 0.0]
    mp.fit(
        net, ([[1.0]], [1]), loss=mp.BinaryCrossEntropy(), optimizer=mp.SGD(0.1), epochs=1, penalty=mp.GroupLasso(9.0)
    )
    assert net.sparsity == 0.0


def test_inputs_are_converted_and_never_written_to():
    net = Network.mlp([2, 3, 2], rng=0)
    x = np.array([[1, 2], [3, 4]])
    x.setflags(write=False)
    np.testing.assert_array_equal(net(x), net(x.astype(np.float64)))
    np.testing.assert_array_equal(net(np.asfortranarray(x)), net(x))


def two(**kwargs):
    return Network.mlp([3, 2], rng=0, **kwargs)


SHARED = Dense(2, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Network([]), InvalidValueError, "layers must hold at least one Dense, got none in Network()"),
        (
            lambda: Network(Dense(2, 2)),
            InvalidTypeError,
            "layers must be a sequence of layers, got Dense(2, 2) in Network()",
        ),
        (lambda: Network(5), InvalidTypeError, "layers must be a sequence of layers, got 5 in Network()"),
        (
            lambda: Network([Dense]),
            InvalidTypeError,
            "layers must hold layers, got ABCMeta <class 'minprune.nn.layers.Dense'> in Network()",
        ),
        (
            lambda: Network([SHARED, SHARED]),
            InvalidValueError,
            "layers must be different objects, got one of them twice in Network()",
        ),
        (
            lambda: Network([Dense(2, 3), ReLU(), Dense(4, 1)]),
            InvalidValueError,
            "layers must fit: dense1 has 3 outputs, dense2 takes 4 in Network()",
        ),
        (
            lambda: Network([Dense(2, 2), Dense(2, 2, dtype=float)]),
            InvalidValueError,
            "layers must have one dtype, got float32 and float64 in Network()",
        ),
        (
            lambda: Network([Dense(2, 2), Select(np.array([0]), 2)]),
            InvalidValueError,
            "layers may hold one Select, in front of the first Dense, in Network()",
        ),
        (
            lambda: Network.mlp([3]),
            InvalidValueError,
            "widths must hold at least two whole numbers, got [3] in Network.mlp()",
        ),
        (
            lambda: Network.mlp(3),
            InvalidValueError,
            "widths must hold at least two whole numbers, got 3 in Network.mlp()",
        ),
        (lambda: Network.mlp([3, 0]), InvalidValueError, "widths[1] must be at least 1, got 0 in Network.mlp()"),
        (
            lambda: two(activation="rleu"),
            InvalidValueError,
            (
                "activation must be a known name, got 'rleu' in Network.mlp(); did you mean 'relu'? Known: "
                "relu, leaky_relu, tanh, sigmoid, gelu"
            ),
        ),
        (lambda: two(dropout=1), InvalidValueError, "rate must be in [0, 1), got 1 in Dropout()"),
        (lambda: two(dtype="f2"), InvalidValueError, "dtype must be float32 or float64, got float16 in Network.mlp()"),
        (
            lambda: two()(np.ones(3)),
            InvalidValueError,
            "x must have shape (batch, 3), got (3,) in Network(); one row is x[None, :]",
        ),
        (lambda: two()(np.ones((2, 4))), InvalidValueError, "x must have 3 columns, got 4 in Network()"),
        (lambda: two()(np.ones((0, 3))), InvalidValueError, "x must have at least one row, got (0, 3) in Network()"),
        (
            lambda: two()(np.full((1, 3), np.nan)),
            InvalidValueError,
            "x must be finite, got 3 NaN or infinite in Network(), the first at (0, 0): nan",
        ),
        (
            lambda: two()(np.ones((1, 3)), rng="x"),
            InvalidTypeError,
            "rng must be a Generator, a seed or None, got str 'x' in Network()",
        ),
        (
            lambda: two().backward(np.ones((1, 2))),
            InvalidValueError,
            "backward() follows a forward pass; call the network first",
        ),
        (
            lambda: two().predict(np.ones((1, 3)), batch_size=0),
            InvalidValueError,
            "batch_size must be at least 1, got 0 in predict()",
        ),
    ],
)
def test_what_no_network_can_be_or_take_is_refused(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_a_gradient_of_another_shape_is_refused():
    net = two()
    net(np.ones((4, 3)))
    with pytest.raises(InvalidValueError, match=r"^grad must have shape \(4, 2\), got \(3, 2\) in backward\(\)"):
        net.backward(np.ones((3, 2)))
