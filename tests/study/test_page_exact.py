"""The page and the verdict of a demo, word by word, of stories made by hand: told/*.

PYTHONPATH=. python tests/study/test_page_exact.py        # writes them anew, after a change that is meant
"""

import contextlib
import json
import os
import platform
from dataclasses import replace
from html import escape
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import stories
from drawing_told import describe, without_layout

from minprune.errors import StorageError
from minprune.study import page, plots
from minprune.study.demo import CRITERIA
from minprune.study.report import _STYLE, Report

FOLDER = Path(__file__).parent / "told"
STORIES = {"customers": stories.of_customers, "digits": stories.of_digits}


def drawn(figure, *, prefix):
    return f'<svg id="{prefix}">\n{escape(describe(figure), quote=False)}</svg>'


def captioned(report, figure, caption):
    report.text(f"[a figure] {caption}")


def written(story, pictures):
    """Return the page on a machine of ours, with its pictures in words or left out, since they take their time."""
    with contextlib.ExitStack() as patches:
        patches.enter_context(without_layout())
        patches.enter_context(patch.object(plots, "to_svg", drawn))
        if not pictures:
            patches.enter_context(patch.object(page, "plots"))
            patches.enter_context(patch.object(Report, "figure", captioned))
        report, footer = page.page(story)
        html = report.html(footer).replace(_STYLE, " the style of every page ")
    return html.replace(f"Python {platform.python_version()}, NumPy {np.__version__},", "Python 3.x, NumPy 2.x,")


def files(name):
    """Return what is told of a story, by file name."""
    story = STORIES[name]()
    figures = json.dumps(story.to_dict(), indent=1, default=str)
    return {
        f"{name}.html": written(story, name == "customers"),
        f"{name}.txt": "\n".join(story.verdict()) + "\n",
        f"{name}.json": figures,
    }


def rounded(value):
    """Return plain values with floats to nine digits, which any machine agrees on."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


@pytest.mark.parametrize("name", STORIES)
def test_the_page_the_verdict_and_the_figures_are_what_they_were(name):
    for file, text in files(name).items():
        wanted = (FOLDER / file).read_text(encoding="utf-8")
        if file.endswith("json"):
            assert rounded(json.loads(text)) == rounded(json.loads(wanted))
        else:
            assert text.splitlines() == wanted.splitlines()


def test_the_figures_are_written_beside_the_page_of_which_they_are(tmp_path):
    story, made = stories.of_digits(), Report("A title")
    with patch.object(page, "page", lambda told: (made, "A foot") if told is story else None):
        report, figures = page.write(story, tmp_path / "new" / "folder")
    assert (report, figures) == (tmp_path / "new/folder/report.html", tmp_path / "new/folder/figures.json")
    assert figures.read_text(encoding="utf-8") == json.dumps(story.to_dict(), indent=1) + "\n"
    assert report.read_text(encoding="utf-8") == made.html("A foot")


def test_a_folder_that_is_not_there_is_asked_of_the_one_that_is(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("os.access", lambda place, mode: asked.append((place, mode)) or place != tmp_path / "closed")
    (tmp_path / "closed").mkdir()
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "new", tmp_path / "new" / "below"):
        assert page.check_folder(str(place)) == place
    assert asked == [(tmp_path, os.W_OK | os.X_OK)] * 3
    for name, below, text in (
        ("closed", "", f"out must be a folder that can be written, got {tmp_path / 'closed'}"),
        ("closed", "new", f"out must be a folder that can be written, got {tmp_path / 'closed'}"),
        ("file", "", f"out must be a folder, got the file {tmp_path / 'file'}"),
        ("file", "new", f"out must be a folder, got the file {tmp_path / 'file'}"),
    ):
        with pytest.raises(StorageError) as caught:
            page.check_folder(tmp_path / name / below)
        assert str(caught.value) == text


def test_a_figure_that_is_no_number_is_not_written(tmp_path):
    story = replace(stories.of_digits(), seconds={"training": float("nan"), "pruning": 1.0})
    with pytest.raises(ValueError, match="Out of range float values"), patch.object(page, "page", return_value=(0, 0)):
        page.write(story, tmp_path)


@pytest.mark.parametrize(
    ("share", "digits"), [(0.0, 0), (0.9, 0), (0.29, 0), (0.985, 1), (0.9999, 2), (0.98765, 3), (0.123456789, 3)]
)
def test_a_share_of_per_cent_has_the_digits_that_it_needs(share, digits):
    assert page._digits(share) == digits


@pytest.mark.parametrize(("unused", "told"), [(1, True), (2, True), (12, True), (13, False), (0, False)])
def test_facts_that_play_no_part_are_named_if_they_are_few(unused, told):
    story = stories.of_digits()
    gone = np.arange(14) < unused
    story = replace(story, after=replace(story.after, unused_inputs=gone))
    assert len(story.unused_facts()) == unused
    report = Report("t")
    with patch.object(page, "plots"), patch.object(Report, "figure"):
        page._applied(report, story)
    assert (
        f"not used now. Facts that play no part any more: {', '.join(story.unused_facts())}.</p>" in report.html()
    ) == told
    assert ("Facts" in report.html()) == told


def test_that_nobody_was_refused_for_nothing_is_a_share_of_0():
    story = stories.of_customers()
    found = dict(story.comparison.evaluations)
    for dense, pruned, tile in (
        (0.0, 0.25, "25.0 %</strong><span>dense 0.0 %, at equal recall"),
        (0.25, 0.0, "0.0 %</strong><span>dense 25.0 %, at equal recall"),
    ):
        found["dense"] = replace(found["dense"], false_declines=dense)
        found["pruned program"] = replace(found["pruned program"], false_declines=pruned)
        report = Report("t")
        page._summary(report, replace(story, comparison=replace(story.comparison, evaluations=found)))
        assert f"<span>Good customers refused</span><strong>{tile}</span>" in report.html()


def test_a_class_of_which_a_part_has_no_row_is_a_share_of_0():
    story = stories.of_customers()
    valid = story.data.valid
    data = replace(
        story.data, valid=replace(valid, y=0 * valid.y), test=replace(story.data.test, y=0 * story.data.test.y + 1)
    )
    report = Report("t")
    with patch.object(page, "plots"), patch.object(Report, "figure"):
        page._trained(report, replace(story, data=data))
    for name, rows, *shares in (("valid", 12, "100.0 %", "0.0 %"), ("test", 8, "0.0 %", "100.0 %")):
        cells = "".join(f"<td>{cell}</td>" for cell in (rows, *shares))
        assert f'<tr><td class="left">{name}</td>{cells}</tr>' in report.html()


@pytest.mark.parametrize("data", [("credit", "credit decisions"), ("mnist", "handwritten digits")])
def test_a_page_says_what_it_is_about(data):
    story = stories.of_digits()
    assert page._subject(replace(story, settings=replace(story.settings, data=data[0]))) == data[1]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_is_told_by_what_a_weight_is_worth(criterion):
    story = stories.of_digits()
    rows = tuple(replace(row, criterion=criterion) for row in story.one_shot[:3])
    report = Report("t")
    with patch.object(page, "plots"), patch.object(Report, "figure"):
        page._chosen(report, replace(story, settings=replace(story.settings, criterion=criterion), one_shot=rows))
    assert (
        f"<p>“{criterion}”: a weight is worth {escape(CRITERIA[criterion])}. Which criterion is good" in report.html()
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in STORIES:
        for file, text in files(name).items():
            (FOLDER / file).write_text(text, encoding="utf-8")
