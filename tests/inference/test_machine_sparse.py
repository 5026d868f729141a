"""The algebra of packed matrices: whatever is done, in any order, each format stays the dense matrix, bit for bit.

Numbers are multiples of 1/8, so every sum is exact and the oracle of a product is a product of whole numbers.
"""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from matrices import ANY_MASK, FLOATS, WAYS, bits, eighths, going, kept
from packing import held_arrays

from minprune.errors import MinpruneError
from minprune.inference.csr import CSR
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.panels import Panels

MAKERS = {
    "dense": DenseMatrix.from_dense,
    "packed": PackedDense.from_dense,
    "panels": Panels.from_dense,
    "panels apart": lambda w, mask=None: Panels.from_dense(w, mask, together=False),
    "ell": ELL.from_dense,
    "csr": CSR.from_dense,
}
NAMES = {DenseMatrix: "dense", PackedDense: "packed", Panels: "panels", ELL: "ell", CSR: "csr"}
FORMS, SEEDS = st.sampled_from(list(MAKERS)), st.integers(0, 2**16)
COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda matrix: pickle.loads(pickle.dumps(matrix)),
    "old pickle": lambda matrix: pickle.loads(pickle.dumps(matrix, 2)),
}
REFUSED = {
    "a product with too many rows": lambda form: form @ np.ones((form.shape[1] + 1, 2)),
    "a product with a cube": lambda form: form @ np.ones((form.shape[1], 1, 1)),
    "a product with text": lambda form: form @ ["a"] * 2,
    "from the left": lambda form: np.ones((1, form.shape[0])) @ form,
    "a mask of numbers": lambda form: type(form).from_dense(form.to_dense(), np.ones(form.shape)),
    "a mask of another shape": lambda form: type(form).from_dense(form.to_dense(), np.ones((1, 9, 1), bool)),
    "halves": lambda form: type(form).from_dense(form.to_dense().astype(np.float16)),
}


def product(w, x):
    """The dense product in whole numbers: 64 times it, exactly."""
    return (((8 * w).astype(np.int64) @ (8 * x).astype(np.int64)) / 64).astype(w.dtype)


def multiply_into_what_is_soiled(name, form, w, batch, seed):
    """Call a product again and again with other samples, each time into a buffer full of NaN."""
    out = np.empty((w.shape[0], batch), w.dtype)
    call = form.into(out)
    for number in range(3):
        x = eighths((w.shape[1], batch), w.dtype, seed + number)
        out[...] = np.nan
        assert bits(call(x) + 0) == bits(product(w, x)), name  # −0.0 is `@`'s to mend


class Algebra(RuleBasedStateMachine):
    """The model is a dense matrix and its mask; beside it the same in every format, each with a past of its own."""

    @initialize(mask=ANY_MASK, dtype=FLOATS, seed=SEEDS)
    def begin(self, mask, dtype, seed):
        self.set(eighths(mask.shape, dtype, seed), mask)

    def set(self, w, mask):
        """Let this be the matrix; what stands under its mask must never be looked at."""
        self.w, self.mask = kept(w, mask), mask
        hidden = np.where(mask, self.w, w.dtype.type(np.nan))
        self.forms = {name: make(hidden, mask) for name, make in MAKERS.items()}

    @rule(source=FORMS, name=FORMS)
    def repack(self, source, name):
        self.forms[name] = MAKERS[name](self.forms[source].to_dense(), self.mask)

    @rule(name=FORMS)
    def repack_what_is_not_zero(self, name):
        """Without a mask a kept zero is not stored, and the matrix is the same."""
        again = MAKERS[name](self.forms[name].to_dense())
        assert bits(again.to_dense()) == bits(self.w)
        assert again.nnz == np.count_nonzero(self.w)

    @rule(data=st.data(), way=st.sampled_from(list(WAYS)))
    def repack_in_one_way(self, data, way):
        """However a format is cut into slices, groups or blocks."""
        with going(way) as kind:
            name = "panels apart" if way == "panels apart" else NAMES[kind]
            self.forms[name] = kind.from_dense(self.w, self.mask)
            self.multiply(name, data.draw(SEEDS), data.draw(st.integers(1, 3)))

    @rule()
    def transpose(self):
        turned = self.forms["csr"].T
        self.set(self.w.T.copy(), self.mask.T.copy())
        assert [bits(a) for a in turned._holds()] == [bits(a) for a in self.forms["csr"]._holds()]
        self.forms["csr"] = turned

    @rule(data=st.data())
    def prune(self, data):
        self.set(self.w, self.mask & data.draw(hnp.arrays(bool, self.mask.shape)))

    @rule(data=st.data(), seed=SEEDS)
    def grow(self, data, seed):
        grown = ~self.mask & data.draw(hnp.arrays(bool, self.mask.shape))
        self.set(np.where(grown, eighths(self.w.shape, self.w.dtype, seed), self.w), self.mask | grown)

    @rule(data=st.data(), what=st.sampled_from(["rows", "columns"]))
    def prune_lines(self, data, what):
        """What neuron pruning does: whole rows or columns go."""
        length = self.mask.shape[what == "columns"]
        lines = data.draw(hnp.arrays(bool, length))
        self.set(self.w, self.mask & (lines if what == "columns" else lines[:, None]))

    @rule(seed=SEEDS, data=st.data())
    def permute(self, seed, data):
        """The product of permuted rows is the permuted product, and of permuted columns the product of permuted x."""
        draws = np.random.default_rng(seed)
        rows, columns = (draws.permutation(n) for n in self.w.shape)
        name, x = data.draw(FORMS), eighths((self.w.shape[1], 3), self.w.dtype, seed)
        before = self.forms[name] @ x
        self.set(self.w[rows][:, columns], self.mask[rows][:, columns])
        assert bits(self.forms[name] @ x[columns]) == bits(before[rows])

    @rule(power=st.integers(-2, 2), name=FORMS, seed=SEEDS)
    def scale(self, power, name, seed):
        """Scaled by a power of two, and the product with it, to the last bit."""
        x = eighths((self.w.shape[1], 2), self.w.dtype, seed)
        scaled = MAKERS[name](self.forms[name].to_dense() * self.w.dtype.type(2.0**power), self.mask)
        assert bits(scaled @ x) == bits((self.forms[name] @ x) * self.w.dtype.type(2.0**power))

    @rule(dtype=FLOATS)
    def change_dtype(self, dtype):
        self.set(self.w.astype(dtype), self.mask)

    @rule(name=FORMS, seed=SEEDS, batch=st.sampled_from([0, 1, 2, 5, 17]))
    def multiply(self, name, seed, batch):
        x = eighths((self.w.shape[1], batch), self.w.dtype, seed)
        assert bits(self.forms[name] @ x) == bits(product(self.w, x))

    @rule(seed=SEEDS, batch=st.sampled_from([1, 2, 17]))
    def multiply_into_what_is_soiled(self, seed, batch):
        """Every format writes all of its buffer each time, and leaves nothing over for the next call."""
        if 0 not in self.w.shape:
            for name, form in self.forms.items():
                multiply_into_what_is_soiled(name, form, self.w, batch, seed)

    @rule(name=FORMS, seed=SEEDS)
    def multiply_a_vector(self, name, seed):
        x = eighths(self.w.shape[1], self.w.dtype, seed)
        assert bits(self.forms[name] @ x) == bits(product(self.w, x))
        assert bits(self.forms[name] @ x.astype(np.float64)) == bits(product(self.w, x))

    @rule(name=FORMS, seed=SEEDS, batch=st.integers(1, 17))
    def cut_the_batch(self, name, seed, batch):
        x = eighths((self.w.shape[1], batch), self.w.dtype, seed)
        whole, cut = self.forms[name] @ x, seed % (batch + 1)
        parts = [self.forms[name] @ part for part in (x[:, :cut], x[:, cut:])]
        assert bits(np.concatenate(parts, axis=1)) == bits(whole)

    @rule(name=FORMS, seed=SEEDS, batch=st.sampled_from([1, 2, 17]))
    def bind_twice(self, name, seed, batch):
        """Two calls from one matrix don't meet, and a call is as good the second time as the first."""
        if 0 in self.w.shape:
            return  # `@` gives these their zeros
        first, second = (np.full((self.w.shape[0], batch), 99, self.w.dtype) for _ in range(2))
        calls = [self.forms[name].into(out) for out in (first, second)]
        for number in range(3):
            x = [eighths((self.w.shape[1], batch), self.w.dtype, seed + number + k) for k in range(2)]
            results = [call(given) for call, given in zip(calls, x, strict=True)]
            assert results[0] is first
            assert results[1] is second
            for given, result in zip(x, results, strict=True):
                assert bits(result + 0) == bits(product(self.w, given))  # −0.0 is `@`'s to mend

    @rule(name=FORMS, how=st.sampled_from(list(COPIES)))
    def copy(self, name, how):
        old, self.forms[name] = self.forms[name], COPIES[how](self.forms[name])
        assert repr(self.forms[name]) == repr(old)
        assert [bits(array) for array in self.forms[name]._holds()] == [bits(array) for array in old._holds()]

    @rule(name=FORMS, call=st.sampled_from(list(REFUSED)))
    def refuse(self, name, call):
        with pytest.raises(MinpruneError):
            REFUSED[call](self.forms[name])

    @rule(data=st.data())
    def refuse_arrays_that_are_no_matrix(self, data):
        csr = self.forms["csr"]
        if not csr.nnz:
            return
        at, wrong = data.draw(st.integers(0, csr.nnz - 1)), data.draw(st.sampled_from([-1, csr.shape[1], 2**40]))
        indices = csr.indices.copy()
        indices[at] = wrong
        with pytest.raises(MinpruneError, match="indices"):
            CSR(csr.data, indices, csr.indptr, csr.shape)

    @invariant()
    def every_format_is_the_matrix_to_the_last_bit(self):
        for name, form in self.forms.items():
            assert bits(form.to_dense()) == bits(self.w), name
            assert (form.shape, form.dtype, form.nnz) == (self.w.shape, self.w.dtype, np.count_nonzero(self.mask)), name

    @invariant()
    def each_says_truly_what_it_holds_and_lets_nobody_change_it(self):
        owners = {name: held_arrays(form) for name, form in self.forms.items()}
        for name, form in self.forms.items():
            assert form.nbytes == sum(array.nbytes for array in form._holds()) == sum(a.nbytes for a in owners[name])
            assert form.nnz <= form.multiply_adds or name == "dense", name
            assert not any(array.flags.writeable for array in form._holds()), name
        assert len({id(array) for arrays in owners.values() for array in arrays}) == sum(map(len, owners.values()))
        assert self.forms["csr"].multiply_adds == self.forms["csr"].nnz
        assert self.forms["dense"].multiply_adds == self.w.size


MASKS = {
    "full": np.ones((6, 5), bool),
    "empty": np.zeros((6, 5), bool),
    "an empty row": np.arange(6)[:, None] + np.zeros((6, 5)) != 2,
    "the last row empty": np.arange(6)[:, None] + np.zeros((6, 5)) != 5,
    "an empty column": np.zeros((6, 5)) + np.arange(5) != 2,
    "as many in each row": np.add.outer(np.arange(6), np.arange(5)) % 3 == 0,
    "longer and longer": np.tri(6, 5, dtype=bool),
    "panels": np.repeat(np.array([[1, 1, 0, 0, 1], [0, 0, 0, 0, 0], [0, 1, 1, 0, 0]], bool), 2, axis=0),
    "one": np.arange(30).reshape(6, 5) == 17,
}


@pytest.mark.parametrize("batch", [1, 2, 17])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", MAKERS)
def test_a_buffer_that_is_soiled_is_written_all_over(name, mask, batch):
    w = np.where(MASKS[mask], eighths((6, 5), np.float32, 1) + np.float32(4.5), 0)  # with no zero among the kept
    multiply_into_what_is_soiled(name, MAKERS[name](w, MASKS[mask]), w, batch, 0)


EXAMPLES = settings.default.max_examples  # of a profile: 30 in dev, 60 in ci; here they cost more, and find more
TestAlgebra = Algebra.TestCase
TestAlgebra.settings = settings(max_examples=10 if EXAMPLES < 60 else max(200, EXAMPLES), stateful_step_count=40)
