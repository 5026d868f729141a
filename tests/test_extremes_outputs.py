"""Finite numbers near the largest there are: whoever computes an output gives finite numbers, or refuses by name.

Never a warning before, since those are errors in these tests.
"""

import io

import numpy as np
import pytest
from edges import DTYPES, INF, LOSS, largest, network, smallest

import minprune as mp
from minprune.errors import InvalidValueError

KERNELS = ["dense", "packed", "dense features", "packed features", "panels", "panels apart", "ell", "csr"]
ACTIVATIONS = ["relu", "leaky_relu", "tanh", "sigmoid", "gelu"]
X, Y = np.random.default_rng(0).standard_normal((6, 3)), np.arange(6) % 2


def overflowing(dtype, activation="relu", second=-1):
    """Finite weights whose products are not: every second one of the other sign, unless told otherwise."""
    net = mp.Network.mlp([3, 4, 2], rng=0, dtype=dtype, activation=activation)
    for p in net.prunable.values():
        p.value = np.where(np.arange(p.size).reshape(p.shape) % 2, 1, second) * largest(dtype)
    return net


@DTYPES
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_output_that_overflows_is_refused_and_says_where(dtype, activation):
    net, x = overflowing(dtype, activation, second=1), np.abs(X)  # so that nothing cancels
    before = [p.value.tobytes() for p in net.parameters.values()]
    for call, where in (net, "Network"), (net.predict, "predict"), (net.predict_proba, "predict_proba"):
        with pytest.raises(InvalidValueError, match=rf"the network's output must be finite, .* in {where}\(\), .* on$"):
            call(x)
    program = mp.compile(net, kernels="dense")
    for call in (program, program.predict, program.predict_proba):
        with pytest.raises(InvalidValueError, match=r"the program's output must be finite, got .* in Program\(\)"):
            call(x)
    assert [p.value.tobytes() for p in net.parameters.values()] == before


@pytest.mark.parametrize("layer", [1, 2])
def test_the_first_layer_that_overflows_is_named_with_the_row_of_the_whole_batch(layer):
    net = network(1.0, dtype=np.float32)
    x = np.ones((5, 3), np.float32)
    x[3] = 1e30
    net.parameters[f"dense{layer}.weight"].value = np.full(net.parameters[f"dense{layer}.weight"].shape, 1e20)
    with pytest.raises(InvalidValueError, match=rf"got 2 NaN .* first at \(3, 0\): inf; not finite from dense{layer} "):
        net.predict(x, batch_size=2)
    with pytest.raises(InvalidValueError, match="call the network first"):  # there is nothing to go back from
        net.backward(np.ones((1, 2)))


@DTYPES
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("kernel", [*KERNELS, None])
def test_a_program_that_overflows_refuses_by_every_kernel_and_goes_on_working(kernel, batch, dtype):
    net = network(1.0, dtype=dtype)
    program = mp.compile(net, batch_size=batch, kernels=kernel, seconds=0)
    small, large = np.ones((batch, 3), dtype), np.full((batch, 3), largest(dtype) / 2, dtype)
    expected = program(small)
    with pytest.raises(InvalidValueError, match="the program's output must be finite, got"):
        program(large)
    assert (program(small) == expected).all()
    with np.errstate(all="raise"):  # nor does it hang on how the caller treats such errors
        with pytest.raises(InvalidValueError, match="the program's output must be finite, got"):
            program(large)
        assert (program(small) == expected).all()


@DTYPES
def test_a_network_that_overflows_is_compiled_by_race_all_the_same(dtype):
    net = overflowing(dtype)
    for batch in (1, 5):
        program = mp.compile(net, batch_size=batch, seconds=0)
        assert (program(np.zeros((batch, 3))) == net(np.zeros((batch, 3)))).all()


@DTYPES
def test_what_looks_at_an_output_refuses_one_that_overflows(dtype):
    net = overflowing(dtype)
    with pytest.raises(InvalidValueError, match=r"the units of dense1 must be finite, got .* in analyze\(\)"):
        mp.analyze(net, X)
    with pytest.raises(InvalidValueError, match=r"the loss must be finite, got nan in sensitivity\(\)"):
        mp.sensitivity(net, mp.Magnitude(), (X, Y), loss=LOSS)
    with pytest.raises(InvalidValueError, match=r"the model's output must be finite, got .* in evaluate\(\)"):
        mp.evaluate(net, (X, Y))
    mp.analyze(net)  # without data there is nothing to overflow


def test_a_loss_that_overflows_only_when_a_layer_is_pruned_names_the_layer():
    net = network(dtype=np.float64, shape=(1, 2, 1))
    for p, value in zip(net.prunable.values(), (1e200, [1e200, -1e200]), strict=True):
        p.value = np.reshape(np.broadcast_to(value, (2,)), p.shape)  # the two paths cancel
    net.parameters["dense2.weight"].value = [[1e108], [-1e108]]
    with pytest.raises(InvalidValueError, match=r"got inf in sensitivity\(\), dense1.weight pruned to 0.5"):
        mp.sensitivity(net, mp.Magnitude(), ([[1.0]], [0.0]), loss=mp.MeanSquaredError(), sparsities=[0.5])


def test_probabilities_and_losses_of_the_largest_logits_are_right():
    top = largest(np.float64)
    net = mp.Network([mp.Dense.from_arrays(np.array([[1.0, -1.0]]))])
    x, y = np.array([[top], [-top]]), np.array([0, 1])
    assert (
        net.predict_proba(x).tolist() == mp.compile(net, kernels="dense").predict_proba(x).tolist() == [[1, 0], [0, 1]]
    )
    assert mp.evaluate(net, (x, y)).log_loss == 0
    wrong = mp.evaluate(net, (x, 1 - y))
    assert (wrong.log_loss, wrong.accuracy, wrong.auc) == (INF, 0, 0)


@DTYPES
def test_penalties_and_steps_of_the_largest_numbers_make_no_warning(dtype):
    for penalty in (mp.L1(1e300), mp.L1(1e300, subgradient=True), mp.L2(1e300), mp.GroupLasso(1e300)):
        net = overflowing(dtype)
        penalty.add_gradient(net.parameters)
        penalty.shrink(net.parameters, 1e300)
        for p in net.prunable.values():
            assert penalty.proximal != np.isinf(p.grad).any() or dtype is np.float64
    for optimizer in (mp.SGD(1e3, momentum=0.9), mp.Adam(1e3), mp.AdamW(1e3)):
        net = overflowing(dtype)
        net(np.zeros((1, 3)))
        net.backward(np.full((1, 2), largest(dtype)))
        optimizer.step(net.parameters)


@pytest.mark.parametrize("value", [1e308, 1e-320, largest(np.float64), smallest(np.float64), 3.0], ids=str)
@pytest.mark.parametrize("signs", [(1, -1), (1, 1), (-1, -1), (1, 0.01)], ids=str)
def test_weights_of_any_size_are_drawn(value, signs):
    net = network(dtype=np.float64)
    for p in net.prunable.values():
        p.value = value * np.resize(np.array(signs, float), p.shape)
    figure = mp.plot_weights(net)
    figure.savefig(io.BytesIO(), format="svg")
    (axis,) = figure.axes
    counts = axis.patches[0].get_data().values
    assert counts.sum() == sum(int(np.count_nonzero(p.value)) for p in net.prunable.values())
    unit = {1e308: "1e+308", largest(np.float64): "1e+308", 3.0: None}.get(value, "1e-300")
    assert axis.get_xlabel() == "value of the weight" + (f", in {unit}" if unit else "")
