"""A program is the masked network and the compacted one, whatever kernels run it, and its results are its caller's."""

import copy
import pickle
import threading
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import bits, going_all, layouts
from packing import ALL, exact_networks, held_arrays, networks, output_by_hand, rounding, rows, snapshot

from minprune import Dense, Magnitude, Network, ReLU, Select, Sigmoid, Vectors, compact, compile, plan
from minprune.inference import program as module
from minprune.inference.kernels import KERNELS

EACH = pytest.mark.parametrize("kernel", KERNELS)
CHOSEN = st.sampled_from([*KERNELS, None])


def _packed(network, kernel, batch=1):
    return compile(network, batch, kernels=kernel, seconds=0.0)


def _pruned(widths=(40, 30, 20, 5), sparsity=0.8, pattern=None):
    network = Network.mlp(widths, rng=0)
    for parameter in network.parameters.values():
        parameter.value = np.random.default_rng(1).standard_normal(parameter.shape)
    options = {} if pattern is None else {"pattern": pattern}
    return plan(network, Magnitude(), sparsity=sparsity, **options).apply(network)


# ── the same function ───────────────────────────────────────────────────────────────────────────────────────────────


TUNED = st.sampled_from([1, 2, 17])


@given(exact_networks(), CHOSEN, TUNED, st.data())
def test_outputs_are_equal_where_sums_are_exact(network, kernel, batch_size, data):
    with going_all(lambda ways: data.draw(st.sampled_from(ways))):
        program, packed = _packed(network, kernel, batch_size), compact(network)
        for batch in (1, 2, 17):
            x = rows(network, batch, exact=True)
            expected = output_by_hand(network, x)
            for model in (program, network, packed):
                assert np.array_equal(model(x), expected)


@given(exact_networks(), TUNED, st.data())
def test_outputs_are_equal_with_another_kernel_in_each_layer(network, batch_size, data):
    names = [name for name in network.names if name.startswith("dense")]
    kernels = {name: data.draw(st.sampled_from(list(KERNELS))) for name in names if data.draw(st.booleans())}
    program = _packed(network, kernels, batch_size)
    for batch in (1, 3, batch_size):
        x = rows(network, batch, exact=True)
        assert np.array_equal(program(x), output_by_hand(network, x))


@pytest.mark.parametrize("first", KERNELS)
@pytest.mark.parametrize("second", KERNELS)
@pytest.mark.parametrize("bias", [True, False])
def test_any_two_kernels_one_after_the_other(first, second, bias):
    rng = np.random.default_rng(0)
    layers = [
        Dense.from_arrays(rng.integers(-4, 5, (6, 8)) / 4.0, rng.integers(-4, 5, 8) / 4.0 if bias else None),
        ReLU(),
        Dense.from_arrays(rng.integers(-4, 5, (8, 3)) / 4.0, rng.integers(-4, 5, 3) / 4.0 if bias else None),
    ]
    network = Network(layers)
    for layer in network.dense:
        layer.weight.mask = rng.random((layer.inputs, layer.outputs)) < 0.5
    for batch_size in (1, 4):
        program = _packed(network, {"dense1": first, "dense2": second}, batch_size)
        assert [step.kernel.name for step in program.steps] == [first, second]
        for batch in (1, 4, 5):
            x = rng.integers(-8, 9, (batch, 6)) / 4.0
            assert np.array_equal(program(x), network(x))


@given(networks(), CHOSEN)
def test_outputs_are_equal_to_rounding(network, kernel):
    program = _packed(network, kernel)
    for batch in (3, 40, 1):
        x = rows(network, batch)
        bound = rounding(network, x)
        assert (np.abs(program(x) - network(x)) <= bound).all()
        assert (np.abs(program(x) - compact(network)(x)) <= bound).all()
    assert (np.abs(program(x) - output_by_hand(network, x)) <= bound).all()


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
@pytest.mark.parametrize("tuned", [1, 4])
def test_earlier_results_stay_whatever_is_called_later(kernel, tuned):
    program, rng = _packed(_pruned(), kernel, tuned), np.random.default_rng(2)
    inputs = [rng.standard_normal((batch, 40)).astype(np.float32) for batch in (1, 1, 4, 64, 64, 1, 5, 4, 4, 1, 1)]
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
        assert bits(program(x)) == bits(_packed(network, kernel, batch=2)(x))


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
def test_steps_get_c_contiguous_rows_whatever_the_layout_of_x(dtype):
    program, tape = _packed(_pruned(), "dense", 6), module._Tape
    with mock.patch.object(tape, "__call__", autospec=True, side_effect=tape.__call__) as called:
        for _ in range(2):
            for x in layouts(np.ones((6, 40), dtype)).values():
                program(x)
    assert called.call_count == 10
    for call in called.call_args_list:
        assert call.args[1].flags.c_contiguous
        assert call.args[1].dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, ">f4"])
def test_x_is_converted_to_the_dtype_of_the_program(dtype):
    program = _packed(_pruned(), "dense")
    x = np.random.default_rng(4).integers(-8, 9, (3, 40))
    assert bits(program(x.astype(dtype))) == bits(program(x.astype(np.float32)))
    assert bits(program(x.tolist())) == bits(program(x.astype(np.float32)))


@EACH
@pytest.mark.parametrize("tuned", [1, 64])
@pytest.mark.parametrize(("batch", "numpys_own"), [(1, 4_000), (64, 80_000)])  # views, and what it broadcasts with
def test_a_call_allocates_nothing_but_its_result(kernel, tuned, batch, numpys_own):
    network = _pruned((300, 2000, 200), pattern=Vectors(8))
    program, x = _packed(network, kernel, tuned), rows(network, batch)
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
    assert sorted(program._tapes) == [2, 5]


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


# ── copies ──────────────────────────────────────────────────────────────────────────────────────────────────────────

COPIES = {
    "copy()": lambda program: program.copy(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda p, n=n: pickle.loads(pickle.dumps(p, n)) for n in (2, pickle.HIGHEST_PROTOCOL)},
}


@EACH
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_is_the_same_program_with_buffers_of_its_own(kernel, copied):
    program, x = _packed(_pruned(), kernel, 4), rows(_pruned(), 4)
    expected = bits(program(x))
    twin = copied(program)
    assert str(twin) == str(program)
    assert twin.to_dict() == program.to_dict()
    assert bits(twin(x)) == expected
    weights = {id(array) for array in held_arrays(program.steps)}
    assert {id(a) for a in held_arrays(program)} & {id(a) for a in held_arrays(twin)} <= weights


def test_copy_shares_the_weights_and_a_deepcopy_does_not():
    program = _packed(_pruned(), "csr")
    assert program.copy().steps is program.steps
    theirs = held_arrays(copy.deepcopy(program))
    assert not any(np.shares_memory(one, other) for one in held_arrays(program) for other in theirs)


@EACH
def test_threads_with_a_copy_each_get_their_own_answers(kernel):
    program = _packed(_pruned(), kernel, 4)
    inputs = [np.random.default_rng(seed).standard_normal((4, 40)).astype(np.float32) for seed in range(3)]
    expected, wrong = [bits(program(x)) for x in inputs], []
    ready = threading.Barrier(len(inputs), timeout=30)

    def work(mine, x, y):
        ready.wait()
        wrong.extend(x for _ in range(50) if bits(mine(x)) != y)

    threads = [
        threading.Thread(target=work, args=(program.copy(), x, y)) for x, y in zip(inputs, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
