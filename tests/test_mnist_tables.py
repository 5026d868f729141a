"""The programs behind the MNIST tables run to their end, small, and go on where they were stopped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = ["--rows", "200", "--epochs", "1", "--seeds", "0"]


def run(name, folder, *options):
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONIOENCODING": "utf-8"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    program = ROOT / "tutorials" / "mnist" / f"{name}.py"
    command = [sys.executable, "-W", "error", str(program), *SMALL, "--workers", "0", "--out", str(folder), *options]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return (folder / f"mnist_{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("headline", ["--sparsities", "0.95"], ["95 %", "13,310", "How the recipe was chosen", "SNIP"]),
        ("tickets", [], ["ticket", "reinitialised", "shuffled", "80.4 %", "98 %"]),
        (
            "criteria",
            ["--tuning", "1", "--sparsities", "0.9", "--shares", "0.5"],
            ["with ErdosRenyi: before", "SynFlow", "random", "NeuronTaylor", "worse than random"],
        ),
    ],
)
def test_a_table_is_made_and_kept(tmp_path, name, options, says):
    text = run(name, tmp_path, *options)
    for words in says:
        assert words in text
    assert (tmp_path / f"mnist_{name}.png").stat().st_size > 10_000
    runs = sorted((tmp_path / "mnist-runs").rglob("*.json"))
    times = [path.stat().st_mtime_ns for path in runs]
    assert run(name, tmp_path, *options) == text  # from what was kept
    assert [path.stat().st_mtime_ns for path in runs] == times
