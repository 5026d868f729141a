"""Tables, numbers and the progress bar to the letter, at the places where they change."""

import io
import sys

import pytest

from minprune import display
from minprune.display import Progress, duration, percent, size, table


def test_only_the_first_column_is_to_the_left_and_there_is_no_title_unless_asked_for():
    assert table(["name", "a", "b"], [["x", 1, 22], ["longer", 333, 4]]) == (
        "name      a   b\n"
        "───────────────\n"
        "x         1  22\n"
        "longer  333   4"
    )  # fmt: skip
    assert table(["a", "b"], [["x", "y"]], left=0) == "a  b\n────\nx  y"
    assert table(["ab", "cd"], [["x", "y"]], left=2, title="T") == "T\nab  cd\n──────\nx   y"


def test_a_table_is_as_wide_as_its_columns_also_where_rows_end_early_or_go_on():
    assert table(["a", "b"], [["x"], [], ["long", "y", "beyond"]]) == (
        "a     b\n"
        "───────\n"
        "x\n"
        "───────\n"
        "long  y"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("show", "value", "expected"),
    [
        (size, 999.4, "999 B"),
        (size, 999.6, "1.00 kB"),
        (size, 1e6, "1.00 MB"),
        (size, 1e9, "1.00 GB"),
        (size, 1e12, "1.00 TB"),
        (duration, 1e-9, "1.00 ns"),
        (duration, 1e-6, "1.00 µs"),
        (duration, 1e-3, "1.00 ms"),
        (duration, 59.94, "59.9 s"),
        (duration, 60, "1 min 0 s"),
        (duration, 61.4, "1 min 1 s"),
        (duration, 1e-12, "0.00100 ns"),
        (percent, 1.0, "100.0 %"),
    ],
)
def test_units_change_where_three_digits_are_full(show, value, expected):
    assert show(value) == expected


class Terminal(io.StringIO):
    flushed = 0

    def isatty(self):
        return True

    def flush(self):
        self.flushed += 1


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(display.time, "perf_counter", lambda: Clock.now)
    return Clock


def test_a_bar_is_drawn_after_more_than_a_tenth_of_a_second_and_flushed(clock):
    stream = Terminal()
    bar = Progress(10, "work", stream=stream)
    for now, drawn in ((0.1, False), (0.125, True), (0.2, False), (0.225, False), (0.25, True)):
        clock.now, before = now, len(stream.getvalue())
        bar.step()
        assert (len(stream.getvalue()) > before) == drawn
    assert stream.flushed == 2


def test_the_time_left_is_that_of_the_steps_left(clock):
    stream = Terminal()
    clock.now = 100.0
    bar = Progress(4, "work", stream=stream)
    clock.now = 103.0
    bar.step("first")
    clock.now = 104.0
    bar.step(by=2)
    first, second = stream.getvalue().split("\r\x1b[2K")[1:]
    assert first == "work ██████░░░░░░░░░░░░░░░░░░ 1/4  9.00 s left  first"
    assert second == "work ██████████████████░░░░░░ 3/4  1.33 s left  first"
    assert repr(bar) == "Progress('work', 3/4)"


def test_a_bar_may_be_drawn_before_anything_is_done(clock):
    stream = Terminal()
    bar = Progress(4, "work", stream=stream)
    clock.now = 3.0
    bar.step(by=0)
    assert stream.getvalue() == "\r\x1b[2Kwork ░░░░░░░░░░░░░░░░░░░░░░░░ 0/4  0 s left  "


def test_it_goes_to_standard_error_and_is_wiped_and_flushed(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(2, "work") as bar:
        assert bar.stream is stream
    assert stream.getvalue() == "\r\x1b[2K"
    assert stream.flushed == 1
    with Progress(2, "work", shown=False) as bar:
        bar.step(by=2)
    assert stream.getvalue() == "\r\x1b[2K"
