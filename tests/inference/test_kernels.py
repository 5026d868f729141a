"""Kernels: which are worth a try for a layer, and what each packs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import ANY_MASK, bits

from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.kernels import KERNELS, LayerWeights, candidates
from minprune.inference.layouts import FEATURES, ROWS
from minprune.inference.panels import Panels

EACH_KERNEL = pytest.mark.parametrize("name", KERNELS)


def layer(mask, bias=None):
    mask = np.array(mask, bool)
    weight = np.where(mask, np.arange(1.0, 1 + mask.size).reshape(mask.shape), 0)
    return LayerWeights(weight, mask, None if bias is None else np.array(bias, float))


def test_names():
    assert all(kernel.name == name for name, kernel in KERNELS.items())
    assert next(iter(KERNELS)) == "dense"
    assert {name for name, kernel in KERNELS.items() if kernel.layout == ROWS} == {"dense", "packed"}
    assert all(kernel.format in (DenseMatrix, PackedDense) for kernel in KERNELS.values() if kernel.layout == ROWS)


# ── what is packed ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_augmented_by_hand():
    weight, mask = layer([[1, 0], [1, 1], [0, 0]], [7, 0]).augmented
    assert weight.tolist() == [[1, 3, 0, 7], [0, 4, 0, 0]]
    assert mask.tolist() == [[True, True, False, True], [False, True, False, True]]
    weight, mask = layer([[1, 0], [1, 1], [0, 0]]).augmented
    assert weight.tolist() == [[1, 3, 0, 0], [0, 4, 0, 0]]
    assert mask.tolist() == [[True, True, False, False], [False, True, False, False]]


@EACH_KERNEL
@given(ANY_MASK, st.booleans(), st.booleans())
def test_a_kernel_packs_the_layer_as_its_layout_has_it(name, mask, biased, single):
    made = layer(mask, np.arange(mask.shape[1]) if biased else None)
    kernel = KERNELS[name].at(1 if single else 8)
    matrix = kernel.pack(made)
    assert type(matrix) is kernel.format
    if kernel.layout == ROWS:
        assert bits(matrix.to_dense()) == bits(made.weight)
        assert matrix.nnz == made.kept
    else:
        assert bits(matrix.to_dense()) == bits(made.augmented[0])
        assert matrix.nnz == made.kept + biased * mask.shape[1]


def test_panels_come_together_or_apart():
    for name, together in (("panels", True), ("panels apart", False)):
        for batch in (1, 8):
            matrix = KERNELS[name].at(batch).pack(layer(np.ones((3, 8))))
            assert isinstance(matrix, Panels)
            assert matrix.together is together


@EACH_KERNEL
def test_for_one_sample_everything_is_feature_major_under_its_own_name(name):
    kernel = KERNELS[name]
    assert kernel.at(2) is kernel
    assert (kernel.at(1).name, kernel.at(1).format, kernel.at(1).layout) == (name, kernel.format, FEATURES)


@EACH_KERNEL
@pytest.mark.parametrize("batch", [1, 2])
def test_a_kept_zero_is_a_connection(name, batch):
    mask = np.array([[True, False], [True, True]])
    made = LayerWeights(np.array([[0.0, 0.0], [1.0, 2.0]]), mask, None)
    assert made.kept == KERNELS[name].at(batch).pack(made).nnz == 3


# ── which are worth a try ───────────────────────────────────────────────────────────────────────────────────────────

FULL = np.ones((8, 8), bool)
ONE_INPUT_UNUSED = FULL.copy()
ONE_INPUT_UNUSED[3] = False
ONE_OUTPUT_UNUSED = FULL.copy()
ONE_OUTPUT_UNUSED[:, 5] = False
ONE_WEIGHT_GONE = FULL.copy()
ONE_WEIGHT_GONE[2, 2] = False
FEW = np.eye(40, dtype=bool)  # a fortieth is kept, in each row and column
FEW_IN_PANELS = np.kron(np.eye(40), np.ones((1, 8))).astype(bool)


@pytest.mark.parametrize(
    ("mask", "single", "many"),
    [
        (FULL, [], ["dense features"]),
        (ONE_WEIGHT_GONE, [], ["dense features"]),
        (ONE_INPUT_UNUSED, ["packed", "panels"], ["packed", "dense features", "packed features", "panels"]),
        (ONE_OUTPUT_UNUSED, ["packed"], ["packed", "dense features", "packed features"]),
        (FEW, ["ell", "csr"], ["dense features", "ell", "csr"]),
        (FEW_IN_PANELS, ["panels", "ell", "csr"], ["dense features", "panels", "ell", "csr"]),
    ],
    ids=["full", "one weight gone", "an input unused", "an output unused", "few", "few in panels"],
)
def test_candidates_are_dense_first_and_only_what_may_pay(mask, single, many):
    for batch, names in ((1, single), (16, many)):
        expected = ["dense"]
        for name in names:
            expected += ["panels", "panels apart"] if name == "panels" else [name]
        offered = candidates(layer(mask), batch)
        assert [kernel.name for kernel in offered] == expected
        assert offered == [KERNELS[name].at(batch) for name in expected]


@given(ANY_MASK.filter(lambda mask: mask.size), st.sampled_from([1, 2, 16, 256]))
def test_dense_is_always_first_and_a_sparse_kernel_is_not_offered_for_more_than_it_was_refused_for(mask, batch):
    names = [kernel.name for kernel in candidates(layer(mask), batch)]
    assert names[0] == "dense"
    assert names == [name for name in KERNELS if name in names]
    fewer = mask.copy()
    fewer.flat[: fewer.size // 2] = False
    for name in {"ell", "csr"} & set(names):
        assert name in [kernel.name for kernel in candidates(layer(fewer), batch)]


@pytest.mark.parametrize(
    ("batch", "most"),
    [(1, 840 // 3), (2, 840 // 6), (6, 840 // 18), (7, 840 // 20), (16, 840 // 20), (1000, 840 // 20)],
)
def test_sparse_kernels_are_offered_up_to_a_third_and_for_batches_down_to_a_twentieth(batch, most):
    for count, offered in ((most, True), (most + 1, False)):
        mask = np.zeros((28, 30), bool)
        mask.flat[:count] = True
        names = {kernel.name for kernel in candidates(layer(mask), batch)}
        assert ({"csr", "ell"} <= names) is offered
        assert bool({"csr", "ell"} & names) is offered


@pytest.mark.parametrize(
    ("heights", "offered"), [([4, 4], True), ([3, 4], False), ([8], True), ([1, 7], True), ([3], False)]
)
def test_panels_are_offered_from_four_outputs_each_on(heights, offered):
    mask = np.repeat(np.eye(len(heights), dtype=bool), heights, axis=1)
    mask = np.vstack([mask, np.zeros((1, mask.shape[1]), bool)])  # an input that nobody looks at
    names = {kernel.name for kernel in candidates(layer(mask), 16)}
    assert ({"panels", "panels apart"} <= names) is offered
    assert bool({"panels", "panels apart"} & names) is offered
