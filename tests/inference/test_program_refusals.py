"""What compile() and a program refuse, and in which words."""

import numpy as np
import pytest
from matrices import bits
from packing import snapshot

from minprune import Network, compile
from minprune.errors import InvalidTypeError, InvalidValueError, MinpruneError
from minprune.inference.kernels import KERNELS

NETWORK = Network.mlp([3, 4, 2], rng=0)
KNOWN = f"Known: {', '.join(KERNELS)}"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"network": [1]}, InvalidTypeError, "network must be a Network, got list in compile()"),
        ({"batch_size": 0}, InvalidValueError, "batch_size must be at least 1, got 0 in compile()"),
        ({"batch_size": 1.0}, InvalidTypeError, "batch_size must be a whole number, got float 1.0 in compile()"),
        ({"batch_size": True}, InvalidTypeError, "batch_size must be a whole number, got bool True in compile()"),
        ({"seconds": -1}, InvalidValueError, "seconds must be at least 0 and finite, got -1 in compile()"),
        ({"seconds": np.inf}, InvalidValueError, "seconds must be at least 0 and finite, got inf in compile()"),
        ({"seconds": "1"}, InvalidTypeError, "seconds must be a number, got str '1' in compile()"),
        (
            {"kernels": "cssr"},
            InvalidValueError,
            f"kernels must be a known name, got 'cssr' in compile(); did you mean 'csr'? {KNOWN}",
        ),
        (
            {"kernels": {"dense2": "dens"}},
            InvalidValueError,
            f"kernels must be a known name, got 'dens' in compile(); did you mean 'dense'? {KNOWN}",
        ),
        (
            {"kernels": {"dens1": "csr"}},
            InvalidValueError,
            "kernels must name Dense layers, got 'dens1' in compile(); did you mean 'dense1'? Known: dense1, dense2",
        ),
        (
            {"kernels": {"relu1": "csr"}},
            InvalidValueError,
            "kernels must name Dense layers, got 'relu1' in compile(); known: dense1, dense2",
        ),
        (
            {"kernels": ["csr"]},
            InvalidTypeError,
            "kernels must be a name, a mapping or None, got ['csr'] in compile()",
        ),
    ],
)
def test_compile(arguments, error, message):
    before = snapshot(NETWORK)
    with pytest.raises(error) as caught:
        compile(**{"network": NETWORK} | arguments)
    assert str(caught.value) == message
    assert snapshot(NETWORK) == before


def test_any_layer_of_the_network_may_be_named_though_folding_leaves_nothing_of_it():
    network = Network.mlp([3, 4, 2], rng=0)
    network.parameters["dense2.weight"].mask = np.zeros((4, 2), bool)
    program = compile(network, kernels={"dense1": "dense", "dense2": "csr"})
    assert len(program.steps) == 1


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones(3), "x must have shape (batch, 3), got (3,) in Program(); one row is x[None, :]"),
        (np.ones((1, 1, 3)), "x must have shape (batch, 3), got (1, 1, 3) in Program()"),
        (np.ones((2, 4)), "x must have 3 columns, got 4 in Program()"),
        (np.ones((0, 3)), "x must have at least one row, got (0, 3) in Program()"),
        (np.ones((1, 3), complex), "x must hold real numbers, got dtype complex128 in Program()"),
        (np.ones((1, 3), bool), "x must be float or integer, got dtype bool in Program()"),
        ([["a", "b", "c"]], "x must hold real numbers, got dtype <U1 in Program()"),
        (np.ma.ones((1, 3), np.float32), "x must be a plain array, got a masked array in Program(): fill it first"),
        ([[0, 0, np.nan]], "x must be finite, got 1 NaN or infinite in Program(), the first at (0, 2): nan"),
        ([[0, np.inf, -np.inf]], "x must be finite, got 2 NaN or infinite in Program(), the first at (0, 1): inf"),
        ([[1e39, 0, 0]], "x must be finite, got 1 NaN or infinite in Program(), the first at (0, 0): inf"),
    ],
)
def test_calls(x, message):
    program = compile(NETWORK, kernels="csr")
    good = np.ones((1, 3), np.float32)
    expected = bits(program(good))
    for call in (program, program.predict, program.predict_proba):
        with pytest.raises(MinpruneError) as caught:
            call(x)
        assert str(caught.value) == message
        assert bits(program(good)) == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inputs", [1, 3, 17])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_number_that_is_not_finite_is_found_wherever_it_is_though_its_input_is_unused(
    bad, layout, dtype, inputs, batch
):
    network = Network.mlp([inputs, 2], rng=0, dtype=dtype)
    mask = np.ones((inputs, 2), bool)
    mask[1::2] = False
    network.parameters["dense1.weight"].mask = mask
    for kernel, size in (("packed", batch), ("csr", 1)):
        program, good = compile(network, size, kernels=kernel), np.ones((batch, inputs), dtype)
        expected = bits(program(good))
        for row in range(batch):
            for column in range(inputs):
                x = good.copy()
                x[row, column] = bad
                for _ in range(2):  # right after a refused call as well
                    with pytest.raises(InvalidValueError, match=rf"the first at \({row}, {column}\)"):
                        program(layout(x))
        assert bits(program(good)) == expected


def test_both_infinities_in_one_row_are_refused():
    program = compile(NETWORK, kernels="dense")
    with pytest.raises(InvalidValueError, match="got 2 NaN or infinite"):
        program(np.array([[np.inf, -np.inf, 0]], np.float32))


def test_the_largest_numbers_are_let_through():
    network = Network.mlp([3, 2], rng=0)
    network.parameters["dense1.weight"].value = np.full((3, 2), 1e-3)
    x = np.full((1, 3), np.finfo(np.float32).max)
    assert np.isfinite(compile(network, kernels="dense")(x)).all()
