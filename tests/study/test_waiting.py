import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from matplotlib.colors import to_hex

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.drawing import COLOURS, INK
from minprune.study.replay import Highest, Replay
from minprune.study.serving import Served
from minprune.study.timing import Blas
from minprune.study.waiting import plot_replay

pytestmark = pytest.mark.usefixtures("unlaid")


def stream(rate, response, unanswered=0):
    n = len(response)
    arrived = np.arange(n + unanswered) / rate
    return Served(rate, arrived, arrived[:n], arrived[:n] + response, (n + unanswered) / rate)


def replayed(**more):
    draws = np.random.default_rng(0)
    dense = stream(50.0, 0.008 * (1 + draws.exponential(size=1000)))
    pruned = stream(50.0, 0.001 * (1 + draws.exponential(size=1000)))
    runs = [stream(300.0, np.full(100, 0.012)), stream(330.0, np.full(100, 9.0))]
    highest = {"dense": Highest(0.0, (), None), "pruned": Highest(300.0, tuple(runs), 300.0)}
    served = {"dense": dense, "pruned": pruned}
    return Replay(50.0, 20.0, 0.02, served, highest, Blas("b", 1, "s"), draws.exponential(size=20_000))


def lines_of(axis, colour):
    return [line for line in axis.lines if to_hex(line.get_color()).upper() == colour.upper()]


def test_every_request_is_on_the_curve_at_the_share_that_was_answered_by_then():
    found = replayed()
    above, _ = plot_replay(found).axes
    for k, served in enumerate(found.served.values()):
        x, y = lines_of(above, COLOURS[k])[0].get_data()
        times = np.sort(served.response)
        for at, time in zip(x, y, strict=True):
            assert time == times[round(1000 - 1000 / at)]  # as many are faster as the share says
        assert (x[0], x[-1]) == (1, 1000)
        assert (y[0], y[-1]) == (times[0], times[-1])


def test_marks_stand_at_the_percentiles():
    found = replayed()
    above, _ = plot_replay(found).axes
    marks = lines_of(above, COLOURS[1])[1]
    assert marks.get_xdata() == pytest.approx([2, 10, 100, 1000])
    assert list(marks.get_ydata()) == [found.served["pruned"].percentile(share) for share in (0.5, 0.9, 0.99, 0.999)]
    assert [tick.get_text() for tick in above.get_xticklabels()] == ["50 %", "90 %", "99 %", "99.9 %"]


def test_the_line_by_rate_is_computed_and_the_marks_are_the_runs():
    found = replayed()
    _, below = plot_replay(found).axes
    line, *marks = lines_of(below, COLOURS[1])
    for rate, time in zip(*line.get_data(), strict=True):
        assert time == found.response_at("pruned", rate)
    runs = [mark for mark in marks if len(mark.get_xdata()) == 1]
    assert [mark.get_xdata()[0] for mark in runs] == [50.0, 300.0, 330.0]
    assert runs[1].get_ydata()[0] == found.highest["pruned"].tried[0].percentile(0.99)
    assert [to_hex(mark.get_markeredgecolor()).upper() == INK for mark in runs] == [False, True, False]
    dotted = [mark.get_xdata()[0] for mark in marks if len(mark.get_xdata()) == 2]
    assert dotted == [300.0]


def test_a_run_that_fell_behind_does_not_squeeze_all_others():
    _, below = plot_replay(replayed()).axes
    assert below.get_ylim()[1] < 0.5
    assert all(line.get_ydata()[0] <= below.get_ylim()[1] for line in below.lines if len(line.get_xdata()) == 1)


def test_the_budget_is_a_line_in_both_panels_and_labels_say_what_was_found():
    above, below = plot_replay(replayed()).axes
    for axis in (above, below):
        assert any(set(line.get_ydata()) == {0.02} for line in lines_of(axis, INK))
        assert axis.get_yscale() == axis.get_xscale() == "log"
        assert "budget 20.0 ms" in [text.get_text() for text in axis.texts]
    assert {"dense none", "pruned 300/s"} <= {text.get_text() for text in below.texts}


def test_few_requests_and_unanswered_ones_can_be_drawn():
    alone = stream(1.0, np.array([0.5]))
    late = stream(10.0, np.full(20, 3.0), unanswered=30)
    gaps = np.random.default_rng(0).exponential(size=1000)
    highest = Highest(0.0, (), None)
    for served in (alone, late):
        found = Replay(1.0, 1.0, 0.1, {"model": served}, {"model": highest}, Blas("b", 1, "s"), gaps)
        above, _ = plot_replay(found).axes
        assert any("or more" in text.get_text() for text in above.texts) == (served is late)


def test_it_is_written_where_it_is_asked_for_and_titled(tmp_path):
    figure = replayed().plot(tmp_path / "wait.png", title="Waiting")
    assert (tmp_path / "wait.png").read_bytes().startswith(b"\x89PNG")
    assert figure.get_suptitle() == "Waiting"
    assert replayed().plot(title="No file").get_suptitle() == "No file"
    assert plot_replay(replayed()).get_suptitle().splitlines()[-1] == "at 50 random requests a second, waiting included"


def test_what_is_none_is_refused():
    with pytest.raises(
        InvalidTypeError, match=r"^found must be a Replay, got dict in plot_replay\(\); see replay\(\)$"
    ):
        plot_replay({})
    with pytest.raises(InvalidValueError, match=r"^title must not be empty, got '' in plot_replay\(\)$"):
        plot_replay(replayed(), title="")
