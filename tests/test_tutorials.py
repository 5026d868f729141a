"""The chapters run to their end on NumPy and matplotlib alone, so that all they assert holds, and open as notebooks."""

import ast
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[1] / "tutorials"
CHAPTERS = sorted(TUTORIALS.glob("[0-9][0-9]_*.py"))
README = (TUTORIALS / "README.md").read_text(encoding="utf-8")
LARGEST_PICTURE = 150_000  # bytes

# Runs a chapter as a script, then names what it imported from outside.
RUNNER = """
import runpy, sys
there = set(sys.modules)
runpy.run_path(sys.argv[1], run_name="__main__")
allowed = {"minprune", "numpy", "matplotlib", "mpl_toolkits", "PIL", "contourpy", "cycler", "dateutil", "fontTools",
           "kiwisolver", "packaging", "pyparsing", "six"}
loaded = {name.partition(".")[0] for name in set(sys.modules) - there
          if "-packages" in (getattr(sys.modules[name], "__file__", None) or "")}
extra = sorted(loaded - allowed)
sys.exit(f"imported more than it should: {extra}" if extra else 0)
"""

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def run(chapter: Path, out: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MPLBACKEND": "agg", "MINPRUNE_TUTORIAL_OUT": str(out), "PYTHONIOENCODING": "utf-8"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TUTORIALS.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", "-c", RUNNER, str(chapter)]
    return subprocess.run(command, env=environment, cwd=out, capture_output=True, encoding="utf-8", timeout=300)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All chapters, two at a time: each computes on one thread."""
    with ThreadPoolExecutor(2) as pool:
        outs = {chapter: tmp_path_factory.mktemp(chapter.stem) for chapter in CHAPTERS}
        yield {chapter: (pool.submit(run, chapter, out), out) for chapter, out in outs.items()}


def cells(text: str) -> list[tuple[str, str]]:
    """Return kind and body of each cell of a percent-format script."""
    parts = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
    assert parts[0] == "", "a chapter begins with a cell"
    return [(kind.strip(), body.strip("\n")) for kind, body in zip(parts[1::2], parts[2::2], strict=True)]


def test_there_are_chapters():
    assert {"00_five_steps", "08_sparse_matmul"} <= {chapter.stem for chapter in CHAPTERS}


@each_chapter
def test_chapter_runs_to_its_end_and_leaves_its_pictures(chapter, runs):
    future, out = runs[chapter]
    finished = future.result()
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr
    assert finished.stderr == ""
    pictures = list(out.iterdir())
    assert pictures
    for picture in pictures:
        assert re.fullmatch(rf"{chapter.stem}_\w+\.png", picture.name)
        assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert picture.stat().st_size < LARGEST_PICTURE


@each_chapter
def test_first_cell_is_prose_under_the_chapters_title(chapter):
    kind, body = cells(chapter.read_text(encoding="utf-8"))[0]
    assert kind == "[markdown]"
    assert re.match(rf"# # {int(chapter.stem[:2])} · \S", body)


@each_chapter
def test_prose_is_in_markdown_cells_and_code_parses_cell_by_cell(chapter):
    for kind, body in cells(chapter.read_text(encoding="utf-8")):
        assert kind in ("", "[markdown]")
        if kind == "[markdown]":
            assert all(line == "#" or line.startswith("# ") for line in body.splitlines()), body
            assert body.count("```") % 2 == 0, body
        else:
            assert ast.parse(body).body, "an empty cell"


@each_chapter
def test_a_notebook_shows_every_picture(chapter):
    """A notebook shows the value of a cell's last expression, so that is where a picture is made."""
    shown = 0
    for kind, body in cells(chapter.read_text(encoding="utf-8")):
        if kind == "" and re.search(r"^keep\(", body, flags=re.MULTILINE):
            assert len(re.findall(r"^ *keep\(", body, flags=re.MULTILINE)) == 1
            last = ast.parse(body).body[-1]
            assert isinstance(last, ast.Expr)
            assert ast.unparse(last).startswith("keep(")
            shown += 1
    assert shown


@each_chapter
def test_chapter_ends_in_exercises_with_asserted_answers(chapter):
    text = chapter.read_text(encoding="utf-8")
    exercises = re.search(r"^# ## Exercises\n(.*?)^# ---$", text, flags=re.MULTILINE | re.DOTALL)
    assert exercises
    asked = len(re.findall(r"^# \d+\. ", exercises[1], flags=re.MULTILINE))
    answers = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and "answer_" in node.name]
    assert 3 <= asked <= 5
    assert [answer.name for answer in answers] == [f"answer_{k + 1}" for k in range(asked)]
    for answer in answers:
        assert any(isinstance(node, ast.Assert) for node in ast.walk(answer)), answer.name


@each_chapter
def test_readme_lists_the_chapter_by_its_title(chapter):
    title = chapter.read_text(encoding="utf-8").splitlines()[1].removeprefix("# # ").split(" · ")[1]
    assert f"[{title}]({chapter.name})" in README


def test_readme_shows_pictures_that_are_there_and_small():
    pictures = re.findall(r"\]\((images/[^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert 0 < (TUTORIALS / picture).stat().st_size < LARGEST_PICTURE
