"""Reasons: what was measured, in words."""

import numpy as np
import pytest

from minprune.inference import reasons
from minprune.inference.kernels import KERNELS, LayerWeights
from minprune.inference.reasons import explain, largest_cache, why
from minprune.inference.step import Step

US = 1e-6


def step(kernel, times, kept=4, batch=1, side=4):
    """A square layer of float64, of which the first columns are kept."""
    mask = np.zeros((side, side), bool)
    mask.T.flat[:kept] = True
    weights = LayerWeights(np.where(mask, 1.0, 0), mask, None)
    return Step.of("dense1", weights, [], KERNELS[kernel].at(batch), {k: t * US for k, t in times.items()})


@pytest.fixture(autouse=True)
def _no_cache_known(monkeypatch):
    monkeypatch.setattr(reasons, "largest_cache", lambda: None)


@pytest.mark.parametrize(
    ("kernel", "times", "kept", "text"),
    [
        ("dense", {}, 4, "asked for"),
        ("csr", {}, 4, "asked for"),
        ("dense", {"dense": 2}, 16, "2.00 µs a call; nothing in it is pruned, so nothing else was tried"),
        ("dense", {"dense": 2}, 15, "2.00 µs a call; too much is kept for a sparse product, so none was tried"),
        ("csr", {"dense": 4, "csr": 2}, 4, "2.00 µs a call; the next, dense, takes 2.0 times as long"),
        ("dense", {"dense": 1, "csr": 3}, 4, "1.00 µs a call; the next, csr, takes 3.0 times as long"),
        ("dense", {"dense": 2, "csr": 1.95}, 4, "2.00 µs a call; csr, with 1.95 µs, is not clearly faster"),
        ("dense", {"dense": 2, "csr": 2.05}, 4, "2.00 µs a call; csr, with 2.05 µs, is not clearly faster"),
        ("csr", {"dense": 9, "packed": 2.05, "csr": 2}, 4, "2.00 µs a call; packed, with 2.05 µs, is about as fast"),
        ("csr", {"dense": 9, "packed": 4, "csr": 2}, 4, "2.00 µs a call; the next, packed, takes 2.0 times as long"),
        ("csr", {"dense": 100, "csr": 95}, 4, "95.0 µs a call; dense, with 100 µs, is about as fast"),
        ("dense", {"dense": 100, "csr": 95}, 4, "100 µs a call; csr, with 95.0 µs, is not clearly faster"),
        (
            "packed",
            {"dense": 3, "packed": 2, "ell": 2.02, "csr": 2.01},
            4,
            "2.00 µs a call; csr, with 2.01 µs, is about as fast",
        ),
        ("dense", {"dense": 9, "csr": 2}, 4, "9.00 µs a call; csr takes 2.00 µs, but gains nothing in the whole"),
        (
            "ell",
            {"dense": 9, "ell": 3, "csr": 2},
            4,
            "3.00 µs a call; csr takes 2.00 µs, but gains nothing in the whole",
        ),
    ],
)
def test_why(kernel, times, kept, text):
    assert why(step(kernel, times, kept)) == text


LAYER = "After folding it is 4×4 and {} pruned, {} packed."


@pytest.mark.parametrize(
    ("kernel", "times", "kept", "batch", "text"),
    [
        (
            "dense",
            {},
            4,
            1,
            f"dense1: dense, asked for, so nothing was timed. {LAYER.format('75.0 %', '160 B')}",
        ),
        (
            "dense",
            {"dense": 2},
            16,
            1,
            f"dense1: dense, 2.00 µs for a call with 1 row. {LAYER.format('0.0 %', '160 B')} "
            "Nothing in it is pruned, so nothing else was tried.",
        ),
        (
            "dense",
            {"dense": 2, "dense features": 3},
            15,
            64,
            f"dense1: dense, 2.00 µs for a call with 64 rows. {LAYER.format('6.2 %', '128 B')} "
            "Too much is kept for a sparse product, so none was tried.",
        ),
        (
            "dense",
            {"dense": 2, "csr": 8},
            4,
            1,
            f"dense1: dense, 2.00 µs for a call with 1 row. {LAYER.format('75.0 %', '160 B')} "
            "csr takes 4.0 times as long; at the same time for each weight it would win above 93.8 %.",
        ),
        (
            "dense",
            {"dense": 4, "csr": 8, "ell": 2},
            4,
            1000,
            f"dense1: dense, 4.00 µs for a call with 1,000 rows. {LAYER.format('75.0 %', '128 B')} "
            "By itself ell takes 2.00 µs, but that gains nothing in the whole program. "
            "csr takes 2.0 times as long; at the same time for each weight it would win above 87.5 %.",
        ),
        (
            "csr",
            {"dense": 8, "packed": 3, "csr": 2, "ell": 2.5},
            4,
            1,
            f"dense1: csr, 2.00 µs for a call with 1 row. {LAYER.format('75.0 %', '104 B')} "
            "A dense product takes 8.00 µs, 4.0 times as long; this one does 25.0 % of its multiply-adds, so at the "
            "same speed it would be 4.0 times. Also tried: ell 2.50 µs, packed 3.00 µs.",
        ),
        (
            "packed",
            {"dense": 8, "dense features": 6, "packed": 2},
            4,
            2,
            f"dense1: packed, 2.00 µs for a call with 2 rows. {LAYER.format('75.0 %', '72 B')} "
            "A dense product takes 6.00 µs, 3.0 times as long; this one does 25.0 % of its multiply-adds, so at the "
            "same speed it would be 4.0 times.",
        ),
    ],
)
def test_explain(kernel, times, kept, batch, text):
    assert explain(step(kernel, times, kept, batch), batch) == text


def test_explain_of_the_smallest_layer():
    assert explain(step("dense", {}, kept=1, side=1), 1) == (
        "dense1: dense, asked for, so nothing was timed. After folding it is 1×1 and 0.0 % pruned, 16 B packed."
    )
    assert explain(step("csr", {"dense": 3, "csr": 2}, kept=1, side=1), 1) == (
        "dense1: csr, 2.00 µs for a call with 1 row. After folding it is 1×1 and 0.0 % pruned, 32 B packed. A dense "
        "product takes 3.00 µs, 1.5 times as long; this one does 100.0 % of its multiply-adds, so at the same speed it "
        "would be 1.0 times."
    )


def test_explain_of_a_layer_of_which_nothing_is_kept():
    assert explain(step("csr", {"dense": 3, "csr": 2}, kept=0, batch=2), 2).endswith(
        "A dense product takes 3.00 µs, 1.5 times as long; this one does 0.0 % of its multiply-adds."
    )
    assert explain(step("dense", {"dense": 2, "csr": 3}, kept=0, batch=2), 2).endswith(
        "csr takes 1.5 times as long; at the same time for each weight it would win above 100.0 %."
    )


def test_others_are_told_of_in_the_order_of_their_times():
    told = explain(step("dense", {"dense": 2, "packed": 1, "panels": 8, "ell": 4, "csr": 2}), 1)
    assert told.index("csr takes") < told.index("ell takes") < told.index("panels takes")
    assert "By itself csr takes 2.00 µs, but that gains nothing" in told  # as fast as dense is not slower
    assert "packed" not in told.replace("packed.", "")
    told = explain(step("csr", {"dense": 9, "packed": 8, "panels": 4, "ell": 5, "csr": 2}), 1)
    assert told.endswith("Also tried: panels 4.00 µs, ell 5.00 µs, packed 8.00 µs.")
    told = explain(step("dense features", {"dense": 3, "dense features": 2, "csr": 4}, batch=8), 8)
    assert told.endswith("csr takes 2.0 times as long; at the same time for each weight it would win above 87.5 %.")


@pytest.mark.parametrize(
    ("cache", "place"), [(1000, "fit the cache of 1.00 kB"), (128, "do not fit the cache of 128 B")]
)
def test_the_cache_is_told_once_where_it_is_known(cache, place, monkeypatch):
    monkeypatch.setattr(reasons, "largest_cache", lambda: cache)
    told = explain(step("dense", {"dense": 2, "csr": 8, "ell": 9}), 1)
    assert f"csr takes 4.0 times as long; its 128 B {place}; at the same time" in told
    assert told.endswith("ell takes 4.5 times as long; at the same time for each weight it would win above 94.4 %.")
    assert explain(step("dense", {"dense": 2}), 1).endswith(f"so none was tried; its 128 B {place}.")


def test_the_largest_cache_is_read_where_the_system_tells(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(reasons, "_CACHES", str(tmp_path))
    assert largest_cache() is None
    for index, text in enumerate(["32K\n", "2M", "", "huge", "1X"]):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(text)
    (tmp_path / "index9").mkdir()
    assert largest_cache() == 2 << 20


@pytest.mark.parametrize(
    ("texts", "size"),
    [
        (["512K"], 512 << 10), (["1G", "9M"], 1 << 30), (["12M", "13K"], 12 << 20), (["0M"], 0),
        (["", "3K"], 3 << 10), (["3K", ""], 3 << 10), (["k", "3K"], 3 << 10), (["3K", "x3K"], 3 << 10),
        (["1k"], None), (["1024"], None), (["größe K"], None),
    ],
)  # fmt: skip
def test_cache_sizes(texts, size, tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(reasons, "_CACHES", str(tmp_path))
    for index, text in enumerate(texts):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(text, encoding="utf-8")
    assert largest_cache() == size
