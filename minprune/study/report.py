"""A report: one HTML page that holds everything it shows.

Pictures are inline SVG, there is no script and nothing is fetched, so the file can be mailed, archived and read on a
phone. Wide tables scroll inside their own frame; the page itself never does sideways.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from minprune.errors import InvalidValueError
from minprune.storage import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5b6675; --line: #dfe4ea; --tint: #f4f6f9; --mark: #1f5fa8; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); overflow-wrap: break-word;
       font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
header p { color: var(--soft); margin: .25rem 0 0; }
h1 { font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.2; margin: 0; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 3rem 0 .5rem; padding-top: 1rem;
     border-top: 2px solid var(--line); }
h2 b { display: inline-block; min-width: 1.9em; margin-right: .5em; padding: .05em .4em; border-radius: .35em;
       background: var(--mark); color: #fff; text-align: center; }
p { margin: .7rem 0; }
ul { padding-left: 1.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(13rem, 45%), 1fr)); gap: .7rem;
         margin: 1.4rem 0; }
.tile { background: var(--tint); border-radius: .6rem; padding: .8rem .9rem; }
.tile span { display: block; color: var(--soft); font-size: .82rem; line-height: 1.35; }
.tile strong { display: block; font-size: 1.55rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
figure { margin: 1.3rem 0; }
figure svg { display: block; width: 100%; max-width: 40rem; height: auto; }
figcaption { color: var(--soft); font-size: .88rem; line-height: 1.45; margin-top: .4rem; max-width: 40rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 600; border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th, td { padding: .32rem .75rem .32rem 0; text-align: right; white-space: nowrap; }
th.left, td.left { text-align: left; }
tr.rule td { border-top: 1px solid var(--soft); }
tbody tr + tr td { border-top: 1px solid var(--line); }
pre { overflow-x: auto; background: var(--tint); border-radius: .6rem; padding: .8rem 1rem; font-size: .78rem;
      line-height: 1.45; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--mark); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 2px solid var(--line); color: var(--soft);
         font-size: .88rem; }
@media print { details > * { display: block; } }
"""


class Report:
    """A page in the making: add sections, words, tables and figures in reading order, then `write` it.

    Every text is shown as it is: ``<`` is a ``<``.

    Parameters
    ----------
    title : str
    lead : str
        A line below the title.

    Examples
    --------
    >>> page = Report("Pruning in one page")
    >>> page.section("Choose", number=1)
    >>> page.text("The smallest weights go.")
    >>> page.table(["layer", "kept"], [["dense1", "12"]])
    >>> page
    Report('Pruning in one page', 3 parts)
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title, self.lead = title, lead
        self._parts: list[str] = []
        self._figures = 0

    def section(self, title: str, *, number: int | None = None) -> None:
        """Begin a section; a `number` stands before its title."""
        mark = "" if number is None else f"<b>{number}</b>"
        self._parts.append(f"<h2>{mark}{escape(title)}</h2>")

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(f"<p>{escape(text)}</p>")

    def points(self, lines: Sequence[str]) -> None:
        """Add a list of short lines."""
        self._parts.append("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>")

    def tiles(self, tiles: Sequence[tuple[str, str, str]]) -> None:
        """Add the figures that matter most, each (what, value, beside what)."""
        cells = [
            f'<div class="tile"><span>{escape(what)}</span><strong>{escape(value)}</strong>'
            f"<span>{escape(beside)}</span></div>"
            for what, value, beside in tiles
        ]
        self._parts.append(f'<div class="tiles">{"".join(cells)}</div>')

    def table(
        self, headers: Sequence[str], rows: Sequence[Sequence[object]], *, left: int = 1, caption: str = ""
    ) -> None:
        """Add a table as `minprune.display.table` takes it: `left` columns to the left, an empty row for a rule."""

        def line(cells: Sequence[object], tag: str, kind: str) -> str:
            sides = [' class="left"' if i < left else "" for i in range(len(cells))]
            inner = "".join(f"<{tag}{s}>{escape(str(c))}</{tag}>" for c, s in zip(cells, sides, strict=True))
            return f"<tr{kind}>{inner}</tr>"

        body, rule = [], ""
        for row in rows:
            if len(row) not in (0, len(headers)):
                raise InvalidValueError(f"rows must have {len(headers)} cells each, got {len(row)} in table()")
            body += [line(row, "td", rule)] if row else []
            rule = "" if row else ' class="rule"'
        words = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
        grid = f"<table><thead>{line(headers, 'th', '')}</thead><tbody>{''.join(body)}</tbody></table>"
        self._parts.append(f'<figure><div class="wide">{grid}</div>{words}</figure>')

    def figure(self, figure: Figure, caption: str) -> None:
        """Add a matplotlib figure, drawn as inline SVG; the caption says what is to be seen in it."""
        from minprune.study.plots import to_svg

        self._figures += 1
        drawn = to_svg(figure, prefix=f"figure{self._figures}")
        self._parts.append(f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>")

    def code(self, text: str) -> None:
        """Add lines as a terminal shows them."""
        self._parts.append(f"<pre>{escape(text)}</pre>")

    def fold(self, summary: str, text: str) -> None:
        """Add lines as a terminal shows them, folded away behind a summary until the reader opens it."""
        self._parts.append(f"<details><summary>{escape(summary)}</summary><pre>{escape(text)}</pre></details>")

    def html(self, footer: str = "") -> str:
        """Return the page, with `footer` below it."""
        lead = f"<p>{escape(self.lead)}</p>" if self.lead else ""
        foot = f"<footer>{escape(footer)}</footer>" if footer else ""
        body = "\n".join(self._parts)
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<header><h1>{escape(self.title)}</h1>{lead}</header>\n{body}\n{foot}\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: Path | str, footer: str = "") -> Path:
        """Write the page, whole or not at all, and return its path.

        Raises
        ------
        StorageError
            The file system refuses.
        """
        return write_whole(path, self.html(footer))

    def __repr__(self) -> str:
        return f"Report({self.title!r}, {len(self._parts)} parts)"
