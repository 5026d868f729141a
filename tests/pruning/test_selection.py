"""Selection: exactly the right units, for any scores on any network."""

import numpy as np
import pytest
from by_hand import Refused, choices, kept_weights, live_units, masks_after
from generators import (
    Given,
    any_scores,
    cases,
    digest,
    distinct_scores,
    networks,
    patterns,
    plan_or_none,
    reduced,
    sparsities,
    split,
    tied_scores,
)
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError, InvalidValueError


def _same_masks(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def _by_hand(network, scores, request):
    """Return what was decided, and what would have been the largest request if nothing could be."""
    try:
        return choices(network, scores, **request), None
    except Refused as refused:
        return None, refused.largest


@given(cases(exact=True))
def test_the_walk_by_hand(case):
    """Every allocation, pattern and min_keep, against sorting the units and dropping one after another."""
    network, scores, request = case
    before = digest(network)
    decided, largest = _by_hand(network, scores, request)
    if decided is None:
        with pytest.raises(BudgetError) as caught:
            mp.plan(network, Given(scores), **request)
        assert caught.value.largest == largest
    else:
        plan = mp.plan(network, Given(scores), **request)
        assert {name: plan.masks[name].tolist() for name in network.prunable} == masks_after(network, decided)
    assert digest(network) == before


@given(cases(exact=True))
def test_order(case):
    """In each group, every unit kept that was a candidate has a score ≥ that of every unit dropped."""
    network, scores, request = case
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    for choice in choices(network, scores, **request):
        gone = [u.score for u in choice.candidates if not any(plan.masks[w[0]][w[1:]] for w in u.weights)]
        kept = [u.score for u in choice.candidates if all(plan.masks[w[0]][w[1:]] for w in u.weights)]
        assert max(gone, default=0) <= min(kept, default=np.inf) or isinstance(request["pattern"], mp.Neurons)
        assert max((u.score for u in choice.dropped), default=0) <= min(
            (u.score for u in choice.candidates if u not in choice.dropped), default=np.inf
        )


@given(networks(), st.data())
def test_ties_by_position(network, data):
    """Of equal scores the earlier layer's go first, and within a layer the lower flat index."""
    value = data.draw(st.sampled_from([0.0, 0.5, 3.0]))
    scores = {name: np.full(p.shape, value, np.float32) for name, p in network.prunable.items()}
    sparsity = data.draw(sparsities(network.weights))
    plans = [mp.plan(network, Given(scores), sparsity=sparsity, min_keep=0) for _ in range(2)]
    short = max(0, round(sparsity * network.weights) - (network.weights - len(kept_weights(network))))
    alive = np.concatenate([p.mask.reshape(-1) for p in network.prunable.values()])
    alive[np.flatnonzero(alive)[:short]] = False
    assert _same_masks(split(network, alive), dict(plans[0].masks))
    assert _same_masks(dict(plans[0].masks), dict(plans[1].masks))


@given(cases(exact=True), st.integers(-30, 30), st.floats(1e-6, 1e6))
def test_scale_free(case, power, factor):
    """Any factor for single weights; powers of two for units, whose sums stay exact under no other."""
    network, scores, request = case
    scores = {name: s.astype(np.float64) for name, s in scores.items()}
    factor = 2.0**power if hasattr(request["pattern"], "reduce") else factor
    first = plan_or_none(network, scores, request)
    second = plan_or_none(network, {name: factor * s for name, s in scores.items()}, request)
    assert (first is None) == (second is None)
    if first is not None:
        assert _same_masks(dict(first.masks), dict(second.masks))


@pytest.mark.parametrize("transform", [np.sqrt, np.expm1, np.arctan, lambda s: s**3, lambda s: s + 5, np.log1p])
@given(case=cases(exact=True))
def test_monotone_free(transform, case):
    """Any strictly increasing transform, for single weights and for units that take their largest score."""
    network, scores, request = case
    scores = {name: s.astype(np.float64) / 16 for name, s in scores.items()}
    request["pattern"] = reduced(request["pattern"], "max")
    first = plan_or_none(network, scores, request)
    second = plan_or_none(network, {name: transform(s) for name, s in scores.items()}, request)
    assert (first is None) == (second is None)
    if first is not None:
        assert _same_masks(dict(first.masks), dict(second.masks))


@given(networks(), st.data())
def test_nested(network, data):
    """With the same scores, what a lower sparsity drops a higher one drops too."""
    scores = Given(data.draw(any_scores(network)))
    low, high = sorted(data.draw(sparsities(network.weights)) for _ in range(2))
    request = {
        "allocation": data.draw(st.sampled_from([mp.Global(), mp.Uniform()])),
        "pattern": data.draw(patterns(network)),
        "min_keep": data.draw(st.integers(0, 2)),
    }
    try:
        more = mp.plan(network, scores, sparsity=high, **request)
    except BudgetError:
        assume(False)
    fewer = mp.plan(network, scores, sparsity=low, **request)
    for name, mask in more.masks.items():
        assert not (mask & ~fewer.masks[name]).any()


@given(networks(layers=(2, 4)), st.data())
def test_permutation(network, data):
    """Permuting a layer's hidden units permutes its mask alike, when no scores tie."""
    scores = data.draw(distinct_scores(network))
    request = {
        "sparsity": data.draw(sparsities(network.weights)),
        "pattern": data.draw(st.sampled_from([mp.Unstructured(), mp.Neurons()])),  # tiles follow positions, not units
        "allocation": data.draw(st.sampled_from([mp.Global(), mp.Uniform()])),
        "min_keep": 0,
    }
    units = live_units(network, scores, request["pattern"])
    assume(len({u.score for u in units}) == len(units))
    if isinstance(request["allocation"], mp.Uniform) and isinstance(request["pattern"], mp.Neurons):
        assume(all(p.mask.all() for p in network.prunable.values()))  # dead units have no order to permute
    k = data.draw(st.integers(0, len(network.dense) - 2))
    order = np.array(data.draw(st.permutations(range(network.dense[k].outputs))))

    def permuted(arrays):
        arrays = dict(arrays)
        into, out = network.dense[k].weight.name, network.dense[k + 1].weight.name
        arrays[into], arrays[out] = arrays[into][:, order], arrays[out][order]
        return arrays

    twin = network.copy()
    moved = permuted({name: p.mask for name, p in network.prunable.items()})
    for name, p in twin.prunable.items():
        p.mask = moved[name]
    masks = {name: mp.plan(network, Given(scores), **request).masks[name] for name in network.prunable}
    again = mp.plan(twin, Given(permuted(scores)), **request)
    assert _same_masks(permuted(masks), {name: again.masks[name] for name in network.prunable})


@given(networks(), st.data())
def test_threshold_exact(network, data):
    """Exactly the weights with score < t go: not those equal to it."""
    scores = data.draw(any_scores(network))
    among = sorted({float(s) for array in scores.values() for s in array.reshape(-1)})
    exact = st.sampled_from(among)
    limit = data.draw(st.one_of(exact, exact.map(lambda t: float(np.nextafter(np.float32(t), np.float32(np.inf))))))
    plan = mp.plan(network, Given(scores), threshold=limit, min_keep=0)
    for name, p in network.prunable.items():
        for at in np.ndindex(p.shape):
            assert plan.masks[name][at] == (bool(p.mask[at]) and not float(scores[name][at]) < limit)
    assert plan.requested == plan.achieved


@given(networks(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 1e300]), st.integers(0, 3), st.data())
def test_threshold_by_hand(network, limit, min_keep, data):
    """Every pattern; and a refusal names the largest threshold that leaves min_keep units in each layer."""
    pattern, scores = data.draw(patterns(network)), data.draw(tied_scores(network))
    request = {"threshold": limit, "pattern": pattern, "min_keep": min_keep}
    decided, largest = _by_hand(network, scores, request)
    if decided is None:
        with pytest.raises(BudgetError, match=rf"^threshold must be at most .* to leave {min_keep} ") as caught:
            mp.plan(network, Given(scores), **request)
        assert caught.value.largest == largest
        mp.plan(network, Given(scores), **request | {"threshold": largest})
        with pytest.raises(BudgetError):
            mp.plan(network, Given(scores), **request | {"threshold": float(np.nextafter(largest, np.inf)) + 1e-6})
    else:
        plan = mp.plan(network, Given(scores), **request)
        assert {name: plan.masks[name].tolist() for name in network.prunable} == masks_after(network, decided)


@given(cases(), st.data())
def test_no_nan_decides(case, data):
    network, scores, request = case
    name = data.draw(st.sampled_from(list(scores)))
    at = data.draw(st.sampled_from(list(np.ndindex(scores[name].shape))))
    scores[name][at] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, -1.0]))
    before = digest(network)
    with pytest.raises(InvalidValueError) as caught:
        mp.plan(network, Given(scores), **request)
    assert str(caught.value).startswith(
        f"scores of {name} must be finite and non-negative, got 1 that are not in plan()"
    )
    assert f"the first at {at}: " in str(caught.value)
    assert digest(network) == before


def test_nan_weights_are_named_too():
    network = mp.Network.mlp([3, 4, 2], rng=0)
    network.parameters["dense2.weight"].value[2, 1] = np.nan
    with pytest.raises(InvalidValueError, match=r"scores of dense2.weight must be .* the first at \(2, 1\): nan"):
        mp.plan(network, mp.Magnitude(), sparsity=0.5)
