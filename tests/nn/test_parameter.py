"""A parameter: its mask is a bool array of its shape, and it is obeyed to the last bit."""

import numpy as np
import pytest
from differences import OPTIMIZERS, positive_zeros
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune import InvalidTypeError, InvalidValueError, MinpruneError, Parameter

FLOATS = st.sampled_from([np.float32, np.float64])


def parameter(shape=(2, 3), dtype=np.float64, name="dense1.weight"):
    return Parameter(np.arange(1.0, 1 + np.prod(shape)).reshape(shape).astype(dtype), name, prunable=True)


@given(st.data())
def test_mask_type(data):
    """Bool, the parameter's shape, True = kept; anything else is refused, and nothing changes."""
    p = parameter()
    before = p.value.copy()
    wrong = data.draw(
        st.one_of(
            hnp.arrays(st.sampled_from([np.uint8, np.int64, np.float32]), (2, 3)),
            hnp.arrays(np.bool_, hnp.array_shapes().filter(lambda shape: shape != (2, 3))),
            st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=2, max_size=2),
            st.none() | st.booleans() | st.integers(),
            hnp.arrays(np.bool_, (2, 3)).map(lambda a: np.ma.MaskedArray(a, mask=True)),
        )
    )
    with pytest.raises(MinpruneError, match=r"^mask of dense1\.weight must "):
        p.mask = wrong
    assert p.mask.all()
    assert p.kept == 6
    assert not p.is_masked
    np.testing.assert_array_equal(p.value, before)


@given(dtype=FLOATS, data=st.data())
def test_whatever_was_dropped_becomes_a_plain_zero_and_the_kept_bits_stay(dtype, data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=6))
    value = data.draw(hnp.arrays(dtype, shape, elements={"allow_nan": False, "allow_infinity": False}))
    grad = data.draw(hnp.arrays(dtype, shape))  # NaN and infinity included
    mask = data.draw(hnp.arrays(np.bool_, shape))
    p = Parameter(value)
    p.grad[...] = grad
    p.mask = mask
    assert positive_zeros(p.value, mask)
    assert positive_zeros(p.grad, mask)
    assert p.value[mask].tobytes() == value[mask].tobytes()
    assert p.grad[mask].tobytes() == grad[mask].tobytes()
    assert p.kept == mask.sum()
    assert p.is_masked == (not mask.all())
    np.testing.assert_array_equal(p.kept_at, np.flatnonzero(mask))


def test_mask_not_value():
    """A kept weight that is 0.0 counts as kept."""
    p = Parameter(np.zeros((2, 3)))
    assert p.kept == 6
    assert p.mask.all()


def test_a_mask_is_copied_and_reads_as_read_only():
    p, mask = parameter(), np.array([[True, False, True], [True, True, True]])
    p.mask = mask
    mask[...] = False
    assert p.kept == 5
    with pytest.raises(ValueError, match="read-only"):
        p.mask[0, 0] = False


def test_a_mask_in_fortran_order_drops_the_same_entries():
    p = parameter()
    p.mask = np.asfortranarray([[True, False, True], [False, True, True]])
    np.testing.assert_array_equal(p.value, [[1, 0, 3], [0, 5, 6]])


def test_entries_that_come_back_start_at_zero_with_fresh_state():
    p = parameter()
    optimizer = OPTIMIZERS["momentum"]()
    p.grad[...] = 1.0
    optimizer.step({"w": p})
    p.mask = np.array([[True, False, True], [True, True, True]])
    assert optimizer.state(p).arrays["momentum"][0, 1] == 0
    p.mask = np.ones((2, 3), bool)
    assert p.value[0, 1] == 0
    assert optimizer.state(p).arrays["momentum"][0, 1] == 0
    assert optimizer.state(p).arrays["momentum"][0, 0] == 1


def test_assigning_a_value_copies_it_and_obeys_the_mask():
    p, new = parameter(), np.full((2, 3), 7)
    p.mask = np.array([[True, False, True], [True, True, True]])
    p.value = new
    new[...] = 8
    np.testing.assert_array_equal(p.value, [[7, 0, 7], [7, 7, 7]])
    p.value += 1
    assert positive_zeros(p.value, p.mask)


def test_effective_sees_through_what_was_written_to_dropped_entries_and_copies_only_then():
    p = parameter()
    assert p.effective() is p.value
    p.mask = np.array([[True, False, True], [True, True, True]])
    p.value[0, 1] = np.nan
    np.testing.assert_array_equal(p.effective(), [[1, 0, 3], [4, 5, 6]])
    assert np.isnan(p.value[0, 1])


def test_a_parameter_shares_no_memory_with_what_it_was_made_of():
    value = np.ones((2, 3))
    assert not np.shares_memory(Parameter(value).value, value)
    assert Parameter(np.asfortranarray(np.ones((2, 3)))).value.flags.c_contiguous


def test_repr_counts_what_is_kept():
    p = parameter()
    p.mask = np.zeros((2, 3), bool)
    assert repr(p) == "Parameter('dense1.weight', (2, 3) float64, 0 of 6 kept)"


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (np.ones(3), InvalidValueError, r"dense1\.weight must have shape \(2, 3\), got \(3,\) in Parameter\(\)"),
        (np.full((2, 3), np.nan), InvalidValueError, r"dense1\.weight must be finite, got 6 NaN or infinite"),
        (np.full((2, 3), "a"), InvalidTypeError, r"dense1\.weight must hold real numbers, got dtype <U1"),
        ([[1], [1, 2]], InvalidValueError, r"dense1\.weight must be a rectangular array in Parameter\(\)"),
    ],
)
def test_a_refused_value_names_the_rule_and_changes_nothing(wrong, error, message):
    p = parameter()
    with pytest.raises(error, match=f"^{message}"):
        p.value = wrong
    np.testing.assert_array_equal(p.value, [[1, 2, 3], [4, 5, 6]])


def test_a_value_too_large_for_float32_is_refused():
    with pytest.raises(InvalidValueError, match="must be finite"):
        parameter(dtype=np.float32).value = np.full((2, 3), 1e300)


def test_a_refused_gradient_names_its_parameter():
    with pytest.raises(InvalidValueError, match=r"^grad of dense1\.weight must have shape \(2, 3\), got \(\)"):
        parameter().grad = 1.0


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.arange(3), InvalidValueError, r"dtype must be float32 or float64, got int64 in Parameter\(\)"),
        (np.ones(3, np.float16), InvalidValueError, r"dtype must be float32 or float64, got float16 in Parameter\(\)"),
        (np.array([1j]), InvalidTypeError, r"value must hold real numbers, got dtype complex128 in Parameter\(\)"),
        (np.array([1.0, np.inf]), InvalidValueError, r"value must be finite, got 1 NaN or infinite in Parameter\(\)"),
    ],
)
def test_what_no_parameter_can_hold_is_refused(value, error, message):
    with pytest.raises(error, match=f"^{message}"):
        Parameter(value)
