"""fit: what ends a training and what it then leaves behind, and the progress bar."""

import io

import numpy as np
import pytest
from differences import bits, positive_zeros
from fitting import LOSS, data, network, run

import minprune as mp
from minprune import SGD, DivergedError, Network
from minprune.nn import training


class Stubborn(SGD):
    """Whose steps get worse and worse after a while."""

    def update(self, w, g, state, rate, steps):
        super().update(w, -g if steps > 12 else g, state, rate, steps)


def test_early_stopping_restores_the_best_weights():
    valid, snapshots, net = data(seed=0), {}, network(kept=0.5)

    def keep(network, history):
        snapshots[len(history)] = [p.value.copy() for p in network.parameters.values()]

    optimizer = Stubborn(0.2, momentum=0.5)
    history = run(net, epochs=50, optimizer=optimizer, valid=valid, patience=3, callbacks=[keep])
    best = int(np.argmin(history["valid_loss"])) + 1
    assert history.best_epoch == best
    assert len(history) == best + 3
    assert history.stopped == "stopped after 3 epochs without a better one"
    assert f"best epoch {best} restored, stopped after 3 epochs" in repr(history)
    for p, value in zip(net.parameters.values(), snapshots[best], strict=True):
        np.testing.assert_array_equal(p.value, value)
        for array in (p.value, *optimizer.state(p).arrays.values()):
            assert positive_zeros(array, p.mask)
    assert LOSS(net(valid[0]), valid[1]) == pytest.approx(min(history["valid_loss"]), rel=1e-6)


def test_the_best_weights_are_restored_when_training_runs_out_too():
    net, valid = network(), data()
    history = run(net, epochs=6, optimizer=Stubborn(0.2), valid=valid, patience=50)
    assert history.stopped == ""
    assert history.best_epoch < 6
    assert LOSS(net(valid[0]), valid[1]) == pytest.approx(min(history["valid_loss"]), rel=1e-6)


def test_early_stopping_waits_for_the_pruner_and_restores_only_pruned_weights():
    net, valid = network(), data()
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Cubic(begin=0.2, end=0.5, updates=4))
    history = run(net, epochs=12, optimizer=Stubborn(0.2), valid=valid, patience=1, pruner=pruner)
    assert history.best_epoch >= 6
    assert net.sparsity == 0.5
    assert history["sparsity"][history.best_epoch - 1] == 0.5


def test_where_no_epoch_counted_patience_leaves_the_last_weights():
    def stop(net, history):
        return len(history) == 2

    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Cubic(begin=0.5, end=0.9, updates=4))
    stopped, plain = network(), network()
    history = run(stopped, epochs=10, valid=data(), patience=1, pruner=pruner, callbacks=[stop])
    run(plain, epochs=10, callbacks=[stop])
    assert (history.best_epoch, history.stopped) == (None, "stopped by a callback")
    assert bits(stopped) == bits(plain)


def test_early_stopping_restores_the_mask_of_the_best_epoch_with_its_weights():
    net, masks = network(), {}

    def prune(network, history):
        masks[len(history)] = network.parameters["dense1.weight"].mask
        p = network.parameters["dense1.weight"]
        p.mask = p.mask & (np.random.default_rng(len(history)).random(p.shape) < 0.8)

    optimizer = Stubborn(0.2, momentum=0.5)
    history = run(net, epochs=30, optimizer=optimizer, valid=data(), patience=2, callbacks=[prune])
    p = net.parameters["dense1.weight"]
    np.testing.assert_array_equal(p.mask, masks[history.best_epoch])
    assert positive_zeros(p.value, p.mask)
    assert positive_zeros(optimizer.state(p).arrays["momentum"], p.mask)


def test_callbacks_are_called_in_order_after_each_epoch_and_True_ends_the_training():
    calls = []
    history = run(
        network(),
        epochs=9,
        callbacks=[
            lambda net, h: calls.append(("first", len(h))),
            lambda net, h: len(h) == 2,
            lambda net, h: calls.append(("last", h["epoch"][-1])),
            lambda net, h: net.parameters["dense1.bias"].value,  # whatever else it returns is its own affair
            lambda net, h: 1,
        ],
    )
    assert calls == [("first", 1), ("last", 1), ("first", 2), ("last", 2)]
    assert history.stopped == "stopped by a callback"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_in_a_callback_comes_through_and_leaves_the_weights_of_that_epoch(error):
    def stop(net, history):
        if len(history) == 2:
            raise error("enough")

    broken, whole = network(kept=0.3), network(kept=0.3)
    with pytest.raises(error, match="enough"):
        run(broken, epochs=4, callbacks=[stop])
    run(whole, epochs=4, callbacks=[lambda net, history: len(history) == 2])
    assert bits(broken) == bits(whole)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_is_an_error_that_leaves_finite_weights_and_no_state(dtype):
    net, (x, y), epochs = Network([mp.Dense(5, 1, rng=0, dtype=dtype)]), data(), []
    net.parameters["dense1.weight"].mask = np.arange(5)[:, None] > 1

    def keep(net, history):
        epochs.append([p.value.copy() for p in net.parameters.values()])

    optimizer = SGD(lambda p: 0.01 if p < 0.5 else 1e9, momentum=0.9)
    with pytest.raises(
        DivergedError, match=r"the loss turned (inf|nan) in epoch \d+ of 40 in fit\(\); the network holds"
    ):
        run(net, train=(x, y), loss=mp.MeanSquaredError(), epochs=40, optimizer=optimizer, callbacks=[keep])
    for p, value in zip(net.parameters.values(), epochs[-1], strict=True):
        np.testing.assert_array_equal(p.value, value)
        assert optimizer not in p.states
        assert np.isfinite(p.value).all()
    assert len(epochs) >= 20


class Exploding(SGD):
    def update(self, w, g, state, rate, steps):
        w += np.inf


def test_weights_that_end_an_epoch_infinite_are_found_though_no_loss_saw_them():
    net = network()
    before = net.parameters["dense1.weight"].value.copy()
    message = r"^the weights turned NaN or infinite in epoch 1 of 3 in fit\(\).* Try a smaller lr than 0\.1$"
    with pytest.raises(DivergedError, match=message):
        run(net, batch_size=40, optimizer=Exploding(0.1))
    np.testing.assert_array_equal(net.parameters["dense1.weight"].value, before)


def test_divergence_gives_back_the_masks_of_the_epochs_start_too():
    net = network()
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.OneShot(at=0.0))
    with pytest.raises(DivergedError):
        run(net, optimizer=Exploding(0.1), pruner=pruner)
    assert net.sparsity == 0.0
    assert net.parameters["dense1.weight"].value.all()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "progress", "shown"), [
    (Terminal, None, True), (io.StringIO, None, False), (io.StringIO, True, True), (Terminal, False, False),
])  # fmt: skip
def test_the_progress_bar_is_for_terminals(capsys, monkeypatch, stream, progress, shown):
    screen = stream()
    monkeypatch.setattr("sys.stderr", screen)
    run(network(), progress=progress)
    assert bool(screen.getvalue()) == shown
    assert ("epoch 3/3, loss" in screen.getvalue()) == shown
    assert capsys.readouterr().out == ""


def test_the_bar_is_full_at_the_end_also_with_batches_that_teach_nothing(monkeypatch):
    bars = []

    class Seen(training.Progress):
        def __exit__(self, *exc):
            bars.append((self.done, self.total))

    monkeypatch.setattr(training, "Progress", Seen)
    run(network(), epochs=2, batch_size=1, sample_weight=np.arange(40) % 2)
    assert bars == [(80, 80)]
