"""What must not matter to what is packed: scale, the order of rows and columns, how x is cut, how it lies in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from relating import (
    FEWER,
    ROWS,
    data,
    eighths,
    masks,
    network,
    normal,
    orders,
    permuted,
    rescaled,
    rounding,
    same,
    values,
)

import minprune as mp
from minprune.testing.checks.kernel import LAYOUTS, laid_out

SEEDS = st.integers(0, 2**16)
DTYPES = st.sampled_from([np.float32, np.float64])
FACTORS = st.sampled_from([2.0**-9, 0.5, 4.0, 2.0**7])
KERNELS = ["dense", "packed", "dense features", "packed features", "panels", "panels apart", "ell", "csr"]
FORMATS = {
    "CSR": mp.CSR.from_dense,
    "ELL": mp.ELL.from_dense,
    "PackedDense": mp.PackedDense.from_dense,
    "Panels": mp.Panels.from_dense,
    "Panels apart": lambda w, mask=None: mp.Panels.from_dense(w, mask, together=False),
}
each_format = pytest.mark.parametrize("pack", FORMATS.values(), ids=FORMATS)
each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def matrix(seed, *, numbers=eighths, dtype=np.float64, shape=(11, 9), kept=0.4):
    """A matrix with its mask and some samples; with an empty row and an empty column."""
    rng = np.random.default_rng(seed)
    w, mask, x = numbers(rng, shape, dtype), rng.random(shape) < kept, numbers(rng, (shape[1], 5), dtype)
    mask[rng.integers(shape[0])] = mask[:, rng.integers(shape[1])] = False
    return w, mask, x


# ── formats ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@each_format
@FEWER
@given(seed=SEEDS, dtype=DTYPES, factor=FACTORS)
def test_products_scale_with_the_matrix_and_with_x(pack, seed, dtype, factor):
    w, mask, x = matrix(seed, numbers=normal, dtype=dtype)
    expected = (pack(w, mask) @ x) * dtype(factor)
    assert same(pack(w * dtype(factor), mask) @ x, expected)
    assert same(pack(w, mask) @ (x * dtype(factor)), expected)
    assert same(pack(-w, mask) @ x, -(pack(w, mask) @ x))


@each_format
@FEWER
@given(seed=SEEDS, dtype=DTYPES)
def test_products_are_linear_where_sums_are_exact(pack, seed, dtype):
    w, mask, x = matrix(seed, dtype=dtype)
    packed, other = pack(w, mask), np.roll(x, 1)
    assert same(packed @ (x + other), packed @ x + packed @ other)


@each_format
@FEWER
@given(seed=SEEDS, dtype=DTYPES)
def test_rows_columns_and_samples_in_another_order_give_the_same_products(pack, seed, dtype):
    w, mask, x = matrix(seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    rows, columns, samples = (rng.permutation(n) for n in (*w.shape, x.shape[1]))
    moved = pack(w[np.ix_(rows, columns)], mask[np.ix_(rows, columns)])
    assert same(moved @ x[np.ix_(columns, samples)], (pack(w, mask) @ x)[np.ix_(rows, samples)])
    assert same(moved.to_dense(), pack(w, mask).to_dense()[np.ix_(rows, columns)])


@each_format
@FEWER
@given(seed=SEEDS, dtype=DTYPES, row=st.integers(1, 10), column=st.integers(1, 8))
def test_a_matrix_cut_in_blocks_gives_the_product_of_the_whole(pack, seed, dtype, row, column):
    w, mask, x = matrix(seed, dtype=dtype)
    whole = pack(w, mask) @ x
    above, below = (pack(w[part], mask[part]) @ x for part in (slice(row), slice(row, None)))
    assert same(np.concatenate([above, below]), whole)
    left, right = (pack(w[:, part], mask[:, part]) @ x[part] for part in (slice(column), slice(column, None)))
    assert same(left + right, whole)


@each_format
@FEWER
@given(seed=SEEDS, dtype=DTYPES, size=st.integers(1, 5))
def test_samples_are_the_same_in_any_batches_and_alone(pack, seed, dtype, size):
    w, mask, x = matrix(seed, dtype=dtype)
    packed = pack(w, mask)
    assert same(np.concatenate([packed @ x[:, i : i + size] for i in range(0, 5, size)], axis=1), packed @ x)
    assert same(np.stack([packed @ column for column in x.T], axis=1), packed @ x)


@each_format
@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_how_a_matrix_and_its_mask_lie_in_memory_does_not_matter(pack, layout):
    w, mask, x = matrix(1)
    there = laid_out(w, layout), laid_out(mask, layout)
    before = [array.copy() for array in there]
    assert same(pack(*there) @ laid_out(x, layout), pack(w, mask) @ x)
    assert all(same(a, b) for a, b in zip(there, before, strict=True))


@each_format
@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.int64, np.uint16, ">f8"])
@pytest.mark.parametrize("width", [np.float32, np.float64])
def test_other_numbers_are_taken_for_what_they_are(pack, dtype, width):
    w, mask, x = matrix(2, dtype=width)
    whole = np.abs(8 * x)
    assert same(pack(w, mask) @ whole.astype(dtype), pack(w, mask) @ whole)


@each_format
@FEWER
@given(seed=SEEDS)
def test_both_float_widths_hold_and_multiply_the_same_where_sums_are_exact(pack, seed):
    w, mask, x = matrix(seed)
    wide, narrow = pack(w, mask), pack(w.astype(np.float32), mask)
    assert same(wide.to_dense(), narrow.to_dense().astype(np.float64))
    assert same(wide @ x, (narrow @ x.astype(np.float32)).astype(np.float64))
    assert wide.nbytes > narrow.nbytes


# ── networks made small, and programs ───────────────────────────────────────────────────────────────────────────────


@each_kernel
@FEWER
@given(seed=SEEDS, dtype=DTYPES, batch=st.sampled_from([1, 4]), kept=st.sampled_from([0.1, 0.4, 1.0]))
def test_a_program_knows_no_order_of_units_inputs_classes_and_rows(kernel, seed, dtype, batch, kept):
    net, (x, _) = network(seed, kept=kept, dtype=dtype), data(seed, dtype=dtype)
    order, rows = orders(net, seed, inputs=True, outputs=True), np.random.default_rng(seed).permutation(ROWS)
    plain = mp.compile(net, kernels=kernel, batch_size=batch)
    other = mp.compile(permuted(net, order), kernels=kernel, batch_size=batch)
    assert same(other(x[rows][:, order[0]]), plain(x)[rows][:, order[-1]])
    assert same(plain(x), net(x))
    assert (other.kept, other.sparsity) == (plain.kept, plain.sparsity)


@each_kernel
@FEWER
@given(seed=SEEDS, dtype=DTYPES, factor=FACTORS, k=st.sampled_from([0, 1]))
def test_a_program_knows_no_scale_between_layers_of_rectifiers(kernel, seed, dtype, factor, k):
    net = network(seed, numbers=normal, activation="leaky_relu", dtype=dtype)
    x, _ = data(seed, numbers=normal, dtype=dtype)
    plain, other = (mp.compile(each, kernels=kernel, batch_size=4) for each in (net, rescaled(net, k, factor)))
    assert same(other(x), plain(x))


@each_kernel
@FEWER
@given(seed=SEEDS, dtype=DTYPES, batch=st.sampled_from([1, 4]), size=st.integers(1, ROWS))
def test_a_program_gives_the_same_however_x_is_cut(kernel, seed, dtype, batch, size):
    net, (x, y) = network(seed, kept=0.5, dtype=dtype), data(seed, dtype=dtype)
    program = mp.compile(net, kernels=kernel, batch_size=batch)
    cuts = [x[i : i + size] for i in range(0, ROWS, size)]
    assert same(np.concatenate([program(cut) for cut in cuts]), program(x))
    assert same(np.concatenate([program.predict(cut) for cut in cuts]), net.predict(x))
    assert same(np.concatenate([program.predict_proba(cut) for cut in cuts]), net.predict_proba(x))
    assert mp.evaluate(program, (x, y), batch_size=size) == mp.evaluate(net, (x, y))


@pytest.mark.parametrize("layout", LAYOUTS[1:])
@each_kernel
def test_how_x_lies_in_memory_does_not_matter_to_what_a_program_tells(kernel, layout):
    net, (x, y) = network(1), data(1)
    program, there = mp.compile(net, kernels=kernel, batch_size=4), laid_out(x, layout)
    assert same(program(there), net(x))
    assert same(program.predict(there), net.predict(x))
    assert same(program.predict_proba(there), net.predict_proba(x))
    assert mp.evaluate(program, (there, y)) == mp.evaluate(net, (x, y))
    assert same(mp.compact(net)(there), net(x))
    assert same(there, x)


@FEWER
@given(SEEDS, DTYPES, st.sampled_from([0.1, 0.3, 0.6]), st.sampled_from(["relu", "tanh"]))
def test_what_is_left_of_a_network_knows_no_order(seed, dtype, kept, activation):
    """As many units of each layer are left, with the same weights in another order, and they compute the same."""
    net = network(seed, kept=kept, activation=activation, dtype=dtype)
    order, (x, _) = orders(net, seed, inputs=True, outputs=True), data(seed, dtype=dtype)
    small, other = mp.compact(net), mp.compact(permuted(net, order))
    assert [p.shape for p in other.parameters.values()] == [p.shape for p in small.parameters.values()]
    for p, q in zip(small.prunable.values(), other.prunable.values(), strict=True):
        assert same(np.sort(p.value, axis=None), np.sort(q.value, axis=None))
        assert p.kept == q.kept
    slack = 2 * rounding(net, x) if activation == "tanh" else np.zeros((ROWS, net.outputs))
    assert (np.abs(other(x[:, order[0]]) - small(x)[:, order[-1]]) <= slack[:, order[-1]]).all()


@FEWER
@given(SEEDS, DTYPES, st.sampled_from([0.1, 0.3, 0.6]))
def test_complexity_knows_no_order_and_what_it_counts_goes_with_the_units(seed, dtype, kept):
    net, (x, _) = network(seed, kept=kept, dtype=dtype), data(seed, dtype=dtype)
    order = orders(net, seed, inputs=True, outputs=True)
    plain, other = mp.analyze(net, x), mp.analyze(permuted(net, order), x[:, order[0]])
    assert (other.total, other.paths) == (plain.total, plain.paths)
    assert (other.collapsed, other.bottlenecks, other.weakest) == (plain.collapsed, plain.bottlenecks, plain.weakest)
    assert same(other.unused_inputs, plain.unused_inputs[order[0]])
    for place, ours, theirs in zip(order[1:], plain.layers, other.layers, strict=True):
        for name in ("fan_in", "fan_out", "no_input", "no_output", "dead", "activity"):
            array = getattr(ours, name)
            assert getattr(theirs, name) is None if array is None else same(getattr(theirs, name), array[place])


@FEWER
@given(SEEDS, st.sampled_from([0.3, 0.6, 1.0]), st.integers(30, 95))
def test_pruning_more_leaves_no_more_of_anything(seed, kept, percent):
    net = network(seed, numbers=normal, kept=kept)
    target = max(net.sparsity, percent / 100)
    pruned = mp.plan(net, mp.Magnitude(), sparsity=target, min_keep=0).apply(net)
    before, after = mp.analyze(net), mp.analyze(pruned)
    assert after.paths <= before.paths
    for name in ("kept", "live", "kept_flops", "kept_bytes"):
        assert getattr(after.total, name) <= getattr(before.total, name)
    for ours, theirs in zip(before.layers, after.layers, strict=True):
        assert not (ours.dead & ~theirs.dead).any()
    small, smaller = mp.compact(net), mp.compact(pruned)
    if after.paths:
        assert sum(p.size for p in smaller.parameters.values()) <= sum(p.size for p in small.parameters.values())
    else:  # a constant is one layer from all inputs, with nothing in it
        assert [(p.shape, p.kept) for p in smaller.prunable.values()] == [((net.inputs, net.outputs), 0)]


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("packed", [True, False])
@FEWER
@given(seed=SEEDS, dtype=DTYPES, kept=st.sampled_from([0.0, 0.3, 1.0]))
def test_what_is_kept_in_a_file_goes_with_the_order_and_is_as_long(packed, seed, dtype, kept, tmp_path_factory):
    net, folder = network(seed, numbers=normal, kept=kept, dtype=dtype), tmp_path_factory.mktemp("files")
    other = permuted(net, orders(net, seed, inputs=True, outputs=True))
    sizes = []
    for name, each in (("a", net), ("b", other)):
        path = mp.save(each, folder / name, packed=packed)
        sizes.append(path.stat().st_size)
        back = mp.load(path)
        assert same(values(back), values(each))
        assert same(masks(back), masks(each))
    assert sizes[0] == sizes[1]
