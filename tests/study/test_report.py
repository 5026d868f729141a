"""A report is one page that holds everything, shows texts as they are, and is well-formed."""

from html.parser import HTMLParser

import pytest

from minprune.errors import InvalidValueError
from minprune.study.report import Report

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Collects texts and attributes; fails on a tag that is closed wrongly or not at all."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts, self.attributes = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)


def every_part():
    page = Report("Title <1>", "lead & more")
    page.section("Choose", number=1)
    page.section("Plain")
    page.text("a < b & c > d")
    page.points(["first <i>", "second"])
    page.tiles([("what <w>", "9 < 10", "beside")])
    page.table(["name", "n"], [["<a>", 1], [], ["total", 2]], caption="say <what>")
    page.code("x <- 1")
    page.fold("open <me>", "inner <text>")
    return page


def test_every_text_is_shown_as_it_is():
    seen = Reader(every_part().html("foot <note>"))
    for text in ("Title <1>", "lead & more", "a < b & c > d", "first <i>", "what <w>", "9 < 10", "<a>", "say <what>"):
        assert text in seen.texts
    for text in ("x <- 1", "open <me>", "inner <text>", "foot <note>"):
        assert text in seen.texts


PARTS = {
    "section": (lambda page: page.section("Plain <1>"), "<h2>Plain &lt;1&gt;</h2>"),
    "numbered": (lambda page: page.section("Choose", number=0), "<h2><b>0</b>Choose</h2>"),
    "text": (lambda page: page.text("a < b & c"), "<p>a &lt; b &amp; c</p>"),
    "points": (lambda page: page.points(["<i>", "b", "c"]), "<ul><li>&lt;i&gt;</li><li>b</li><li>c</li></ul>"),
    "tiles": (
        lambda page: page.tiles([("what <w>", "9 < 10", "beside & by"), ("a", "b", "c")]),
        '<div class="tiles"><div class="tile"><span>what &lt;w&gt;</span><strong>9 &lt; 10</strong>'
        "<span>beside &amp; by</span></div>"
        '<div class="tile"><span>a</span><strong>b</strong><span>c</span></div></div>',
    ),
    "table": (
        lambda page: page.table(["name", "n"], [["<a>", 1], [], ["total", None]], caption="say <what>"),
        '<figure><div class="wide"><table><thead><tr><th class="left">name</th><th>n</th></tr></thead><tbody>'
        '<tr><td class="left">&lt;a&gt;</td><td>1</td></tr>'
        '<tr class="rule"><td class="left">total</td><td>None</td></tr></tbody></table></div>'
        "<figcaption>say &lt;what&gt;</figcaption></figure>",
    ),
    "table of words": (
        lambda page: page.table(["a", "b", "c"], [["x", "y", "z"]], left=2),
        '<figure><div class="wide"><table><thead><tr><th class="left">a</th><th class="left">b</th><th>c</th></tr>'
        '</thead><tbody><tr><td class="left">x</td><td class="left">y</td><td>z</td></tr></tbody>'
        "</table></div></figure>",
    ),
    "empty table": (
        lambda page: page.table(["a"], [], left=0),
        '<figure><div class="wide"><table><thead><tr><th>a</th></tr></thead><tbody></tbody></table></div></figure>',
    ),
    "code": (lambda page: page.code("x <- 1\n y"), "<pre>x &lt;- 1\n y</pre>"),
    "fold": (
        lambda page: page.fold("open <me>", "inner <text>"),
        "<details><summary>open &lt;me&gt;</summary><pre>inner &lt;text&gt;</pre></details>",
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_written_as_it_was(part):
    add, html = PARTS[part]
    page = Report("t")
    add(page)
    assert f"<header><h1>t</h1></header>\n{html}\n\n</main>" in page.html()
    assert repr(page) == "Report('t', 1 parts)"


def test_the_page_around_the_parts_is_what_it_was():
    page = Report("A <title>", "A lead & more")
    page.code("first")
    page.code("second")
    text = page.html("foot <note>")
    head, style, rest = text.partition("<style>")[0], *text.partition("<style>")[2].split("</style>")
    assert head == (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>A &lt;title&gt;</title>\n'
    )
    assert style.count("{") == style.count("}") > 20
    assert rest == (
        "\n</head>\n<body>\n<main>\n<header><h1>A &lt;title&gt;</h1><p>A lead &amp; more</p></header>\n"
        "<pre>first</pre>\n<pre>second</pre>\n<footer>foot &lt;note&gt;</footer>\n</main>\n</body>\n</html>\n"
    )


def test_there_is_no_script_and_nothing_is_fetched():
    page = every_part()
    seen = Reader(page.html())
    assert not {"script", "link", "iframe", "img", "object"} & set(seen.tags)
    assert not [value for name, value in seen.attributes if name in ("src", "href", "srcset")]
    assert "url(" not in page.html()
    assert "@import" not in page.html()
    assert ("name", "viewport") in seen.attributes


def test_an_empty_row_is_a_rule_above_the_next():
    page = Report("t")
    page.table(["a"], [["x"], [], ["y"]])
    assert '<tr><td class="left">x</td></tr><tr class="rule"><td class="left">y</td></tr>' in page.html()


def test_a_row_of_another_length_is_refused_and_adds_nothing():
    page = Report("t")
    with pytest.raises(InvalidValueError, match=r"rows must have 2 cells each, got 1 in table\(\)"):
        page.table(["a", "b"], [["x"]])
    assert repr(page) == "Report('t', 0 parts)"


def test_figures_are_inline_svg_with_ids_of_their_own():
    from matplotlib.figure import Figure

    page = Report("t")
    for _ in range(2):
        figure = Figure()
        figure.subplots().plot([1, 2], [3, 4])
        page.figure(figure, "a line & more")
    seen = Reader(page.html())
    assert seen.tags.count("svg") == 2
    ids = [value for name, value in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert seen.texts.count("a line & more") == 2


def test_without_a_lead_a_caption_or_a_footer_there_is_none():
    page = Report("t")
    page.table(["a"], [["x"]])
    text = page.html()
    assert "<header><h1>t</h1></header>" in text
    assert "</table></div></figure>\n\n</main>" in text


def test_it_is_written_whole(tmp_path):
    page = every_part()
    path = page.write(tmp_path / "new" / "report.html", "foot")
    assert path.read_text(encoding="utf-8") == page.html("foot")
    assert page.html() == every_part().html()
    assert page.write(str(path)) == path
    assert path.read_text(encoding="utf-8") == page.html()
