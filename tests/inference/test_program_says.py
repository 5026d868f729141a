"""What a program says of itself: bytes, operations, kept weights, in print and as plain values."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing import held_arrays, live_weights, networks, rows

from minprune import Magnitude, Network, analyze, compact, compile, plan
from minprune.inference import compilation, reasons
from minprune.inference.kernels import KERNELS

CHOSEN = st.sampled_from([*KERNELS, None])


def _packed(network, kernel, batch=1):
    return compile(network, batch, kernels=kernel, seconds=0.0)


def _pruned(widths=(40, 30, 20, 5), sparsity=0.8):
    network = Network.mlp(widths, rng=0)
    for parameter in network.parameters.values():
        parameter.value = np.random.default_rng(1).standard_normal(parameter.shape)
    return plan(network, Magnitude(), sparsity=sparsity).apply(network)


@given(networks(), CHOSEN, st.sampled_from([1, 3]))
def test_bytes_are_those_of_the_arrays_held(network, kernel, batch):
    program = _packed(network, kernel, batch)
    program(rows(network))
    program._tapes.clear()
    assert program.nbytes == sum(array.nbytes for array in held_arrays(program))
    assert program.nbytes == sum(step.nbytes for step in program.steps)


@given(networks())
def test_flops_are_counted_one_by_one(network):
    folded = compact(network)
    dense, csr, packed, biases = 0, 0, 0, 0
    for layer in folded.dense:
        inputs = folded.inputs if layer is folded.dense[0] else layer.inputs
        mask, biased = layer.weight.mask, layer.bias is not None and bool(layer.bias.value.any())
        for j in range(layer.outputs):
            dense += 2 * inputs
            packed += 2 * int(mask.any(axis=1).sum()) * bool(mask[:, j].any())
            csr += 2 * int(mask[:, j].sum())
            biases += biased
    assert _packed(network, "dense", 8).flops == dense + biases
    assert _packed(network, "packed", 8).flops == packed + biases
    assert _packed(network, "csr", 8).flops == _packed(network, "csr", 1).flops == csr + 2 * biases  # as one more input
    for name in ("dense", "dense features"):
        assert _packed(network, name, 1).flops == dense + 2 * sum(layer.outputs for layer in folded.dense)
    assert _packed(network, "panels apart", 8).flops == csr + 2 * biases


@given(networks(), CHOSEN)
def test_kept_and_sparsity_are_the_networks_and_live_is_what_is_on_a_path(network, kernel):
    program = _packed(network, kernel)
    assert (program.kept, program.sparsity) == (network.kept, network.sparsity)
    assert program.live == live_weights(network) == analyze(network).total.live
    assert [step.kept for step in program.steps] == [layer.weight.kept for layer in compact(network).dense]
    assert (program.inputs, program.outputs, program.dtype) == (network.inputs, network.outputs, network.dtype)


def test_a_sparse_program_is_small():
    program = _packed(_pruned((400, 300, 100), 0.95), "csr")
    assert program.nbytes < 0.2 * 4 * (400 * 300 + 300 * 100 + 400)


def test_printed():
    network = _pruned((4, 3, 2), 0.5)
    assert str(_packed(network, {"dense1": "csr", "dense2": "dense"}, 8)) == (
        "Program for batches of 8: 9 of 9 kept weights left after folding, 172 B, 32 FLOPs a row\n"
        "layer   kernel  units  kept  bytes\n"
        "──────────────────────────────────\n"
        "dense1  csr         3     6  140 B\n"
        "dense2  dense       2     3   32 B\n"
        "dense1: csr, asked for\n"
        "dense2: dense, asked for"
    )


def test_printed_with_times():
    program = _packed(_pruned(), None, 16)
    header = str(program).splitlines()[1]
    assert all(name in header for step in program.steps for name in step.times)
    for step in program.steps:
        assert f"{step.name}: {step.kernel.name}, {reasons.why(step)}" in str(program)


@pytest.fixture
def timed(monkeypatch):
    """A program of two layers, the second one full, whose kernels took the times that are told here."""
    took = {"dense": 4e-6, "ell": 3e-6, "csr": 1.25e-6, 0: 9, 1: 4, 2: 5}  # 0 … 2 are whole programs
    monkeypatch.setattr(compilation, "race", lambda calls, seconds, least=1: {name: took[name] for name in calls})
    network = Network.mlp((40, 20, 2), rng=0)
    network.dense[0].bias.value = np.ones(20)
    network.dense[0].weight.mask = np.arange(40)[:, None] % 20 == np.arange(20)
    return compile(network)


def test_printed_with_these_times(timed):
    assert str(timed) == (
        "Program for batches of 1: 80 of 80 kept weights left after folding, 1.06 kB, 204 FLOPs a row\n"
        "layer   kernel  units  kept  bytes    dense      ell      csr\n"
        "─────────────────────────────────────────────────────────────\n"
        "dense1  csr        20    40  888 B  4.00 µs  3.00 µs  1.25 µs\n"
        "dense2  dense       2    40  168 B  4.00 µs\n"
        "dense1: csr, 1.25 µs a call; the next, ell, takes 2.4 times as long\n"
        "dense2: dense, 4.00 µs a call; nothing in it is pruned, so nothing else was tried"
    )


def test_these_plain_values(timed):
    first = {"layer": "dense1", "outputs": 20, "kept": 40, "kernel": "csr", "nbytes": 888, "flops": 120}
    last = {"layer": "dense2", "outputs": 2, "kept": 40, "kernel": "dense", "nbytes": 168, "flops": 84}
    assert timed.to_dict() == {
        "batch_size": 1,
        "kept": 80,
        "sparsity": 760 / 840,
        "live": 80,
        "nbytes": 1056,
        "flops": 204,
        "layers": [
            first
            | {"times": {"dense": 4e-6, "ell": 3e-6, "csr": 1.25e-6}}
            | {"why": "1.25 µs a call; the next, ell, takes 2.4 times as long"},
            last
            | {"times": {"dense": 4e-6}}
            | {"why": "4.00 µs a call; nothing in it is pruned, so nothing else was tried"},
        ],
    }


def test_plain_values():
    program = _packed(_pruned(), None)
    found = json.loads(json.dumps(program.to_dict()))
    assert {name: found[name] for name in ("batch_size", "kept", "sparsity", "live", "nbytes", "flops")} == {
        "batch_size": 1,
        "kept": program.kept,
        "sparsity": program.sparsity,
        "live": program.live,
        "nbytes": program.nbytes,
        "flops": program.flops,
    }
    assert [layer["why"] for layer in found["layers"]] == [reasons.why(step) for step in program.steps]
    assert [layer["times"] for layer in found["layers"]] == [step.times for step in program.steps]


def test_explain_is_that_of_the_step_and_the_batch():
    program = _packed(_pruned(), None, 3)
    for step in program.steps:
        assert program.explain(step.name) == reasons.explain(step, 3)
        assert "a call with 3 rows" in program.explain(step.name)


@pytest.mark.parametrize("layer", ["relu1", "dens1", 3])
def test_explain_refuses_what_is_no_step(layer):
    with pytest.raises(ValueError, match=r"layer must be a known name, got .* in explain\(\)"):
        _packed(_pruned(), "dense").explain(layer)
