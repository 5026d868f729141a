"""What the speed benchmark compares computes the same, and a small run of it goes through (its times mean nothing)."""

import sys
from pathlib import Path

import numpy as np
import pytest

import minprune as mp

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch")
for name in ("scipy", "onnx", "onnxruntime", "sklearn"):
    pytest.importorskip(name)
sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
grid = pytest.importorskip("grid")
peers = pytest.importorskip("peers")
speed = pytest.importorskip("speed")


@pytest.mark.parametrize("widths", [(7, 5, 3), (6, 6, 6)])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_every_peer_computes_what_the_network_does(widths, batch):
    net = grid.pruned(grid.network(widths), "Unstructured", 0.5)
    x = np.random.default_rng(0).standard_normal((batch, net.inputs)).astype(np.float32)
    ways = {"NumPy": peers.dense_numpy, **peers.available()}
    assert len(ways) == 5
    with torch.inference_mode():
        for name, way in ways.items():
            assert np.allclose(np.asarray(way(net, x)()), net(x), rtol=1e-5, atol=1e-6), name


@pytest.mark.parametrize("classes", [2, 3])
def test_scikit_learn_gives_the_same_probabilities(classes):
    net = mp.Network.mlp([6, 5, classes], rng=0)
    net.dense[1].bias.value = np.arange(classes, dtype=np.float32) / 4
    x = np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32)
    assert np.allclose(peers.sklearn_proba(net, x)(), net.predict_proba(x), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_a_small_grid_and_the_bars_that_stand_on_it(monkeypatch, tmp_path):
    monkeypatch.setattr(grid, "WIDTHS", {"1024 ×3": (16,) * 4, "4096 ×3": (12,) * 4})
    monkeypatch.setattr(speed, "WIDTHS", grid.WIDTHS)
    monkeypatch.setattr(grid, "SPARSITIES", (0.9, 0.95))
    monkeypatch.setattr(grid, "PATTERNS", ("Unstructured", "Vectors(64)", "Vectors(16)"))
    monkeypatch.setattr(grid, "measure", lambda calls, seconds: {name: [1.0, 1.0] for name in calls})
    with torch.inference_mode():
        found = grid.Grid(quick=False, folder=tmp_path)
        assert len(found.cells) == 2 * 2 * 3 * 3
        bars = [row for bar in (speed.bar_1, speed.bar_2, speed.bar_3, speed.bar_4, speed.bar_7) for row in bar(found)]
    assert [row[0][0] for row in bars] == ["1"] + ["2"] * 5 + ["3"] * 2 + ["4"] + ["7"] * 2
    assert "Unstructured" in found.table()
