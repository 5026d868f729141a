"""What the README shows works as it stands there, and what it links to is there."""

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_code_runs_and_prunes_what_it_says(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    steps, questions, fast, prove = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    names = {}
    exec(compile(steps, "README.md", "exec"), names)
    net, pruned, program, test = names["net"], names["pruned"], names["program"], names["data"].test
    assert net.sparsity == 0
    assert pruned.kept == net.weights - round(0.9 * net.weights) == names["plan"].weights - names["plan"].achieved
    np.testing.assert_allclose(program(test.x), pruned(test.x), atol=1e-4)
    assert "dense1.weight (3, 17)" in capsys.readouterr().out
    exec(compile(questions, "README.md", "exec"), names)
    for made, share in ((names["plan"], 0.9), (names["facts"], 0.6)):
        assert made.requested == round(share * net.weights)
        assert made.achieved <= made.requested
    assert names["facts"].apply(net).parameters["dense1.weight"].mask.any(axis=1).sum() < net.inputs
    assert "in vector of input 3 and outputs 16–31 of dense1" in capsys.readouterr().out
    shorter = {"seconds=5": "seconds=0.05", "[256, 1024], [0.5, 0.9, 0.99], [1, 256]": "[16], [0.9], [1]"}
    for long, short in shorter.items():
        assert long in fast
        fast = fast.replace(long, short)
    exec(compile(fast, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "Program for batches of 16" in printed
    assert "dense1: " in printed
    assert names["smaller"].weights < names["pruned"].weights
    assert set(names["served"].served) == {"dense", "pruned"}
    exec(compile(prove, "README.md", "exec"), names)
    assert "exact_count" in capsys.readouterr().out
    np.testing.assert_array_equal(names["mp"].load("pruned.safetensors")(test.x), names["pruned"](test.x))


def test_there_is_one_command_for_each_job_and_it_is_one_line():
    for mark in ("main", "test"):
        [command] = re.findall(rf"^<!-- {mark} -->\n```sh\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
        assert command.count("\n") == 1


def test_what_it_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) >= 4
    for link in links:
        assert (ROOT / link).exists(), link


def test_each_command_names_a_file_that_is_there():
    scripts = re.findall(r"`python (\S+\.py)", README)
    assert len(scripts) >= 4
    for script in scripts:
        assert (ROOT / script).is_file(), script
