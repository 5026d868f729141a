"""What a person sees in a terminal: aligned tables and a progress bar."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", left: int = 1) -> str:
    """Return rows as aligned text: `left` columns to the left, the others to the right, a rule under the headers.

    A row that is empty becomes a rule. Cells are shown by ``str``; format numbers before.

    Examples
    --------
    >>> print(table(["layer", "kept"], [["dense1", 12], ["dense2", 7]]))
    layer   kept
    ────────────
    dense1    12
    dense2     7
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(header)] + [len(row[i]) for row in cells if len(row) > i]) for i, header in enumerate(headers)]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))

    def line(row: Sequence[str]) -> str:
        if not row:
            return rule
        pairs = zip(row, widths, strict=False)
        return "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(pairs)).rstrip()

    return "\n".join([*([title] if title else []), line(list(headers)), rule, *(line(row) for row in cells)])


def count(number: float) -> str:
    """Return a whole number with thousands separators: ``266,200``."""
    return f"{round(number):,}"


def percent(share: float, digits: int = 1) -> str:
    """Return a fraction for a reader: ``0.951`` → ``95.1 %``. Parameters and results stay fractions."""
    return f"{100 * share:.{digits}f} %"


def size(nbytes: float) -> str:
    """Return bytes with a unit that keeps three digits: ``640 B``, ``12.0 kB``, ``1.06 MB``; a kB is 1000 bytes."""
    if round(nbytes) < 1000:
        return f"{nbytes:.0f} B"
    return _three_digits(nbytes, [(1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")])


def duration(seconds: float) -> str:
    """Return a time with a unit that keeps three digits: ``8.31 µs``, ``12.0 ms``, ``1 min 20 s``."""
    if seconds == 0:
        return "0 s"
    if float(f"{seconds:.3g}") >= 60:
        return "{} min {} s".format(*divmod(round(seconds), 60))
    return _three_digits(seconds, [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")])


def _three_digits(value: float, units: Sequence[tuple[float, str]]) -> str:
    """Return `value` in the largest unit that it fills once rounded: 999.7 kB is 1.00 MB."""
    rounded = float(f"{value:.3g}")
    scale, unit = next((pair for pair in reversed(units) if rounded >= pair[0]), units[0])
    number = f"{value / scale:#.3g}".rstrip(".")  # the # keeps the zeros of 12.0
    return f"{number} {unit}"


class Progress:
    """A one-line progress bar on a terminal, and silence everywhere else.

    Parameters
    ----------
    total : int
        How many steps there will be.
    label : str
        What is going on.
    shown : bool, optional
        Force the bar on or off; None shows it only where `stream` is a terminal.

    Examples
    --------
    >>> with Progress(3, "training") as bar:
    ...     for epoch in range(3):
    ...         bar.step(f"loss {1 / (epoch + 1):.2f}")
    """

    _WIDTH = 24

    def __init__(self, total: int, label: str, *, shown: bool | None = None, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.shown = self.stream.isatty() if shown is None else shown
        self.total, self.label, self.done = total, label, 0
        self._began = self._drawn = time.perf_counter()
        self._note = ""

    def step(self, note: str = "", *, by: int = 1) -> None:
        """Count `by` steps as done; redraw at most ten times a second, and at the end."""
        self.done += by
        self._note = note or self._note
        now = time.perf_counter()
        if self.shown and (now - self._drawn > 0.1 or self.done >= self.total):
            self._drawn = now
            self._draw(now)

    def _draw(self, now: float) -> None:
        share = min(1.0, self.done / max(1, self.total))
        bar = "█" * round(self._WIDTH * share)
        left = (now - self._began) * (1 - share) / share if share else 0.0
        text = f"{self.label} {bar:░<{self._WIDTH}} {self.done}/{self.total}  {duration(left)} left  {self._note}"
        room = shutil.get_terminal_size().columns - 1  # a line that wraps could not be overwritten
        self.stream.write(f"\r\x1b[2K{text[:room]}")
        self.stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.shown:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()

    def __repr__(self) -> str:
        return f"Progress({self.label!r}, {self.done}/{self.total})"
