"""fit: what happens when, and beginning at a later step of the run."""

import numpy as np
import pytest
from differences import OPTIMIZERS, PENALTIES, bits
from fitting import LOSS, data, network, run
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.nn.hooks import Hooks


class Diary:
    """Writes down what it is called for, and with what."""

    def __init__(self, pages, name=""):
        self.pages, self.name = pages, name

    def before_step(self, network, step):
        self.pages.append((self.name + "before", step))

    def after_backward(self, network, step):
        self.pages.append((self.name + "backward", step))

    def after_epoch(self, network, history):
        self.pages.append((self.name + "epoch", len(history)))


class PruningDiary(Diary):
    finished = True

    def begin(self, network, x, y, *, steps, start, rng):
        self.pages.append((self.name + "begin", start, steps))


def test_each_is_called_at_its_moments_the_pruner_first():
    pages = []
    run(
        network(),
        epochs=2,
        batch_size=20,
        pruner=PruningDiary(pages, "pruner "),
        callbacks=[Diary(pages), lambda net, history: pages.append(("function", len(history)))],
    )
    a_step = lambda k: [(who + when, k) for when in ("before", "backward") for who in ("pruner ", "")]  # noqa: E731
    an_epoch = lambda n: [("pruner epoch", n), ("epoch", n), ("function", n)]  # noqa: E731
    assert pages == [
        ("pruner begin", 0, 4), *a_step(0), *a_step(1), *an_epoch(1), *a_step(2), *a_step(3), *an_epoch(2),
    ]  # fmt: skip


def test_after_backward_finds_the_gradient_of_the_loss_alone_and_what_is_done_to_it_acts():
    """Also the gradient of dropped weights; the penalty is not in it yet, and no step is taken."""
    net, twin, seen, (x, y) = network(kept=0.5), network(kept=0.5), [], data()

    class Look:
        def after_backward(self, network, step):
            for p in network.parameters.values():
                seen.append((p.value.copy(), p.grad.copy()))
                p.grad[...] = 0

    run(net, epochs=1, batch_size=40, penalty=mp.L2(0.5), optimizer=mp.SGD(0.1), callbacks=[Look()])
    twin.backward(LOSS.value_and_gradient(twin(x), y)[1])
    for (value, grad), p in zip(seen, twin.parameters.values(), strict=True):
        np.testing.assert_array_equal(value, p.value)
        np.testing.assert_allclose(grad, p.grad, rtol=1e-4, atol=1e-7)
    assert seen[0][1][~twin.parameters["dense1.weight"].mask].any()
    for p in twin.parameters.values():
        p.grad[...] = 0
    mp.L2(0.5).add_gradient(twin.parameters)  # all that is left to step along
    mp.SGD(0.1).step(twin.parameters)
    assert [p.value.tobytes() for p in net.parameters.values()] == [p.value.tobytes() for p in twin.parameters.values()]


def test_before_step_may_change_what_is_about_to_be_trained():
    class Drop:
        def before_step(self, network, step):
            if step == 2:
                network.parameters["dense1.weight"].mask = np.zeros((5, 8), bool)

    seen = []
    run(network(), epochs=3, batch_size=20, callbacks=[Drop(), lambda net, history: seen.append(net.sparsity)])
    assert seen == [0, 40 / 64, 40 / 64]


def test_hooks_see_no_batch_that_teaches_nothing_go_backward():
    pages, weight = [], np.zeros(40)
    weight[7] = 1
    run(network(), epochs=1, batch_size=1, sample_weight=weight, callbacks=[Diary(pages)])
    assert [step for when, step in pages if when == "before"] == list(range(40))
    assert len([step for when, step in pages if when == "backward"]) == 1


def test_an_object_with_a_moment_is_not_called_as_a_function_as_well():
    class Both:
        def __call__(self, network, history):
            pytest.fail("called")

        def after_epoch(self, network, history):
            return True

    history = run(network(), epochs=3, callbacks=[Both()])
    assert history.stopped == "stopped by a callback"
    assert len(history) == 1


def test_hooks_are_listed_in_the_order_given():
    first, second = Diary([]), Diary([])
    hooks = Hooks(None, (first, second))
    assert hooks.before_step == [first.before_step, second.before_step]
    assert hooks.after_epoch == [first.after_epoch, second.after_epoch]


class Keep:
    """The network as it was before one step."""

    def __init__(self, at):
        self.at, self.network = at, None

    def before_step(self, network, step):
        if step == self.at:
            self.network = network.copy()


@given(
    seed=st.integers(0, 2**16),
    start=st.integers(0, 8),
    penalty=st.sampled_from(sorted(PENALTIES)),
    dropout=st.sampled_from([0.0, 0.3]),
    weighted=st.booleans(),
)
def test_a_run_begun_later_is_the_rest_of_the_whole_run(seed, start, penalty, dropout, weighted):
    """Bit for bit: batches, dropout, learning rates, and the history of whole epochs; plain SGD has no state."""
    weight = np.random.default_rng(seed).choice([0.0, 0.5, 1.0], 40) if weighted else None
    keep, options = Keep(start), {"epochs": 3, "batch_size": 16, "rng": seed, "sample_weight": weight}
    parts = [{"optimizer": mp.SGD(mp.CosineDecay(0.1)), "penalty": PENALTIES[penalty]()} for _ in range(2)]
    whole = network(seed, dropout=dropout)
    history = run(whole, **options, **parts[0], callbacks=[keep])
    rest = run(keep.network, start=start, **options, **parts[1])
    assert bits(keep.network) == bits(whole)
    assert rest["epoch"] == list(range(start // 3 + 1, 4))
    for name in ("loss", "lr"):
        complete = len(rest) - (start % 3 > 0)
        assert rest[name][len(rest) - complete :] == history[name][3 - complete :]
    assert rest["lr"] == history["lr"][-len(rest) :]


def test_a_run_begun_later_draws_nothing_for_batches_that_taught_nothing():
    weight, keep = (np.arange(40) % 3 == 0).astype(float), Keep(50)
    options = {"epochs": 2, "batch_size": 1, "rng": 5, "sample_weight": weight, "optimizer": mp.SGD(0.1)}
    whole = network(dropout=0.4)
    run(whole, **options, callbacks=[keep])
    run(keep.network, start=50, **options)
    assert bits(keep.network) == bits(whole)


def test_a_partial_epoch_says_the_mean_loss_of_what_it_saw():
    (x, y), net = data(), network()
    order = np.random.default_rng(0).permutation(40)
    history = run(net, epochs=1, batch_size=16, start=2, optimizer=mp.SGD(0.1))
    assert history["loss"] == [pytest.approx(LOSS(network()(x[order[32:]]), y[order[32:]]), rel=1e-6)]
    weight = np.ones(40)
    weight[order[32:]] = 0
    assert np.isnan(run(network(), epochs=1, batch_size=16, start=2, sample_weight=weight)["loss"]).all()


@given(start=st.integers(0, 8), name=st.sampled_from(sorted(OPTIMIZERS)))
def test_hooks_and_pruners_of_a_run_begun_later_count_its_steps_as_the_whole_run_does(start, name):
    pages = []
    run(
        network(),
        start=start,
        optimizer=OPTIMIZERS[name](),
        pruner=PruningDiary(pages, "pruner "),
        callbacks=[Diary(pages)],
    )
    assert pages[0] == ("pruner begin", start, 9)
    for moment in ("pruner before", "pruner backward", "before", "backward"):
        assert [step for when, step in pages[1:] if when == moment] == list(range(start, 9))


def test_the_bar_of_a_run_begun_later_is_full_at_its_end(monkeypatch):
    from minprune.nn import training

    bars = []

    class Seen(training.Progress):
        def __exit__(self, *exc):
            bars.append((self.done, self.total))

    monkeypatch.setattr(training, "Progress", Seen)
    run(network(), start=4)
    assert bars == [(5, 5)]
