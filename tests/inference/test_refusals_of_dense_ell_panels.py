"""Which parts a format refuses, and in which words; CSR's are in test_csr_refusals, everybody's in test_formats."""

import numpy as np
import pytest

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.panels import Group, Panels

EYE, PANEL, MOST = np.eye(2), np.ones((1, 2, 2)), np.iinfo(np.intp).max


def dense(values=EYE, nnz=2):
    return DenseMatrix(values, nnz)


def packed(values=EYE, rows=(0, 1), columns=(0, 2), shape=(2, 3), nnz=2):
    return PackedDense(values, np.array(rows), np.array(columns), shape, nnz)


def ell(values=EYE, columns=((0, 1), (1, 2)), places=None, shape=(2, 3), dtype="f8", nnz=2, slices=None):
    return ELL([(values, np.array(columns))] if slices is None else slices, places, shape, dtype, nnz)


def group(values=PANEL, columns=((0, 2),), starts=(0,), heights=(2,), widths=(2,)):
    return Group(values, np.array(columns), np.array(starts), np.array(heights), np.array(widths))


def panels(*groups, shape=(2, 3), dtype="f8", nnz=4, together=True):
    return Panels(list(groups) or [group()], shape, dtype, nnz, together)


def test_the_good_parts_are_good():
    assert dense().to_dense().tolist() == [[1, 0], [0, 1]]
    assert packed().to_dense().tolist() == [[1, 0, 0], [0, 0, 1]]
    assert ell().to_dense().tolist() == [[1, 0, 0], [0, 0, 1]]
    assert panels().to_dense().tolist() == [[1, 0, 1], [1, 0, 1]]
    assert panels(group(heights=(1,), widths=(1,)), nnz=0).to_dense().tolist() == [[1, 0, 0], [0, 0, 0]]
    assert dense(nnz=0).nnz == packed(nnz=0).nnz == ell(nnz=0).nnz == 0
    assert dense(nnz=4).nnz == packed(nnz=4).nnz == ell(nnz=4).nnz == panels(nnz=4).nnz == 4
    assert ell(places=np.array([1, 0])).to_dense().tolist() == [[0, 0, 1], [1, 0, 0]]
    assert ell(places=np.array([1, 2, 0, 2]), shape=(4, 3)).to_dense()[[0, 2]].tolist() == [[0, 0, 1], [1, 0, 0]]
    two = panels(group(starts=(2,)), group(), shape=(4, 3))
    assert two.to_dense().tolist() == [[1, 0, 1]] * 4
    nobody = Group(np.ones((0, 2, 2)), *(np.zeros(s, int) for s in ((0, 2), 0, 0, 0)))
    assert panels(nobody, nnz=0).multiply_adds == panels(nobody, shape=(0, 3), nnz=0).multiply_adds == 0


def test_given_parts_are_copied_frozen_and_in_c_order():
    values, index = np.asfortranarray(np.arange(4.0).reshape(2, 2)), np.array([0, 1])
    square, cube = np.asfortranarray([[0, 1], [1, 2]]), np.asfortranarray(np.arange(8.0).reshape(2, 2, 2))
    zeros = np.array([0, 2])
    for made in (
        DenseMatrix(values, 2),
        PackedDense(values, index, index, (2, 3), 2),
        ELL([(values, square)], index, (2, 3), "f8", 2),
        Panels([Group(cube, square, zeros, index + 1, index + 1)], (4, 3), "f8", 2, True),
    ):
        for held in made._holds():
            assert held.flags.c_contiguous
            assert not held.flags.writeable
            assert not any(np.shares_memory(held, given) for given in (values, index, square, cube, zeros))
        if isinstance(made, Panels):
            assert made.groups[0].values.tolist() == cube.tolist()


TWO = [(EYE, np.array(((0, 1), (1, 2)))), (EYE.astype("f4"), np.array(((0, 1), (1, 2))))]
REFUSED = [
    (lambda: dense(values=np.ones(2)), "values must have 2 dimensions, got shape (2,) in DenseMatrix()"),
    (lambda: dense(values=np.ones((2, 2), int)), "dtype must be float32 or float64, got int64 in DenseMatrix()"),
    (lambda: dense(values=np.ones((2, 2), object)), "values must hold real numbers, got dtype object in DenseMatrix()"),
    (lambda: dense(nnz=5), "nnz must be at most 4, got 5 in DenseMatrix()"),
    (lambda: dense(nnz=-1), "nnz must be at least 0, got -1 in DenseMatrix()"),
    (lambda: packed(shape=3), "shape must be (rows, columns), got 3 in PackedDense()"),
    (lambda: packed(shape=(2, -1)), "shape must be at least 0, got -1 in PackedDense()"),
    (lambda: packed(shape=(2**41, 1)), f"shape must be at most {2**40}, got {2**41} in PackedDense()"),
    (lambda: packed(values=np.ones(2)), "values must have 2 dimensions, got shape (2,) in PackedDense()"),
    (lambda: packed(rows=(0, 2)), "rows must be in [0, 2), got 2 in PackedDense()"),
    (lambda: packed(rows=(1, 1)), "rows must rise, got [1 1] in PackedDense()"),
    (lambda: packed(rows=((0, 1),)), "rows must have one dimension, got shape (1, 2) in PackedDense()"),
    (lambda: packed(rows=("a", "b")), "rows must hold real numbers, got dtype <U1 in PackedDense()"),
    (lambda: packed(rows=(0.0, 1.0)), "rows must hold integers, got dtype float64 in PackedDense()"),
    (lambda: packed(columns=(0, 3)), "columns must be in [0, 3), got 3 in PackedDense()"),
    (lambda: packed(columns=(-1, 0)), "columns must be in [0, 3), got -1 in PackedDense()"),
    (lambda: packed(columns=(2, 1)), "columns must rise, got [2 1] in PackedDense()"),
    (lambda: packed(columns=((0, 1),)), "columns must have one dimension, got shape (1, 2) in PackedDense()"),
    (lambda: packed(rows=(0,)), "values must have shape (1, 2), a row for each of rows and a column for each of "
     "columns, got (2, 2) in PackedDense()"),
    (lambda: packed(values=np.zeros((9, 2)), rows=(0, 1, 2, 3, 5, 4, 6, 7, 8), shape=(9, 3)),
     "rows must rise, got [0 1 2 ... 6 7 8] in PackedDense()"),
    (lambda: packed(values=np.zeros((7, 2)), rows=(0, 1, 2, 3, 5, 4, 6), shape=(9, 3)),
     "rows must rise, got [0 1 2 ... 5 4 6] in PackedDense()"),
    (lambda: packed(values=np.zeros((6, 2)), rows=(0, 1, 2, 3, 5, 4), shape=(9, 3)),
     "rows must rise, got [0 1 2 3 5 4] in PackedDense()"),
    (lambda: packed(nnz=5), "nnz must be at most 4, got 5 in PackedDense()"),
    (lambda: packed(nnz=-1), "nnz must be at least 0, got -1 in PackedDense()"),
    (lambda: ell(shape=3), "shape must be (rows, columns), got 3 in ELL()"),
    (lambda: ell(dtype="i8"), "dtype must be float32 or float64, got int64 in ELL()"),
    (lambda: ell(slices=3), "slices must be a list of pairs (values, columns) in ELL()"),
    (lambda: ell(slices=[EYE]), "slices must be a list of pairs (values, columns) in ELL()"),
    (lambda: ell(slices=[(EYE,)]), "slices must be a list of pairs (values, columns) in ELL()"),
    (lambda: ell(slices=TWO), "values of slices[1] must have dtype float64, got float32 in ELL()"),
    (lambda: ell(values=np.ones(2)), "values of slices[0] must have 2 dimensions, got shape (2,) in ELL()"),
    (lambda: ell(columns=((0, 1), (1, 3))), "columns of slices[0] must be in [0, 3), got 3 in ELL()"),
    (lambda: ell(columns=((0, 1),)), "columns of slices[0] must have shape (2, 2), got shape (1, 2) in ELL()"),
    (lambda: ell(shape=(3, 3)), "places must say where the 3 rows are, 2 stored, got None in ELL()"),
    (lambda: ell(places=np.array([0, 3])), "places must be in [0, 3), got 3 in ELL()"),
    (lambda: ell(places=np.array([0, 1, 2])), "places must have shape (2,), got shape (3,) in ELL()"),
    (lambda: ell(places=np.array([0, 0])), "places must name each of the 2 stored rows once in ELL()"),
    (lambda: ell(places=np.array([0, 2])), "places must name each of the 2 stored rows once in ELL()"),
    (lambda: ell(places=np.array([0, 1, 1]), shape=(3, 3)), "places must name each of the 2 stored rows once in ELL()"),
    (lambda: ell(nnz=5), "nnz must be at most 4, got 5 in ELL()"),
    (lambda: ell(nnz=-1), "nnz must be at least 0, got -1 in ELL()"),
    (lambda: group(values=EYE), "values must have 3 dimensions, got shape (2, 2) in Group()"),
    (lambda: group(columns=((0, -1),)), f"columns must be in [0, {MOST}), got -1 in Group()"),
    (lambda: group(columns=(0, 2)), "columns must have shape (1, 2), got shape (2,) in Group()"),
    (lambda: group(starts=(-1,)), f"starts must be in [0, {MOST}), got -1 in Group()"),
    (lambda: group(starts=(0, 1)), "starts must have shape (1,), got shape (2,) in Group()"),
    (lambda: group(heights=(3,)), "heights must be in [0, 3), got 3 in Group()"),
    (lambda: group(widths=(3,)), "widths must be in [0, 3), got 3 in Group()"),
    (lambda: group(widths=(1.0,)), "widths must hold integers, got dtype float64 in Group()"),
    (lambda: panels(shape=3), "shape must be (rows, columns), got 3 in Panels()"),
    (lambda: panels(dtype="i8"), "dtype must be float32 or float64, got int64 in Panels()"),
    (lambda: panels(together=1), "together must be True or False, got 1 in Panels()"),
    (lambda: Panels.from_dense(EYE, together=1), "together must be True or False, got 1 in Panels.from_dense()"),
    (lambda: Panels((group(),), (2, 3), "f8", 4, True), "groups must be a list of Groups, got tuple in Panels()"),
    (lambda: panels(group(), 3), "groups must be a list of Groups, got list in Panels()"),
    (lambda: panels(dtype="f4"), "values of groups[0] must have dtype float32, got float64 in Panels()"),
    (lambda: panels(group(), group(values=PANEL.astype("f4"))),
     "values of groups[1] must have dtype float64, got float32 in Panels()"),
    (lambda: panels(group(columns=((0, 3),))), "columns must be in [0, 3), got 3 in Panels()"),
    (lambda: panels(group(columns=((0, 7),)), group()), "columns must be in [0, 3), got 7 in Panels()"),
    (lambda: panels(group(starts=(1,))), "panels must lie apart within 2 rows in Panels()"),
    (lambda: panels(group(), group(starts=(1,)), shape=(9, 3)), "panels must lie apart within 9 rows in Panels()"),
    (lambda: panels(group(), group(starts=(2,)), group(starts=(3,)), shape=(9, 3)),
     "panels must lie apart within 9 rows in Panels()"),
    (lambda: panels(group(starts=(1,)), group(), shape=(9, 3)), "panels must lie apart within 9 rows in Panels()"),
    (lambda: panels(group(heights=(1,)), together=False),
     "groups[0] must hold one panel, not filled up, if not together in Panels()"),
    (lambda: panels(group(np.ones((2, 2, 2)), ((0, 2), (0, 2)), (0, 2), (2, 2), (2, 2)), shape=(4, 3), together=False),
     "groups[0] must hold one panel, not filled up, if not together in Panels()"),
    (lambda: panels(nnz=5), "nnz must be at most 4, got 5 in Panels()"),
    (lambda: panels(nnz=-1), "nnz must be at least 0, got -1 in Panels()"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "words"), REFUSED, ids=[words[:50] for _, words in REFUSED])
def test_parts_that_are_no_matrix(make, words):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        make()
    assert str(caught.value) == words
