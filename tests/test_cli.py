"""The command line: what it writes, what it refuses, and what Ctrl-C leaves behind: nothing."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys

import pytest

from minprune import __version__, cli

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def small(folder, *more):
    return ["demo", "--data", "digits", "--epochs", "3", "--out", str(folder), *more]


def test_it_tells_the_five_steps_and_leaves_a_report_and_figures(tmp_path, capsys, quick):
    assert cli.main(small(tmp_path / "out")) == 0
    printed = capsys.readouterr().out
    places = [printed.index(word) for word in ("1 CHOOSE", "2 ANALYSE", "3 PLAN", "4 APPLY", "5 EVALUATE", "Done in")]
    assert places == sorted(places)
    assert sorted(os.listdir(tmp_path / "out")) == ["figures.json", "report.html"]
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert figures["command"] in (tmp_path / "out" / "report.html").read_text()
    assert figures["plan"]["achieved"] == round(0.9 * figures["plan"]["weights"])
    assert f"{figures['pruned']['accuracy']:.4f}" in printed


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["dmeo"], "invalid choice: 'dmeo'"),
        (["demo", "--data", "credits"], "argument --data: invalid choice: 'credits' (choose from"),
        (["demo", "--criterion", "magic"], "argument --criterion: invalid choice: 'magic'"),
        (["demo", "--pattern", "stripes"], "argument --pattern: invalid choice: 'stripes'"),
        (["demo", "--sparsity", "90"], "argument --sparsity: must be a fraction in [0, 1), got '90'; for 90 % say 0.9"),
        (["demo", "--sparsity", "1"], "argument --sparsity: must be a fraction in [0, 1), got '1'"),
        (["demo", "--sparsity", "nan"], "argument --sparsity: must be a fraction in [0, 1), got 'nan'"),
        (["demo", "--sparsity", "much"], "argument --sparsity: must be a fraction in [0, 1), got 'much'"),
        (["demo", "--seed", "-1"], "argument --seed: must be a whole number of at least 0, got '-1'"),
        (["demo", "--epochs", "0"], "argument --epochs: must be a whole number of at least 1, got '0'"),
        (["demo", "--epochs", "2.5"], "argument --epochs: must be a whole number of at least 1, got '2.5'"),
        (["demo", "--outt", "x"], "unrecognized arguments: --outt"),
        (["demo", "--out"], "argument --out: expected one argument"),
    ],
)
def test_bad_flags_get_a_clear_line_and_exit_code_2(capsys, arguments, line):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert line in said.err.splitlines()[-1]
    assert said.out == ""


def test_a_sparsity_that_cannot_be_met_is_refused_before_training(tmp_path, capsys):
    assert cli.main(small(tmp_path / "out", "--sparsity", "0.9999")) == 2
    said = capsys.readouterr()
    assert "at most 6,461 can go with min_keep=1" in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    assert not (tmp_path / "out").exists()


def test_a_place_that_is_no_folder_is_refused_before_training(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert cli.main(small(place)) == 2
        said = capsys.readouterr()
        assert said.err == f"minprune demo: out must be a folder, got the file {tmp_path / 'file'}\n"
        assert said.out == ""
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_can_not_be_written_is_refused_before_training(tmp_path, capsys, monkeypatch):
    def access(place, mode):  # as anybody but root is told
        return not mode & os.W_OK or bool(os.stat(place).st_mode & 0o200)

    monkeypatch.setattr("os.access", access)
    tmp_path.chmod(0o555)
    try:
        codes = [cli.main(small(place)) for place in (tmp_path, tmp_path / "new" / "below")]
    finally:
        tmp_path.chmod(0o755)
    said = capsys.readouterr()
    assert codes == [2, 2]
    assert said.err == 2 * f"minprune demo: out must be a folder that can be written, got {tmp_path}\n"
    assert said.out == ""
    assert not os.listdir(tmp_path)


def test_version_and_help_say_what_they_should(capsys):
    for flag, text in (("--version", f"minprune {__version__}\n"), ("--help", "demo")):
        with pytest.raises(SystemExit) as stopped:
            cli.main([flag])
        assert stopped.value.code == 0
        assert text in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="SIGINT can't be sent to a single process on Windows")
def test_ctrl_c_ends_with_130_and_leaves_no_file(tmp_path):
    started = subprocess.Popen(
        [sys.executable, "-u", "-m", "minprune", "demo", "--data", "digits", "--out", str(tmp_path / "out")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in started.stdout:
        if line.startswith("1 CHOOSE"):
            started.send_signal(signal.SIGINT)
            break
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert said == "\nminprune demo: interrupted; no half-written file is left\n"
    assert not (tmp_path / "out").exists()


def test_interrupted_while_writing_it_leaves_the_earlier_report(tmp_path, capsys, quick, monkeypatch):
    (tmp_path / "report.html").write_text("earlier")

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    assert cli.main(small(tmp_path)) == 130
    assert os.listdir(tmp_path) == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "earlier"


def test_output_that_the_terminal_cannot_show_is_replaced(tmp_path):
    asked = [sys.executable, "-m", "minprune", "demo", "--help"]
    done = subprocess.run(asked, cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True)
    assert done.returncode == 0


def test_output_can_go_to_a_stream_that_is_no_terminal_and_no_file():
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        assert cli.main(["laws", "Counting"]) == 0
        assert cli.main(["laws", "none"]) == 2
    assert out.getvalue().startswith("Counting\n")
    assert err.getvalue().startswith("minprune laws: group must be")


def test_laws_are_printed_by_group_or_all(capsys):
    assert cli.main(["laws", "Counting"]) == 0
    counting = capsys.readouterr().out
    assert counting.startswith("Counting\n")
    assert "exact_count" in counting
    assert cli.main(["laws"]) == 0
    everything = capsys.readouterr().out
    assert counting.strip() in everything
    assert "refuse_all_damage" in everything


def test_a_group_that_is_not_there_is_named(capsys):
    assert cli.main(["laws", "Countin"]) == 2
    said = "minprune laws: group must be one of the laws' groups, got 'Countin'; did you mean 'Counting'?"
    assert capsys.readouterr().err.startswith(said)
