"""The demo on customers: who is refused for nothing, told in the verdict and on the page, for all and by group."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from minprune.datasets import deal
from minprune.display import count, percent
from minprune.study import comparison, demo, page

FILE = Path(__file__).parents[2] / "data" / "credit.npz"


@pytest.fixture(scope="module")
def story():
    with pytest.MonkeyPatch.context() as patch:
        compare = comparison.compare
        patch.setattr(demo, "compare", lambda *args, **how: compare(*args, **how | {"seconds": 0.01, "rounds": 3}))
        return demo.run("credit", epochs=1, say=lambda text: None)


@pytest.fixture(scope="module")
def written(story, tmp_path_factory):
    report, figures = page.write(story, tmp_path_factory.mktemp("out"))
    return report.read_text(encoding="utf-8"), json.loads(figures.read_text())


def refused(model, part):
    """Return who is refused if the strictest threshold is taken that still catches 80 % of those who default."""
    z = model(part.x)
    score = z[:, 1] - z[:, 0]
    defaulters = sorted(score[part.y == 1], reverse=True)
    return score >= defaulters[math.ceil(0.8 * len(defaulters)) - 1]


def tables(text):
    """Return the tables of a page as lists of rows of cells, headers first."""
    return [
        [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall("<tr.*?</tr>", table)]
        for table in re.findall("<table>.*?</table>", text)
    ]


def test_the_verdict_counts_good_customers_refused_and_those_decided_otherwise(story):
    test, good = story.data.test, story.data.test.y == 0
    dense, pruned = refused(story.dense, test), refused(story.program, test)
    customers, otherwise = story.verdict()[-2:]
    assert customers == (
        f"Customers: to catch 80 % of those who default, {percent(pruned[good].mean())} of the good ones are refused; "
        f"dense, {percent(dense[good].mean())}."
    )
    other = int(np.count_nonzero(dense != pruned))
    assert otherwise.startswith(f"{count(other)} of 6,000 test rows ({percent(other / 6000)}) are decided otherwise")


def test_the_page_shows_how_women_and_men_young_and_old_fare_with_either_network(story, written):
    with np.load(FILE) as facts:
        train, _, rows = deal(facts["default"], (0.6, 0.2, 0.2), np.random.default_rng(0))
        female, young = facts["SEX"][rows] == 2, facts["AGE"][rows] < np.median(facts["AGE"][train])
    members = {"men": ~female, "women": female, "older half": ~young, "younger half": young}
    test, good = story.data.test, story.data.test.y == 0
    decisions = [refused(model, test) for model in (story.dense, story.program)]
    (found,) = [rows for rows in tables(written[0]) if rows[0][0] == "customers"]
    assert found[0] == ["customers", "number", "caught: dense", "pruned", "false declines: dense", "pruned"]
    assert found[1:] == [
        [name, count(who.sum())] + [percent(gone[who & side].mean()) for side in (~good, good) for gone in decisions]
        for name, who in members.items()
    ]


def test_the_page_speaks_of_customers_and_shows_false_declines_of_every_model(story, written):
    text, figures = written
    assert "Evaluate on customers not seen before" in text
    (models,) = [rows for rows in tables(text) if rows[0][:3] == ["model", "AUC", "false declines"]]
    shares = {name: percent(refused(model, story.data.test)[story.data.test.y == 0].mean())
              for name, model in (("dense network", story.dense), ("pruned, packed", story.program))}  # fmt: skip
    assert shares.items() <= {row[0]: row[2] for row in models[1:]}.items()
    tile = f"<span>Good customers refused</span><strong>{shares['pruned, packed']}</strong>"
    assert f"{tile}<span>dense {shares['dense network']}, at equal recall</span>" in text
    assert {name: len(of["pruned"]["groups"]) for name, of in figures["groups"].items()} == {"sex": 2, "age": 2}


def test_a_story_is_named_by_the_command_that_tells_it_again(story):
    assert repr(story) == f"Story({story.settings.command!r})"
    assert story.settings.command.startswith("minprune demo --data credit --criterion magnitude ")
