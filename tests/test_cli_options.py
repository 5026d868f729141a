"""The command line: every option with its default, its text in the help, and what it is handed on to."""

import argparse
import io
import os
import sys
from types import SimpleNamespace

import pytest

from minprune import cli
from minprune.study import bench, demo, page

HELP = {
    "": """
usage: minprune [-h] [--version] COMMAND ...

Neural-network pruning in plain NumPy: train, prune, pack and measure.

positional arguments:
  COMMAND
    demo      the five steps of pruning on real data, with a report
    bench     what pruning brings on this machine: times, and a map of where it pays
    laws      the laws of pruning

options:
  -h, --help  show this help message and exit
  --version   show program's version number and exit
""",
    "demo": """
usage: minprune demo [-h] [--data {credit,mnist,digits}] [--criterion {magnitude,gradient,l1,l2,random}]
                     [--pattern {unstructured,neurons}] [--sparsity SPARSITY] [--seed SEED] [--epochs EPOCHS]
                     [--out DIR]

Train a dense network on real data, prune it by the five steps, pack it, show what it brought.

options:
  -h, --help            show this help message and exit
  --data {credit,mnist,digits}
                        default: credit
  --criterion {magnitude,gradient,l1,l2,random}
                        which weights go; l1 and l2 train with that penalty, then go by magnitude (default: magnitude)
  --pattern {unstructured,neurons}
                        default: unstructured
  --sparsity SPARSITY   share of weights that goes, in [0, 1) (default: 0.9)
  --seed SEED           same seed, same figures (default: 0)
  --epochs EPOCHS       for each of the two trainings, instead of the recipe's
  --out DIR             where the report goes (default: minprune-demo)
""",
    "bench": """
usage: minprune bench [-h] [--widths W,…] [--sparsities S,…] [--batch-sizes B,…] [--patterns P,…]
                      [--seconds SECONDS] [--threads THREADS] [--out DIR] [MODEL]

Measure where a pruned network is faster than a dense one on this machine, and draw the map. With a MODEL, time its
program beside the dense network it came from, and map its own widths.

positional arguments:
  MODEL              a file that minprune.save wrote (.safetensors)

options:
  -h, --help         show this help message and exit
  --widths W,…       256: three layers of it; 784-300-10: inputs to outputs (default: 256,1024, or those of MODEL)
  --sparsities S,…   default: 0.5,0.8,0.9,0.95,0.99
  --batch-sizes B,…  default: 1,16,256
  --patterns P,…     of unstructured, nm2:4, vectors64, blocks4x4, neurons, with numbers of your own (default:
                     unstructured,vectors64,neurons)
  --seconds SECONDS  for each program at each place of the map (default: 0.15)
  --threads THREADS  of the BLAS; on a busy machine take 1 (default: the BLAS's own)
  --out DIR          where map and figures go (default: minprune-bench)
""",
    "laws": """
usage: minprune laws [-h] [group]

Print the laws that pruning must obey.

positional arguments:
  group       only a group of them, such as Counting

options:
  -h, --help  show this help message and exit
""",
}


@pytest.mark.parametrize("command", HELP)
def test_help_tells_every_option_with_its_default(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        cli.main([*command.split(), "--help"])
    assert capsys.readouterr().out.split() == HELP[command].split()  # where lines are broken differs between Pythons


def parsed(*arguments):
    return {name: value for name, value in vars(cli._parser().parse_args(arguments)).items() if name != "run"}


def test_without_options_the_defaults_hold():
    assert parsed("demo") == {
        "command": "demo", "data": "credit", "criterion": "magnitude", "pattern": "unstructured", "sparsity": 0.9,
        "seed": 0, "epochs": None, "out": "minprune-demo",
    }  # fmt: skip
    assert parsed("bench") == {
        "command": "bench", "model": None, "widths": None, "sparsities": [0.5, 0.8, 0.9, 0.95, 0.99],
        "batch_sizes": [1, 16, 256], "patterns": [("Unstructured", ()), ("Vectors", (64,)), ("Neurons", ())],
        "seconds": 0.15, "threads": None, "out": "minprune-bench",
    }  # fmt: skip
    assert parsed("laws") == {"command": "laws", "group": None}


def test_what_is_given_is_taken_as_it_is_meant():
    assert parsed(*["demo", "--sparsity", "0", "--seed", "7", "--epochs", "1"]) | {"out": ""} == parsed("demo") | {
        "sparsity": 0.0, "seed": 7, "epochs": 1, "out": "",
    }  # fmt: skip
    assert parsed("bench", "--widths", "256, 784-300-10")["widths"] == [256, (784, 300, 10)]
    assert parsed("bench", "--widths", "8-1")["widths"] == [(8, 1)]
    assert parsed("bench", "--sparsities", "0, 0.5")["sparsities"] == [0.0, 0.5]
    assert parsed("bench", "--patterns", "nm2:4,blocks4x16")["patterns"] == [("NM", (2, 4)), ("Blocks", (4, 16))]
    assert parsed("bench", "--seconds", "1e-9", "--threads", "1") | {"seconds": 0, "threads": 0} == parsed("bench") | {
        "seconds": 0, "threads": 0,
    }  # fmt: skip


def test_a_pattern_is_written_in_full_and_with_all_its_numbers():
    for pattern in ("unstructured4", "nm2", "nm2:4:8", "vectors64x2", "blocks4", "neurons1", "NM2:4", ""):
        with pytest.raises(argparse.ArgumentTypeError) as caught:
            cli._pattern(pattern)
        assert str(caught.value) == (
            f"must be patterns such as unstructured, nm2:4, vectors64, blocks4x4 and neurons, got {pattern!r}"
        )


class Noted:
    """What a command hands on, noted instead of done."""

    def __init__(self, monkeypatch):
        self.calls = []
        for module, name in ((demo, "run"), (bench, "run"), (page, "check_folder"), (page, "write")):
            monkeypatch.setattr(module, name, self.noting(f"{module.__name__.rpartition('.')[2]}.{name}"))
        ticks = iter([10.0, 12.5])
        monkeypatch.setattr(cli, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))

    def noting(self, name):
        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            return ["there", "here"]

        return call


def test_demo_hands_its_options_on_looks_at_the_folder_first_and_says_how_long_it_took(monkeypatch, capsys):
    noted = Noted(monkeypatch)
    asked = "demo --data digits --criterion l1 --pattern neurons --sparsity 0.5 --seed 3 --epochs 2 --out place"
    assert cli.main(asked.split()) == 0
    options = {"criterion": "l1", "pattern": "neurons", "sparsity": 0.5, "seed": 3, "epochs": 2}
    assert noted.calls == [
        ("page.check_folder", ("place",), {}),
        ("demo.run", ("digits",), options),
        ("page.write", (["there", "here"], "place"), {}),
    ]
    assert capsys.readouterr().out == "\nDone in 2.50 s. Look at there and here.\n"


def test_ctrl_c_is_told_on_standard_error_and_ends_with_130(monkeypatch, capsys):
    Noted(monkeypatch)

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupt)
    assert cli.main(["demo"]) == 130
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "\nminprune demo: interrupted; no half-written file is left\n")


def test_bench_hands_its_options_on(monkeypatch, capsys):
    noted = Noted(monkeypatch)
    monkeypatch.setattr("minprune.storage.load", lambda path: f"the network of {path}")
    options = {"widths": [8], "sparsities": [0.5], "batch_sizes": [4], "chosen": [("NM", (1, 2))]}
    options |= {"seconds": 2.0, "out": "place"}
    asked = [
        "--widths",
        "8",
        "--sparsities",
        "0.5",
        "--batch-sizes",
        "4",
        "--patterns",
        "nm1:2",
        "--seconds",
        "2",
        "--out",
        "place",
    ]
    assert cli.main(["bench", *asked]) == 0
    assert noted.calls == [("page.check_folder", ("place",), {}), ("bench.run", (None,), options | {"name": ""})]
    assert capsys.readouterr().out == "\nDone in 2.50 s. Look at there and here.\n"
    noted = Noted(monkeypatch)
    assert cli.main(["bench", "net", *asked]) == 0
    assert noted.calls[1] == ("bench.run", ("the network of net",), options | {"name": "net"})


def test_threads_are_set_for_every_blas_before_numpy_is_there(monkeypatch):
    Noted(monkeypatch)
    monkeypatch.setattr(os, "environ", {"OTHER": "x"})
    monkeypatch.delitem(sys.modules, "numpy")
    assert cli.main(["bench", "--threads", "3"]) == 0
    assert os.environ == {
        "OTHER": "x", "OPENBLAS_NUM_THREADS": "3", "MKL_NUM_THREADS": "3", "VECLIB_MAXIMUM_THREADS": "3",
        "OMP_NUM_THREADS": "3",
    }  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_demo_takes_one_thread_unless_told_otherwise(monkeypatch, before, after):
    Noted(monkeypatch)
    monkeypatch.setattr(os, "environ", dict(before))
    monkeypatch.delitem(sys.modules, "numpy")
    assert cli.main(["demo"]) == 0
    assert os.environ == {"OPENBLAS_NUM_THREADS": after}


def test_and_where_numpy_is_there_already_nothing_is_set(monkeypatch):
    Noted(monkeypatch)
    monkeypatch.setattr(os, "environ", {})
    assert cli.main(["demo"]) == 0
    assert os.environ == {}


def test_without_arguments_they_are_those_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["minprune", "laws", "Counting"])
    assert cli.main() == 0
    assert capsys.readouterr().out.startswith("Counting\n")


def test_what_a_terminal_cannot_show_is_a_question_mark(monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert cli.main(["laws"]) == 0
    assert cli.main(["laws", "…"]) == 2
    monkeypatch.undo()
    said = []
    for stream in streams:
        stream.flush()
        said.append(stream.buffer.getvalue().decode("ascii"))
    assert "?" in said[0]
    assert said[1].startswith("minprune laws: group must be one of the laws' groups, got '?'; known: Counting, ")
