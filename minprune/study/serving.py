"""Serving for real: requests that arrive whether or not the server is ready, answered one by one, on the clock.

The arrival times are drawn beforehand and nothing moves them: an *open loop*, as with customers who don't know of each
other. A tester that sends the next request when the last one is answered, a closed loop, goes easy on a slow server: it
sends nothing while the server is stuck, and the requests that would have waited are not there to be counted. That is
the "coordinated omission" of Gil Tene's talk "How NOT to measure latency" (2013), and why open and closed tests differ
by orders of magnitude: Schroeder, Wierman & Harchol-Balter (2006), "Open versus closed: a cautionary tale", NSDI.

    response time = finished − arrived = (started − arrived) + (finished − started) = waiting + service

Several models take turns, a slice each, so that the machine's drift hits all alike. Each has a clock of its own that
stands still while others have their turn; a queue left at the end of a slice is there when the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns, sleep

import numpy as np

from minprune.arguments import Array
from minprune.study.evaluation import Model
from minprune.study.queueing import percentile

_SPIN = 500_000  # nanoseconds before an arrival from which on the clock is watched: sleep() may come back late
_PATIENCE = 2  # times its length: when a stream is given up whose requests come faster than they are answered


@dataclass(frozen=True, eq=False, repr=False)
class Served:
    """A stream of requests and what became of it; times in seconds on the model's own clock.

    Attributes
    ----------
    rate : float
        Requests a second, on average.
    arrived : array, (requests,)
    started, finished : array, (answered,)
        Of those that were answered, the first ones.
    ended : float
        When the server stopped.
    """

    rate: float
    arrived: Array
    started: Array
    finished: Array
    ended: float

    @property
    def service(self) -> Array:
        """Seconds that each answer took, without waiting."""
        result: Array = self.finished - self.started
        return result

    @property
    def occupied(self) -> Array:
        """Seconds that each request held the server up: from its arrival, or the answer before it, to its answer.

        Unlike `service`, this has in it what kept the server from starting at once, such as other programs. Put into
        Lindley's recursion with the arrivals that were, it gives the response times that were, exactly.
        """
        n = len(self.finished)
        result: Array = self.finished - np.maximum(self.arrived[:n], np.concatenate([[0.0], self.finished[:-1]]))
        return result

    @property
    def response(self) -> Array:
        """Seconds from each arrival to its answer; to the end where there was none, which is too little."""
        ends = np.full(len(self.arrived), self.ended)
        ends[: len(self.finished)] = self.finished
        result: Array = ends - self.arrived
        return result

    @property
    def unanswered(self) -> int:
        return len(self.arrived) - len(self.finished)

    @property
    def utilisation(self) -> float:
        """The share of the time in which the server was busy."""
        return float(self.service.sum() / self.ended)

    def percentile(self, share: float) -> float | None:
        """Return the time within which this share got an answer; None if so few came that it would be the slowest."""
        if len(self.arrived) * (1 - share) < 1 - 1e-9:
            return None
        return percentile(self.response, share)

    def within(self, budget: float) -> float:
        """Return the share of all requests that was answered within `budget` seconds of its arrival."""
        answered = self.response[: len(self.finished)]
        return float(np.count_nonzero(answered <= budget) / len(self.arrived))


def serve_in_turns(
    models: Mapping[str, Model],
    rows: Sequence[Array],
    streams: Mapping[str, tuple[float, Array]],
    *,
    seconds: float,
    slices: int,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Served]:
    """Let each model serve its own stream, in turns.

    Parameters
    ----------
    models : mapping of str to model
    rows : sequence of array, (1, inputs)
        What the requests ask, one after another, and again from the first.
    streams : mapping of str to (rate, arrival times)
        For some or all of the models; arrival times in seconds, rising.
    seconds : float
        The length of the streams. Where there still is a queue the server goes on for as long again at most.
    slices : int
        Into which `seconds` is cut.
    step : function
        Called after every turn.

    Returns
    -------
    dict of str to Served
    """
    servers = {name: _Server(models[name], rows, arrived) for name, (_, arrived) in streams.items()}
    names = list(servers)
    for turn in range(_PATIENCE * slices):
        until = round((turn + 1) * seconds / slices * 1e9)
        for i in range(len(names)):
            server = servers[names[(turn + i) % len(names)]]
            if turn < slices or not server.done:
                server.serve(until)
                step()
    return {name: servers[name].served(rate, seconds) for name, (rate, _) in streams.items()}


class _Server:
    """A model with its stream, the clock it is on, and how far it has come."""

    def __init__(self, model: Model, rows: Sequence[Array], arrived: Array) -> None:
        self._model, self._rows = model, rows
        self._arrived: list[int] = np.round(arrived * 1e9).astype(np.int64).tolist()
        self._started: list[int] = []
        self._finished: list[int] = []
        self._clock = 0

    @property
    def done(self) -> bool:
        return len(self._finished) == len(self._arrived)

    def serve(self, until: int) -> None:
        """Take the requests in order until the clock says `until`; who is being served then is served."""
        model, rows, arrived = self._model, self._rows, self._arrived
        model(rows[-1])  # not counted: the cache is full of the other models
        shift = perf_counter_ns() - self._clock  # from its own clock to that of the machine
        while not self.done:
            n = len(self._finished)
            if arrived[n] >= until:
                break
            _wait_until(arrived[n] + shift)
            started = perf_counter_ns() - shift
            if started >= until:
                break
            model(rows[n % len(rows)])
            self._finished.append(max(perf_counter_ns() - shift, started + 1))  # a coarse clock may not have moved
            self._started.append(started)
        self._clock = max(until, self._finished[-1] if self._finished else 0)

    def served(self, rate: float, seconds: float) -> Served:
        arrived, started, finished = (
            np.array(times, np.float64) * 1e-9 for times in (self._arrived, self._started, self._finished)
        )
        ended = max([seconds, *finished[-1:].tolist()]) if self.done else self._clock * 1e-9
        return Served(rate, arrived, started, finished, ended)


def _wait_until(moment: int) -> None:
    """Sleep, and then watch the clock, until it says `moment`."""
    left = moment - perf_counter_ns()
    if left > _SPIN:
        sleep((left - _SPIN) * 1e-9)
    while perf_counter_ns() < moment:
        pass
