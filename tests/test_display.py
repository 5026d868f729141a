import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune import display
from minprune.display import Progress, count, duration, percent, size, table


def test_a_table_is_aligned_under_its_rule():
    text = table(["layer", "kind", "kept"], [["a", "Dense", 1234], [], ["total", "", 5]], title="Kept", left=2)
    assert text.splitlines() == [
        "Kept",
        "layer  kind   kept",
        "──────────────────",
        "a      Dense  1234",
        "──────────────────",
        "total            5",
    ]


def test_a_table_without_rows_or_title_is_its_headers():
    assert table(["a", "bc"], []).splitlines() == ["a  bc", "─────"]


def test_a_row_may_end_early():
    assert table(["a", "b", "c"], [["x", 1]]).splitlines()[-1] == "x  1"


words = st.text("abc…µ ", max_size=8)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(words, min_size=n, max_size=n), min_size=1)))
def test_every_cell_ends_or_begins_where_its_column_does(rows):
    headers = [f"h{i}" for i in range(len(rows[0]))]
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = table(headers, rows).split("\n")
    assert lines[1] == "─" * len(lines[1])
    for line, row in zip([lines[0], *lines[2:]], [headers, *rows], strict=True):
        assert line == line.rstrip()
        padded, start = line.ljust(len(lines[1])), 0
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            assert padded[start : start + width] == (cell.rjust(width) if i else cell.ljust(width))
            start += width + 2


@pytest.mark.parametrize(
    ("show", "value", "expected"),
    [
        (count, 0, "0"),
        (count, 266200, "266,200"),
        (count, 999.5, "1,000"),
        (percent, 0.951, "95.1 %"),
        (percent, 0.0, "0.0 %"),
        (size, 0, "0 B"),
        (size, 999, "999 B"),
        (size, 1000, "1.00 kB"),
        (size, 12_000, "12.0 kB"),
        (size, 999_499, "999 kB"),
        (size, 999_500, "1.00 MB"),  # not 1e+03 kB
        (size, 1_064_800, "1.06 MB"),
        (size, 2.5e9, "2.50 GB"),
        (size, 3e12, "3.00 TB"),
        (duration, 0, "0 s"),
        (duration, 5e-10, "0.500 ns"),
        (duration, 8.31e-6, "8.31 µs"),
        (duration, 0.9996e-6, "1.00 µs"),  # not 1e+03 ns
        (duration, 0.012, "12.0 ms"),
        (duration, 0.1, "100 ms"),
        (duration, 1, "1.00 s"),
        (duration, 59.9, "59.9 s"),
        (duration, 59.96, "1 min 0 s"),  # not 60 s
        (duration, 80, "1 min 20 s"),
        (duration, 119.7, "2 min 0 s"),  # not 1 min 60 s
        (duration, 6000, "100 min 0 s"),
    ],
)
def test_numbers_are_shown_for_a_reader(show, value, expected):
    assert show(value) == expected


def test_a_percentage_may_have_other_digits():
    assert percent(0.98765, 2) == "98.77 %"
    assert percent(0.5, 0) == "50 %"


SCALES = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


@given(st.one_of(st.tuples(st.just(duration), st.floats(1e-9, 59)), st.tuples(st.just(size), st.floats(1e3, 9e14))))
def test_three_digits_are_kept_whatever_the_unit(shown):
    show, value = shown
    number, unit = show(value).split(" ")
    assert len(number.replace(".", "")) == 3
    assert float(number) * SCALES[unit] == pytest.approx(value, rel=0.005001)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that is a second later each time it is read, and a terminal of 80 columns."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(display.time, "perf_counter", lambda: float(next(ticks)))
    monkeypatch.setattr(display.shutil, "get_terminal_size", lambda: os.terminal_size((80, 24)))


def drawn(stream):
    return stream.getvalue().split("\r\x1b[2K")[1:]


@pytest.mark.usefixtures("clock")
def test_progress_is_drawn_on_a_terminal_and_wiped_at_the_end():
    stream = Terminal()
    with Progress(4, "training", stream=stream) as bar:
        bar.step("loss 0.5")
        bar.step(by=2)
        bar.step("loss 0.1")
    first, second, third, wiped = drawn(stream)
    assert first == "training ██████░░░░░░░░░░░░░░░░░░ 1/4  3.00 s left  loss 0.5"
    assert second == "training ██████████████████░░░░░░ 3/4  667 ms left  loss 0.5"
    assert third == "training ████████████████████████ 4/4  0 s left  loss 0.1"
    assert wiped == ""
    assert repr(bar) == "Progress('training', 4/4)"


@pytest.mark.usefixtures("clock")
def test_progress_never_fills_the_line_since_one_that_wraps_can_not_be_wiped():
    stream = Terminal()
    with Progress(2, "training", stream=stream) as bar:
        bar.step("x" * 200)
    assert len(drawn(stream)[0]) == 79


@pytest.mark.usefixtures("clock")
def test_progress_survives_more_steps_than_it_was_told_and_none_at_all():
    stream = Terminal()
    with Progress(0, "nothing", stream=stream) as bar:
        bar.step()
        bar.step()
    assert [text[:37] for text in drawn(stream)[:2]] == [f"nothing ████████████████████████ {n}/0 " for n in (1, 2)]


def test_progress_is_redrawn_at_most_ten_times_a_second_and_at_the_end(monkeypatch):
    times = iter([0.0, 0.05, 0.09, 0.11, 0.15, 0.2, 0.23, 0.24])
    monkeypatch.setattr(display.time, "perf_counter", lambda: next(times))
    stream = Terminal()
    with Progress(7, "training", stream=stream) as bar:
        for _ in range(7):
            bar.step()
    assert [text.split("░")[-1].split("█")[-1].split()[0] for text in drawn(stream)[:-1]] == ["3/7", "6/7", "7/7"]


def test_progress_is_silent_where_there_is_no_terminal_unless_it_is_forced():
    quiet, forced, off = io.StringIO(), io.StringIO(), Terminal()
    for stream, shown in ((quiet, None), (forced, True), (off, False)):
        with Progress(1, "training", stream=stream, shown=shown) as bar:
            bar.step()
    assert (quiet.getvalue(), off.getvalue()) == ("", "")
    assert "1/1" in forced.getvalue()


def test_progress_is_wiped_when_something_goes_wrong():
    stream = Terminal()
    with pytest.raises(KeyError), Progress(2, "training", stream=stream):
        raise KeyError
    assert stream.getvalue() == "\r\x1b[2K"
