"""What must not matter to a plan: the scale of scores, the order of units and rows, memory and dtype; and which ways to
ask are the same question.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from relating import (
    FEWER,
    ROWS,
    Scaled,
    data,
    masks,
    network,
    normal,
    orders,
    permuted,
    permuted_arrays,
    rebuilt,
    rescaled,
    same,
    trained,
    values,
)

import minprune as mp
from minprune.testing.checks.kernel import LAYOUTS, laid_out

SEEDS = st.integers(0, 2**16)
FACTORS = st.sampled_from([2.0**-9, 0.5, 4.0, 2.0**7])
DTYPES = st.sampled_from([np.float32, np.float64])
LEVELS = st.integers(30, 90).map(lambda percent: percent / 100)
LOSS = mp.SoftmaxCrossEntropy()
BY_LOSS = {  # with the power of the loss's scale that its scores grow by
    "GradientMagnitude": (mp.GradientMagnitude, 1),
    "Saliency": (mp.Saliency, 1),
    "NeuronTaylor": (mp.NeuronTaylor, 1),
    "Fisher": (mp.Fisher, 2),
    "GraSP": (mp.GraSP, 2),
}
BY_WEIGHTS = {
    "Magnitude": mp.Magnitude,
    "Magnitude-2": lambda: mp.Magnitude(2),
    "SynFlow": lambda: mp.SynFlow(rounds=1),
}
CRITERIA = {
    **BY_WEIGHTS,
    **{name: lambda make=make: make(LOSS) for name, (make, _) in BY_LOSS.items()},
    "ActivationNorm": mp.ActivationNorm,
    "Activity": mp.Activity,
    "OptimalBrainSurgeon": mp.OptimalBrainSurgeon,
}
ALLOCATIONS = {
    "Global": mp.Global(),
    "Uniform": mp.Uniform(),
    "Uniform-output": mp.Uniform(within="output"),
    "ErdosRenyi": mp.ErdosRenyi(),
    "LAMP": mp.LAMP(),
    "PerLayer": mp.PerLayer({"dense1.weight": 0.5, "dense2.weight": 0.6}),
}
PATTERNS = {
    "Unstructured": mp.Unstructured(),
    "NM": mp.NM(1, 4),
    "Vectors": mp.Vectors(2),
    "Blocks": mp.Blocks((2, 3)),
    "Neurons": mp.Neurons(),
    "Neurons-inputs": mp.Neurons(inputs=True),
}


def problem(seed, *, kept=0.9, dtype=np.float64, activation="tanh"):
    """Scores that don't tie: any numbers, and a function that is nowhere flat."""
    net = network(seed, numbers=normal, activation=activation, kept=kept, dtype=dtype)
    return net, data(seed, numbers=normal, dtype=dtype)


def planned(net, criterion, level=0.6, *, allocation="Global", pattern="Unstructured", batch=None, min_keep=0):
    given = {} if allocation == "PerLayer" else {"sparsity": min(level, 0.4) if pattern == "NM" else level}
    return mp.plan(net, criterion, allocation=ALLOCATIONS[allocation], pattern=PATTERNS[pattern], data=batch,
                   min_keep=min_keep, **given)  # fmt: skip


def together(allocation, pattern):
    """Whether the two may be asked for at once."""
    return allocation != "Uniform-output" or pattern in ("Unstructured", "NM")


PAIRS = [(a, p) for a in ALLOCATIONS for p in PATTERNS if together(a, p) and (a, p[:7]) != ("PerLayer", "Neurons")]


def assert_close(ours, theirs, tolerance):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=tolerance, atol=tolerance * np.abs(theirs[name]).max())


def assert_cut_alike(net, criterion, other, twin, order, level, batch, moved):
    """The scores are alike, and if no two that may be cut between are nearly equal, so are the masks."""
    tolerance = 1e-6 if isinstance(criterion, mp.GraSP) else 1e-10  # GraSP takes differences of gradients
    plan, new = planned(net, criterion, level, batch=batch), planned(other, twin, level, batch=moved)
    assert_close(dict(new.scores), permuted_arrays(net, plan.scores, order), tolerance)
    live = np.sort(np.concatenate([plan.scores[name][p.mask] for name, p in net.prunable.items()]).astype(float))
    if (np.diff(live) > 4 * tolerance * live[-1]).all():
        assert same(dict(new.masks), permuted_arrays(net, plan.masks, order))
        assert_close(values(new.apply(other)), values(permuted(plan.apply(net), order)), 1e-6)


# ── scale ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BY_LOSS)
@FEWER
@given(seed=SEEDS, factor=FACTORS, dtype=DTYPES)
def test_scores_grow_with_the_loss_and_masks_do_not_change(name, seed, factor, dtype):
    make, degree = BY_LOSS[name]
    net, batch = problem(seed, dtype=dtype)
    plain, larger = (planned(net, make(Scaled(LOSS, by)), batch=batch) for by in (1, factor))
    assert same(dict(larger.scores), {key: s * s.dtype.type(factor**degree) for key, s in plain.scores.items()})
    assert same(dict(larger.masks), dict(plain.masks))


@pytest.mark.parametrize(("name", "degree"), [("Magnitude", 1), ("Magnitude-2", 2), ("SynFlow", 3)])
@FEWER
@given(seed=SEEDS, factor=FACTORS, level=LEVELS, pair=st.sampled_from(PAIRS), dtype=DTYPES)
def test_scores_grow_with_the_weights_and_masks_do_not_change(name, degree, seed, factor, level, pair, dtype):
    net, _ = problem(seed, dtype=dtype)
    larger = rebuilt(net, lambda a, role, k: a if a.dtype == bool else a * dtype(factor))
    asked = {"level": level, "allocation": pair[0], "pattern": pair[1]}
    before, after = (planned(each, CRITERIA[name](), **asked) for each in (net, larger))
    assert same(dict(after.masks), dict(before.masks))
    if pair[1][:7] != "Neurons" and name != "SynFlow":  # SynFlow frees its scores of the scale of each layer
        assert same(dict(after.scores), {key: s * s.dtype.type(factor**degree) for key, s in before.scores.items()})


@pytest.mark.parametrize("name", ["Saliency", "NeuronTaylor"])
@FEWER
@given(seed=SEEDS, factor=FACTORS, k=st.sampled_from([0, 1]), dtype=DTYPES)
def test_what_a_weight_does_to_the_loss_knows_no_scale_between_layers(name, seed, factor, k, dtype):
    """A layer of rectifiers scaled up and the next one down is the same function, so w ∂L/∂w is bitwise the same."""
    net, batch = problem(seed, activation="relu", dtype=dtype)
    plain, other = (planned(each, CRITERIA[name](), batch=batch) for each in (net, rescaled(net, k, factor)))
    assert same(dict(other.scores), dict(plain.scores))
    assert same(dict(other.masks), dict(plain.masks))


@pytest.mark.parametrize("allocation", ["Uniform", "Uniform-output", "ErdosRenyi", "LAMP", "PerLayer"])
@FEWER
@given(
    name=st.sampled_from(["Magnitude", "GradientMagnitude", "Fisher", "ActivationNorm"]),
    seed=SEEDS,
    factor=FACTORS,
    k=st.sampled_from([0, 1]),
    level=LEVELS,
)
def test_layers_that_are_pruned_by_themselves_know_no_scale_between_them(name, allocation, seed, factor, k, level):
    net, batch = problem(seed, activation="relu")
    both = [
        planned(each, CRITERIA[name](), level, allocation=allocation, batch=batch)
        for each in (net, rescaled(net, k, factor))
    ]
    assert same(dict(both[1].masks), dict(both[0].masks))


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", CRITERIA)
@FEWER
@given(seed=SEEDS, level=LEVELS)
def test_a_plan_goes_with_the_order_of_inputs_units_and_classes(name, seed, level):
    """Its scores, its masks, and the network that it makes, values that a criterion mends included."""
    net, (x, y) = problem(seed)
    order = orders(net, seed, inputs=True, outputs=True)
    moved = x[:, order[0]], np.argsort(order[-1])[y]
    assert_cut_alike(net, CRITERIA[name](), permuted(net, order), CRITERIA[name](), order, level, (x, y), moved)


@pytest.mark.parametrize("name", [name for name in CRITERIA if name not in BY_WEIGHTS])
@FEWER
@given(seed=SEEDS, level=LEVELS)
def test_a_plan_knows_no_order_of_rows(name, seed, level):
    net, (x, y) = problem(seed)
    rows, order = np.random.default_rng(seed).permutation(ROWS), orders(net, seed, hidden=False)
    criterion = CRITERIA[name]()
    assert_cut_alike(net, criterion, net, criterion, order, level, (x, y), (x[rows], y[rows]))


@pytest.mark.parametrize("name", [n for n in CRITERIA if n not in BY_WEIGHTS and n != "ActivationNorm"])
@FEWER
@given(seed=SEEDS, level=LEVELS)
def test_a_plan_does_not_change_when_every_row_is_there_twice(name, seed, level):
    """Scores are means over rows; only the norm of activations grows, by √2."""
    net, (x, y) = problem(seed)
    order, criterion = orders(net, seed, hidden=False), CRITERIA[name]()
    assert_cut_alike(net, criterion, net, criterion, order, level, (x, y), (x.repeat(2, axis=0), y.repeat(2)))


@FEWER
@given(SEEDS, LEVELS, st.sampled_from(["Global", "Uniform", "ErdosRenyi", "LAMP"]),
       st.sampled_from(["Unstructured", "Neurons", "Neurons-inputs"]))  # fmt: skip
def test_allocations_go_with_the_order_of_units(seed, level, allocation, pattern):
    """Not so tiles and N:M: what they hold follows places, not units."""
    net, _ = problem(seed)
    order = orders(net, seed, inputs=True, outputs=True)
    asked = {"level": level, "allocation": allocation, "pattern": pattern}
    before, after = (planned(each, mp.Magnitude(), **asked) for each in (net, permuted(net, order)))
    assert same(masks(after.apply(permuted(net, order))), permuted_arrays(net, masks(before.apply(net)), order))
    assert after.achieved == before.achieved


# ── memory and dtype ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("layout", LAYOUTS[1:])
@pytest.mark.parametrize("name", [name for name in CRITERIA if name not in BY_WEIGHTS])
def test_how_the_data_lies_in_memory_does_not_matter_and_it_is_not_written_to(name, layout):
    net, (x, y) = problem(1)
    there = laid_out(x, layout), laid_out(y, layout)
    expected, found = (planned(net, CRITERIA[name](), batch=batch) for batch in ((x, y), there))
    assert_close(dict(found.scores), dict(expected.scores), 1e-6 if name == "GraSP" else 1e-12)
    assert same(dict(found.masks), dict(expected.masks))
    curves = [mp.sensitivity(net, CRITERIA[name](), b, loss=LOSS, sparsities=[0.5], data=b) for b in ((x, y), there)]
    np.testing.assert_allclose(list(curves[1].losses.values()), list(curves[0].losses.values()), rtol=1e-12)
    assert same(there[0], x)
    assert same(there[1], y)


@pytest.mark.parametrize("name", ["Magnitude", "Magnitude-2", "Random"])
@FEWER
@given(seed=SEEDS, level=LEVELS, pair=st.sampled_from(PAIRS))
def test_both_float_widths_are_cut_alike(name, seed, level, pair):
    make = {"Random": lambda: mp.Random(rng=seed)} | CRITERIA
    asked = {"level": level, "allocation": pair[0], "pattern": pair[1]}
    wide, narrow = (planned(network(seed, dtype=each), make[name](), **asked) for each in (np.float64, np.float32))
    assert same(dict(wide.masks), dict(narrow.masks))
    assert wide.requested == narrow.requested


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_keeps_its_dtype_whatever_is_done_to_it(dtype, tmp_path):
    net, (x, y) = problem(1, dtype=dtype)
    twice = mp.prune_iteratively(net, mp.Saliency(LOSS), sparsity=0.6, rounds=2, train=lambda n: None, data=(x, y))
    ticket = mp.lottery_ticket(net, (x, y), sparsity=0.6, rounds=1, loss=LOSS, optimizer=mp.Adam(), epochs=1, rng=0)
    mended = planned(net, mp.OptimalBrainSurgeon(), batch=(x, y)).apply(net)
    found = [net.copy(), mended, mp.compact(mended), twice.network, ticket.at(1).network, mp.smaller(mended, 50, rng=0),
             mp.reinitialised(mended, rng=0), mp.load(mp.save(mended, tmp_path / "net.safetensors"))]  # fmt: skip
    for each in found:
        assert each.dtype == dtype
        assert {array.dtype for p in each.parameters.values() for array in (p.value, p.grad)} == {np.dtype(dtype)}
        assert each(x.astype(np.float64)).dtype == dtype
    assert mp.compile(mended, kernels="csr")(x.astype(np.float64)).dtype == dtype


# ── the same question ───────────────────────────────────────────────────────────────────────────────────────────────


@FEWER
@given(SEEDS, LEVELS)
def test_single_weights_are_the_smallest_of_all_shapes(seed, level):
    net, _ = problem(seed)
    plain = planned(net, mp.Magnitude(), level).masks
    for pattern in (mp.Blocks((1, 1)), mp.Vectors(1)):
        assert same(dict(mp.plan(net, mp.Magnitude(), sparsity=level, pattern=pattern, min_keep=0).masks), dict(plain))
    vectors, blocks = (
        mp.plan(net, mp.Magnitude(), sparsity=level, pattern=p) for p in (mp.Vectors(3), mp.Blocks((1, 3)))
    )
    assert same(dict(vectors.masks), dict(blocks.masks))
    assert same(dict(planned(net, mp.Magnitude(2), level).masks), dict(plain))


@FEWER
@given(SEEDS, LEVELS)
def test_one_layer_leaves_nothing_to_allocate(seed, level):
    net = network(seed, numbers=normal, widths=(6, 9), kept=0.9)
    plain = mp.plan(net, mp.Magnitude(), sparsity=level)
    for allocation in (mp.Uniform(), mp.ErdosRenyi(), mp.LAMP()):
        assert same(dict(mp.plan(net, mp.Magnitude(), sparsity=level, allocation=allocation).masks), dict(plain.masks))
    alone = mp.plan(net, mp.Magnitude(), allocation=mp.PerLayer({"dense1.weight": level}))
    assert same(dict(alone.masks), dict(plain.masks))


@FEWER
@given(SEEDS, LEVELS)
def test_the_same_for_all_is_a_sparsity_for_each(seed, level):
    net, _ = problem(seed)
    each = mp.PerLayer(dict.fromkeys(net.prunable, level))
    uniform, per_layer = (
        mp.plan(net, mp.Magnitude(), allocation=a, **s) for a, s in ((mp.Uniform(), {"sparsity": level}), (each, {}))
    )
    assert same(dict(uniform.masks), dict(per_layer.masks))


@FEWER
@given(SEEDS, LEVELS, LEVELS)
def test_a_target_is_reached_on_any_way(seed, a, b):
    """In two steps as in one, by the threshold that the cut stands for, or by a pruner before the first step."""
    net, batch = problem(seed)
    plan = mp.plan(net, mp.Magnitude(), sparsity=max(a, b), min_keep=0)
    half = mp.plan(net, mp.Magnitude(), sparsity=min(a, b), min_keep=0).apply(net)
    assert same(
        masks(mp.plan(half, mp.Magnitude(), sparsity=max(a, b), min_keep=0).apply(half)), masks(plan.apply(net))
    )
    left = [plan.scores[name][mask] for name, mask in plan.masks.items() if name in plan.scores]
    cut = mp.plan(net, mp.Magnitude(), threshold=float(np.concatenate(left).min()), min_keep=0)
    assert same(dict(cut.masks), dict(plan.masks))
    pruner = mp.Pruner(mp.Magnitude(), sparsity=max(a, b), schedule=mp.OneShot(0.0), min_keep=0)
    assert same(values(trained(net, batch, pruner=pruner)), values(trained(plan.apply(net), batch)))
