"""``minprune bench``: what it measures, prints and writes, and what it refuses."""

import json
import os
import signal
import subprocess
import sys

import pytest

from minprune import Magnitude, Network, cli, plan
from minprune.storage import save

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TINY = ["--seconds", "0.001", "--sparsities", "0.5,0.9", "--batch-sizes", "1,4"]


def bench(folder, *more):
    return ["bench", "--out", str(folder), *TINY, *more]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("minprune.study.breakeven._TUNING", 0.001)


@pytest.fixture
def model(tmp_path):
    network = Network.mlp([12, 16, 3], rng=0)
    return str(save(plan(network, Magnitude(), sparsity=0.75).apply(network), tmp_path / "model.safetensors"))


def test_without_a_model_it_prints_and_draws_where_pruning_pays(tmp_path, capsys):
    asked = bench(tmp_path / "out", "--widths", "16,8-4-2", "--patterns", "unstructured,nm2:4,neurons")
    assert cli.main(asked) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Where pruning pays:\nHow many times as fast as dense")
    for name in ("3 × 16", "8-4-2", "Unstructured", "NM(2, 4)", "Neurons", "pays from"):
        assert name in printed
    assert printed.rstrip().endswith(f"Look at {tmp_path / 'out' / 'map.png'} and {tmp_path / 'out' / 'bench.json'}.")
    assert sorted(os.listdir(tmp_path / "out")) == ["bench.json", "map.png"]
    figures = json.loads((tmp_path / "out" / "bench.json").read_text())
    cells = figures["breakeven"]["cells"]
    assert len(cells) == 2 * 3 * 2 * 2
    assert {str(cell["width"]) for cell in cells} == {"16", "[8, 4, 2]"}
    assert "network" not in figures
    assert figures["blas"]["threads"] >= 1


def test_a_model_is_timed_beside_the_dense_network_it_came_from_and_its_widths_are_mapped(tmp_path, capsys, model):
    assert cli.main(bench(tmp_path / "out", model, "--patterns", "vectors4,blocks2x2")) == 0
    printed = capsys.readouterr().out
    order = [f"{model}: Network 12-16-3", "Program for batches of 1", "Time of a call with 1 row, in turns"]
    order += ["Program for batches of 4", "Time of a call with 4 rows, in turns", "Where it would pay", "Vectors(4)"]
    places = [printed.index(text) for text in order]
    assert places == sorted(places)
    figures = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert (figures["network"]["name"], figures["network"]["sparsity"]) == (model, 0.75)
    for batch_size, found in zip((1, 4), figures["network"]["batches"], strict=True):
        assert found["batch_size"] == batch_size
        assert set(found["timings"]) == {"dense", "program"}
        assert found["speedup"] > 0
        assert found["nbytes"]["dense"] >= 4 * 240  # what was pruned is there, and multiplied by
    assert {str(cell["width"]) for cell in figures["breakeven"]["cells"]} == {"[12, 16, 3]"}


def test_widths_that_are_given_are_mapped_instead_of_the_models(tmp_path, capsys, model):
    assert cli.main(bench(tmp_path / "out", model, "--widths", "8", "--patterns", "unstructured")) == 0
    figures = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert {cell["width"] for cell in figures["breakeven"]["cells"]} == {8}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--widths", "0"], "argument --widths: must be a whole number of at least 1, got '0'"),
        (["--widths", "8,"], "argument --widths: must be a whole number of at least 1, got ''"),
        (["--widths", "784-x"], "argument --widths: must be a whole number of at least 1, got 'x'"),
        (["--sparsities", "0.5,90"], "argument --sparsities: must be a fraction in [0, 1), got '90'; for 90 % say 0.9"),
        (["--batch-sizes", "1,-1"], "argument --batch-sizes: must be a whole number of at least 1, got '-1'"),
        (["--patterns", "vectors"], "argument --patterns: must be patterns such as unstructured, nm2:4, vectors64,"),
        (["--patterns", "stripes4"], "blocks4x4 and neurons, got 'stripes4'"),
        (["--seconds", "0"], "argument --seconds: must be a number of seconds above 0, got '0'"),
        (["--seconds", "inf"], "argument --seconds: must be a number of seconds above 0, got 'inf'"),
        (["--seconds", "nan"], "argument --seconds: must be a number of seconds above 0, got 'nan'"),
        (["--seconds", "soon"], "argument --seconds: must be a number of seconds above 0, got 'soon'"),
        (["--threads", "0"], "argument --threads: must be a whole number of at least 1, got '0'"),
        (["one", "two"], "unrecognized arguments: two"),
    ],
)
def test_bad_flags_get_a_clear_line_and_exit_code_2(capsys, arguments, line):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["bench", *arguments])
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert line in said.err.splitlines()[-1]
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["missing.safetensors"], "missing.safetensors can't be loaded: No such file or directory"),
        (["--widths", "8,8"], "widths must be different, got 8 twice in breakeven()"),
        (["--patterns", "nm4:4"], "n must be at most 3, got 4 in NM()"),
        (["--patterns", "vectors0"], "length must be at least 1, got 0 in Vectors()"),
        (["--patterns", "neurons,neurons"], "patterns must be different, got Neurons twice in breakeven()"),
        (["--threads", "2"], "threads must be set before NumPy is imported; start minprune from a shell"),
    ],
)
def test_what_can_not_be_done_is_a_sentence_and_exit_code_2(tmp_path, capsys, arguments, line):
    assert cli.main(bench(tmp_path / "out", *arguments)) == 2
    said = capsys.readouterr()
    assert said.err == f"minprune bench: {line}\n"
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_network_and_a_place_that_is_no_folder_are_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert cli.main(bench(tmp_path / "out", str(tmp_path / "file"))) == 2
    assert cli.main(bench(tmp_path / "file")) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"minprune bench: {tmp_path / 'file'}")
    assert second == f"minprune bench: out must be a folder, got the file {tmp_path / 'file'}"
    assert (tmp_path / "file").read_text() == "mine"


def test_threads_are_those_of_the_blas(tmp_path):
    asked = [*bench(tmp_path / "out", "--widths", "8", "--patterns", "unstructured"), "--threads", "1"]
    without = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-m", "minprune", *asked], cwd=ROOT, env=without, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "out" / "bench.json").read_text())["blas"]["threads"] == 1


@pytest.mark.skipif(os.name == "nt", reason="SIGINT can't be sent to a single process on Windows")
def test_ctrl_c_ends_with_130_and_leaves_no_file(tmp_path):
    started = subprocess.Popen(
        [sys.executable, "-u", "-m", "minprune", "bench", "--out", str(tmp_path / "out")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert started.stdout.readline() == "Where pruning pays:\n"
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert said == "\nminprune bench: interrupted; no half-written file is left\n"
    assert not (tmp_path / "out").exists()
