"""Optimizer.carry: what is remembered of a parameter goes on with a part of it."""

import numpy as np
import pytest
from differences import OPTIMIZERS, positive_zeros
from hypothesis import given
from hypothesis import strategies as st

from minprune import SGD, Adam, InvalidValueError, Parameter


def _stepped(optimizer, parameter, rng, steps):
    for _ in range(steps):
        parameter.grad[...] = rng.standard_normal(parameter.shape)
        optimizer.step({"p": parameter})
    return parameter


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(seed=st.integers(0, 2**16), before=st.integers(1, 4), after=st.integers(0, 4))
def test_a_part_steps_on_as_it_would_have_in_the_whole_bit_for_bit(name, seed, before, after):
    rng, optimizer = np.random.default_rng(seed), OPTIMIZERS[name]()
    whole = Parameter(rng.standard_normal((5, 4)).astype(np.float32), "whole")
    whole.mask = rng.random(whole.shape) < 0.7
    _stepped(optimizer, whole, rng, before)
    at = np.ix_(*(np.sort(rng.permutation(n)[: rng.integers(1, n + 1)]) for n in whole.shape))
    part = Parameter(whole.value[at], "part")
    part.mask = whole.mask[at]
    optimizer.carry(whole, part, at)
    for _ in range(after):
        whole.grad[...] = rng.standard_normal(whole.shape)
        part.grad[...] = whole.grad[at]
        optimizer.step({"whole": whole, "part": part})
    assert optimizer.state(part).steps == before + after
    assert part.value.tobytes() == whole.value[at].tobytes()
    for slot, array in optimizer.state(whole).arrays.items():
        assert optimizer.state(part).arrays[slot].tobytes() == array[at].tobytes()


def test_state_is_copied_in_the_targets_dtype_and_order():
    rng, adam = np.random.default_rng(0), Adam()
    old, new = _stepped(adam, Parameter(np.ones((3, 4)), "old"), rng, 2), Parameter(np.ones((4, 3), np.float32), "new")
    with pytest.raises(InvalidValueError):
        adam.carry(old, new)
    turned = Parameter(np.ones((3, 4), np.float32), "turned")
    adam.carry(old, turned, (slice(None, None, -1), slice(None)))
    for slot, array in adam.state(turned).arrays.items():
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        np.testing.assert_allclose(array, adam.state(old).arrays[slot][::-1], rtol=1e-6)
    everything = Parameter(np.ones((3, 4)), "everything")
    adam.carry(old, everything)
    for slot, array in adam.state(everything).arrays.items():
        assert not np.shares_memory(array, adam.state(old).arrays[slot])


def test_columns_that_are_picked_step_on_though_numpy_lays_them_out_the_other_way():
    """State is stepped as one flat array, so it has to lie as the values do."""
    rng, sgd, columns = np.random.default_rng(0), SGD(0.1, momentum=0.9), (slice(None), [2, 0])
    old = _stepped(sgd, Parameter(np.ones((3, 4)), "old"), rng, 2)
    assert not old.value[columns].flags.c_contiguous
    new = Parameter(old.value[columns], "new")
    sgd.carry(old, new, columns)
    for p in (old, new):
        p.grad[...] = 1.0
        sgd.step({"p": p})
    np.testing.assert_array_equal(new.value, old.value[columns])
    np.testing.assert_array_equal(sgd.state(new).arrays["momentum"], sgd.state(old).arrays["momentum"][columns])


def test_what_the_target_does_not_keep_is_not_remembered():
    adam = Adam()
    old, new = _stepped(adam, Parameter(np.ones(4), "old"), np.random.default_rng(0), 2), Parameter(np.ones(4), "new")
    new.mask = np.array([True, False, True, False])
    adam.carry(old, new)
    for array in adam.state(new).arrays.values():
        assert positive_zeros(array, new.mask)
        assert array[new.mask].all()


def test_of_a_parameter_that_took_no_step_nothing_is_carried_not_even_what_was_there():
    rng, sgd = np.random.default_rng(0), SGD(0.1, momentum=0.9)
    old, new = Parameter(np.ones(2), "old"), _stepped(sgd, Parameter(np.ones(2), "new"), rng, 3)
    sgd.carry(old, new)
    assert not new.states
    assert not old.states


def test_carrying_to_itself_changes_nothing():
    sgd = SGD(0.1, momentum=0.9)
    p = _stepped(sgd, Parameter(np.ones(2), "p"), np.random.default_rng(0), 3)
    before = sgd.state(p).arrays["momentum"].copy()
    sgd.carry(p, p)
    np.testing.assert_array_equal(sgd.state(p).arrays["momentum"], before)
    assert sgd.state(p).steps == 3


def test_a_part_of_another_shape_is_refused_and_nothing_is_forgotten():
    sgd = SGD(0.1, momentum=0.9)
    old, new = (_stepped(sgd, Parameter(np.ones(n), "p"), np.random.default_rng(0), 1) for n in (3, 2))
    with pytest.raises(InvalidValueError) as caught:
        sgd.carry(old, new)
    assert str(caught.value) == "target must have the shape of its part of p, (3,), got (2,) in carry()"
    assert sgd.state(new).steps == 1
