"""Properties of what has none beside its other tests: a choice of columns, a history, curves, fresh weights,
a program."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minprune as mp
from minprune.testing import Given
from minprune.testing.strategies import networks, scores, weights

LOSS = mp.MeanSquaredError()
names = st.sampled_from(["loss", "valid_loss", "lr", "seconds"])


@given(st.sets(st.integers(0, 7), min_size=1), st.integers(1, 4), st.data())
def test_select_hands_on_its_columns_and_gives_their_gradients_back(chosen, rows, data):
    """Its backward is the transpose of its forward: ⟨select(x), g⟩ = ⟨x, back(g)⟩ for all x and g."""
    columns = np.array(sorted(chosen))
    select = mp.Select(columns, 8)
    x, g = (data.draw(weights((rows, width))) for width in (8, len(columns)))
    np.testing.assert_array_equal(select.forward(x), np.stack([x[:, c] for c in columns], axis=1))
    back = select.backward(g)
    assert (select.forward(x) * g).sum() == (x * back).sum()
    assert (select.forward(back) == g).all()
    assert select.backward(g, input_grad=False) is None


@given(st.lists(st.dictionaries(names, st.floats(), max_size=3), max_size=8))
def test_a_history_holds_its_rows_in_columns(rows):
    history = mp.History()
    for number, row in enumerate(rows, 1):
        history.add(epoch=number, **row)
    assert len(history) == len(rows)
    for name in {name for row in rows for name in row}:
        np.testing.assert_array_equal(history[name], [row[name] for row in rows if name in row])
    plain = history.to_dict()
    assert plain == history.columns
    assert all(plain[name] is not history.columns[name] for name in plain)


@given(networks(layers=(1, 3), pruned=None), st.data())
@settings(max_examples=15)
def test_a_sensitivity_curve_is_the_loss_of_plans_for_one_layer_alone(network, data):
    """Wherever the layer can be at that sparsity; where it can't, the curve has no point."""
    given_scores = data.draw(scores({name: p.shape for name, p in network.prunable.items()}))
    levels = sorted(data.draw(st.sets(st.integers(1, 19), min_size=1, max_size=3)))
    x, y = (data.draw(weights((3, width))) for width in (network.inputs, network.outputs))
    grid = [level / 20 for level in levels]
    curves = mp.sensitivity(network, Given(given_scores), (x, y), loss=LOSS, sparsities=grid)
    assert curves.base == LOSS.value_and_gradient(network(x), y)[0]
    for name, p in network.prunable.items():
        points = {(p.size - p.kept) / p.size: curves.base}
        for level in grid:
            try:
                plan = mp.plan(network, Given(given_scores), allocation=mp.PerLayer({name: level}))
            except mp.BudgetError:
                continue
            pruned = plan.apply(network)
            gone = p.size - pruned.parameters[name].kept
            points.setdefault(gone / p.size, LOSS.value_and_gradient(pruned(x), y)[0])
        np.testing.assert_allclose(curves.sparsities[name], list(points))
        np.testing.assert_allclose(curves.losses[name], list(points.values()), rtol=1e-6)


@given(networks(pruned=True), st.integers(0, 2**32))
def test_reinitialised_keeps_every_mask_and_nothing_else(network, seed):
    before = {name: (p.value.tobytes(), p.mask.tobytes()) for name, p in network.parameters.items()}
    fresh, again = (mp.reinitialised(network, rng=seed) for _ in range(2))
    for name, p in network.parameters.items():
        q = fresh.parameters[name]
        np.testing.assert_array_equal(q.mask, p.mask)
        assert (q.dtype, q.value.tobytes()) == (p.dtype, again.parameters[name].value.tobytes())
        assert q.value[q.mask].all() if p.prunable else not q.value.any()
        assert not np.shares_memory(p.value, q.value)
    assert {name: (p.value.tobytes(), p.mask.tobytes()) for name, p in network.parameters.items()} == before


@given(networks(layers=(1, 3)), st.sampled_from(["dense", "packed", "panels", "ell", "csr"]), st.data())
@settings(max_examples=15)
def test_a_program_answers_as_its_network_and_its_answers_are_the_callers(network, kernel, data):
    """Later calls change no earlier answer, and who writes into one changes no later one."""
    batch = data.draw(st.integers(1, 3))
    program = mp.compile(network, batch_size=batch, kernels=kernel)
    assert isinstance(program, mp.Program)
    xs = [data.draw(weights((rows, network.inputs))) for rows in (batch, 1, batch)]
    answers = [program(x) for x in xs]
    for x, answer in zip(xs, answers, strict=True):
        np.testing.assert_allclose(answer, network(x), rtol=1e-5, atol=1e-4)
    copies = [answer.copy() for answer in answers]
    answers[0][...] = np.nan
    again = program(xs[0])
    assert again.tobytes() == copies[0].tobytes()
    assert [answer.tobytes() for answer in answers[1:]] == [answer.tobytes() for answer in copies[1:]]
