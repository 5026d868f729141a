"""A program is the masked network and the compacted one, and says truly what it holds, does and why."""

import json
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import bits, layouts
from packing import ALL, exact_networks, held_arrays, live_weights, networks, output_by_hand, rounding, rows, snapshot

from minprune import Dense, Magnitude, Network, Select, Sigmoid, analyze, compact, compile, plan
from minprune.inference import program as module
from minprune.inference.kernels import KERNELS, DenseKernel

EACH = pytest.mark.parametrize("kernel", KERNELS)
CHOSEN = st.sampled_from([*KERNELS, None])


def _packed(network, kernel, batch=1):
    return compile(network, batch, kernels=kernel, seconds=0.0)


def _pruned(widths=(40, 30, 20, 5), sparsity=0.8, **options):
    network = Network.mlp(widths, rng=0, **options)
    for parameter in network.parameters.values():
        parameter.value = np.random.default_rng(1).standard_normal(parameter.shape)
    return plan(network, Magnitude(), sparsity=sparsity).apply(network)


# ── the same function ───────────────────────────────────────────────────────────────────────────────────────────────


@given(exact_networks(), CHOSEN)
def test_outputs_are_equal_where_sums_are_exact(network, kernel):
    program, packed = _packed(network, kernel), compact(network)
    for batch in (1, 2, 5):
        x = rows(network, batch, exact=True)
        expected = output_by_hand(network, x)
        for model in (program, network, packed):
            assert np.array_equal(model(x), expected)


@given(exact_networks(), st.data())
def test_outputs_are_equal_with_another_kernel_in_each_layer(network, data):
    names = [name for name in network.names if name.startswith("dense")]
    kernels = data.draw(st.dictionaries(st.sampled_from(names), st.sampled_from(list(KERNELS))))
    x = rows(network, exact=True)
    assert np.array_equal(_packed(network, kernels)(x), output_by_hand(network, x))


@given(networks(), CHOSEN)
def test_outputs_are_equal_to_rounding(network, kernel):
    program = _packed(network, kernel)
    for batch in (1, 3, 40):
        x = rows(network, batch)
        bound = rounding(network, x)
        assert (np.abs(program(x) - network(x)) <= bound).all()
        assert (np.abs(program(x) - compact(network)(x)) <= bound).all()
    assert (np.abs(program(x[:2]) - output_by_hand(network, x[:2])) <= bound).all()


@given(networks(dtype=np.float32), CHOSEN)
def test_outputs_are_equal_to_rounding_in_float32(network, kernel):
    program = _packed(network, kernel)
    x = rows(network)
    assert program(x).dtype == program.dtype == np.float32
    assert (np.abs(program(x) - network(x).astype(np.float64)) <= rounding(network, x)).all()


@pytest.mark.parametrize("function", ALL, ids=repr)
@pytest.mark.parametrize("bias", [None, 0.0, -0.5, 0.75])
def test_what_follows_a_layer_is_applied_bit_for_bit(function, bias):
    layer = Dense.from_arrays(np.eye(5), None if bias is None else np.full(5, bias))
    network = Network([layer, function.copy(), Dense.from_arrays(np.eye(5)), function.copy()])
    x = np.array([[-2.0, -0.5, 0.0, 0.5, 3.0], [-0.75, 1e-300, -1e-300, 1e30, -1e30]])
    assert bits(_packed(network, "dense")(x) + 0.0) == bits(network(x) + 0.0)  # a zero may have either sign


@given(networks(), CHOSEN)
def test_the_network_is_untouched_and_shares_no_memory(network, kernel):
    before, x = snapshot(network), rows(network)
    program = _packed(network, kernel)
    expected = bits(program(x))
    assert snapshot(network) == before
    for parameter in network.parameters.values():
        parameter.value += 1
        parameter.mask = np.zeros(parameter.shape, bool)
    for layer in network.layers:
        if isinstance(layer, Select):
            layer.columns[...] = 0
    assert bits(program(x)) == expected


@EACH
@pytest.mark.parametrize("emptied", ["dense1.weight", "dense2.weight", "dense3.weight"])
def test_a_network_whose_output_is_constant(kernel, emptied):
    network = _pruned()
    network.parameters[emptied].mask = np.zeros(network.parameters[emptied].shape, bool)
    program, x = _packed(network, kernel), rows(network, 4)
    assert np.allclose(program(x), network(x), rtol=1e-5)
    assert (len(program.steps), program.live) == (1, 0)


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@EACH
def test_earlier_results_stay_whatever_is_called_later(kernel):
    program, rng = _packed(_pruned(), kernel, batch=4), np.random.default_rng(2)
    inputs = [rng.standard_normal((batch, 40)).astype(np.float32) for batch in (1, 4, 64, 1, 5, 4, 4, 1, 64)]
    results = [program(x) for x in inputs]
    before = [bits(y) for y in results]
    assert [bits(program(x)) for x in inputs] == before
    assert [bits(y) for y in results] == before
    assert not any(np.shares_memory(y, held) for y in results for held in held_arrays(program))


@EACH
def test_the_order_of_batch_sizes_does_not_matter(kernel):
    network, rng = _pruned(), np.random.default_rng(3)
    program = _packed(network, kernel, batch=2)
    for batch in (1, 2, 64, 2, 1, 3, 1, 64, 2):
        x = rng.standard_normal((batch, 40)).astype(np.float32)
        assert bits(program(x)) == bits(_packed(network, kernel)(x))


@EACH
def test_the_layout_of_x_does_not_matter_and_it_is_not_written_to(kernel):
    network = _pruned()
    network = Network([Sigmoid(), *network.copy().layers])  # works in place, on a copy
    program = _packed(network, kernel)
    for batch in (1, 6):
        x = rows(network, batch)
        expected = bits(program(x))
        unaligned = np.frombuffer(b"?" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
        for name, same in (layouts(x) | {"unaligned": unaligned}).items():
            before = bits(same)
            assert bits(program(same)) == expected, name
            assert bits(same) == before, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernels_get_c_contiguous_rows_whatever_the_layout_of_x(dtype):
    program = _packed(_pruned(), "dense")
    with mock.patch.object(DenseKernel, "__call__", autospec=True, side_effect=DenseKernel.__call__) as called:
        for x in layouts(np.ones((6, 40), dtype)).values():
            program(x)
    assert called.call_count == 5 * len(program.steps)
    assert all(call.args[1].flags.c_contiguous for call in called.call_args_list)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, ">f4"])
def test_x_is_converted_to_the_dtype_of_the_program(dtype):
    program = _packed(_pruned(), "dense")
    x = np.random.default_rng(4).integers(-8, 9, (3, 40))
    assert bits(program(x.astype(dtype))) == bits(program(x.astype(np.float32)))
    assert bits(program(x.tolist())) == bits(program(x.astype(np.float32)))


@EACH
@pytest.mark.parametrize(("batch", "numpys_own"), [(1, 2_000), (64, 40_000)])  # what it broadcasts with
def test_a_call_allocates_its_result_and_before_it_a_bool_for_each_number_of_x(kernel, batch, numpys_own):
    network = _pruned((300, 2000, 300, 200))
    program, x = _packed(network, kernel, batch), rows(network, batch)
    program(x)
    tracemalloc.start()
    program(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    result, hidden = 4 * batch * 200, 4 * batch * program.steps[0].outputs
    assert peak < result + numpys_own < result + hidden


def test_buffers_of_other_batch_sizes_do_not_pile_up():
    program = _packed(_pruned(), "dense", batch=2)
    for batch in (1, 2, 3, 4, 5, 2):
        program(np.ones((batch, 40)))
    assert sorted(program._buffers) == [2, 5]


def test_the_same_network_gives_the_same_answers_bit_for_bit():
    network, x = _pruned(), rows(_pruned(), 7)
    for kernel in KERNELS:
        assert bits(_packed(network, kernel)(x)) == bits(_packed(network, kernel)(x))


def test_predictions_are_those_of_the_network():
    for widths in ((40, 30, 5), (40, 30, 1)):
        network = _pruned(widths)
        program, x = _packed(network, None), rows(network, 50)
        assert program.predict(x).tolist() == network.predict(x).tolist()
        assert np.allclose(program.predict_proba(x), network.predict_proba(x), atol=1e-6)


# ── what it says of itself ──────────────────────────────────────────────────────────────────────────────────────────


@given(networks(), CHOSEN)
def test_bytes_are_those_of_the_arrays_held(network, kernel):
    program = _packed(network, kernel)
    program(rows(network))
    program._buffers.clear()
    assert program.nbytes == sum(array.nbytes for array in held_arrays(program))
    assert program.nbytes == sum(step.nbytes for step in program.steps)


@given(networks())
def test_flops_are_counted_one_by_one(network):
    folded = compact(network)
    done = dict.fromkeys(KERNELS, 0)
    for layer in folded.dense:
        first = layer is folded.dense[0]
        for j in range(layer.outputs):
            done["dense"] += 2 * (folded.inputs if first else layer.inputs)
            done["used inputs"] += 2 * layer.inputs
            done["csr"] += 2 * int(layer.weight.mask[:, j].sum())
            for name in KERNELS:
                done[name] += layer.bias is not None and bool(layer.bias.value.any())
    assert {name: _packed(network, name).flops for name in KERNELS} == done


@given(networks(), CHOSEN)
def test_kept_and_sparsity_are_the_networks_and_live_is_what_is_on_a_path(network, kernel):
    program = _packed(network, kernel)
    assert (program.kept, program.sparsity) == (network.kept, network.sparsity)
    assert program.live == live_weights(network) == analyze(network).total.live
    assert [step.kept for step in program.steps] == [layer.weight.kept for layer in compact(network).dense]


def test_printed():
    network = _pruned((4, 3, 2), 0.5)
    assert str(_packed(network, {"dense1": "csr", "dense2": "dense"})) == (
        "Program for batches of 1: 9 of 9 kept weights left after folding, 196 B, 29 FLOPs a row\n"
        "layer   kernel  units  kept  bytes\n"
        "──────────────────────────────────\n"
        "dense1  csr         3     6  164 B\n"
        "dense2  dense       2     3   32 B\n"
        "dense1: csr, asked for\n"
        "dense2: dense, asked for"
    )


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
    assert [layer["why"] for layer in found["layers"]] == [step.why for step in program.steps]
    assert [layer["times"] for layer in found["layers"]] == [step.times for step in program.steps]


def _timed(**times):
    """A program of one pruned layer that is told how long its kernels take."""

    def fastest(kernels, layer, batch, seconds):
        named = {kernel.name: times[kernel.name.replace(" ", "_")] for kernel in kernels}
        best = min(kernels, key=lambda kernel: named[kernel.name])
        return (best if named[best.name] < 0.95 * named["dense"] else kernels[0]), named

    network = _pruned((6, 4), 0.5)
    network.parameters["dense1.weight"].mask = np.array([[i == 1 for _ in range(4)] for i in range(6)]) & (
        np.arange(4) > 0
    )
    with mock.patch.object(module, "fastest", fastest):
        return compile(network).steps[0]


@pytest.mark.parametrize(
    ("times", "kernel", "why"),
    [
        ((1, 3, 7), "dense", "1.00 µs a call; the next, used inputs, takes 3.0 times as long"),
        ((9, 3, 7), "used inputs", "3.00 µs a call; the next, csr, takes 2.3 times as long"),
        ((9, 8, 2), "csr", "2.00 µs a call; the next, used inputs, takes 4.0 times as long"),
        ((100, 96, 120), "dense", "100 µs a call; used inputs, with 96.0 µs, is not clearly faster"),
        ((100, 102, 120), "dense", "100 µs a call; used inputs, with 102 µs, is not clearly faster"),
        ((100, 50, 51), "used inputs", "50.0 µs a call; csr, with 51.0 µs, is about as fast"),
    ],
)
def test_why(times, kernel, why):
    step = _timed(**dict(zip(("dense", "used_inputs", "csr"), np.array(times) * 1e-6, strict=True)))
    assert (step.kernel.name, step.why) == (kernel, why)


def test_why_a_full_layer_is_dense():
    step = compile(Network.mlp([3, 2], rng=0), seconds=0.0).steps[0]
    assert step.why.endswith(" a call; nothing in it is pruned, so nothing else was tried")


def test_tuning_is_asked_for_the_batch_size_and_the_time_given():
    with mock.patch.object(module, "fastest", side_effect=module.fastest) as asked:
        compile(Network.mlp([40, 30, 20, 5], rng=0), 3, kernels={"dense2": "csr"}, seconds=0.001)
    assert [(call.args[1].inputs, call.args[2], call.args[3]) for call in asked.call_args_list] == [
        (40, 3, 0.001),
        (20, 3, 0.001),
    ]
