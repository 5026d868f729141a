"""What a customer on the other side waits: single decisions, asked for at random moments, served for real.

    measured    a stream of requests at a rate, served by each model in turns (see `serving`): how long from the arrival
                to the answer, which share within the budget, and how busy the server is
    computed    the highest rate at which 99 % would be answered within the budget, if each answer held the server up
                for as long as was measured, in the order in which it was measured (see `queueing`)
    confirmed   real runs from that rate on, at higher ones while the budget is kept, or lower ones until it is, and in
                between until it is known to a tenth: the highest rate of those that kept it

What holds a server up by the clock, such as other programs, is counted with the request that it hit, as if it came with
each such request. So on a busy machine the computed rate is too low, and the runs decide.

A model that is twice as fast does more than halve the wait: near its limit a queue grows as utilisation / (1 −
utilisation). That is what pruning is worth where decisions come one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import RNG, Array, choice, flag_or_none, generator, real, whole
from minprune.display import Progress, count, duration, percent, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.program import Program
from minprune.nn.network import Network
from minprune.study.evaluation import Model, rows_for
from minprune.study.queueing import arrivals, highest_rate, response_at
from minprune.study.rates import SHARE, Highest, confirmed, next_rate
from minprune.study.serving import Served, serve_in_turns
from minprune.study.timing import Blas, blas, check_models, garbage_kept, time_in_turns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PERCENTILES = (0.5, 0.99, 0.999)
_MOST_ROWS = 1024  # different requests
_MOST_REQUESTS = 10_000_000
_LEAST_REQUESTS = round(1 / (1 - SHARE))  # in a run, to tell whether that share of them is within the budget
_SIMULATED = 100_000  # requests, when a rate is computed; more where the budget is long, see _simulated
_ATTEMPTS = 8  # real runs that look for the highest rate, at most


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """How models answered a stream of single requests; printed, a table.

    Attributes
    ----------
    rate : float
        Requests a second, on average.
    seconds, budget : float
    served : dict of str to Served
    highest : dict of str to Highest
    blas : Blas
    """

    rate: float
    seconds: float
    budget: float
    served: dict[str, Served]
    highest: dict[str, Highest]
    blas: Blas
    _gaps: Array

    def __post_init__(self) -> None:
        for name in ("rate", "seconds", "budget"):
            real(getattr(self, name), name, "Replay", low=0.0, ends="(]")
        for name, kind in (("served", Served), ("highest", Highest)):
            of = getattr(self, name)
            if not isinstance(of, dict) or not of:
                raise InvalidTypeError(f"{name} must be a dict with at least one entry, got {of!r} in Replay()")
            for key, value in of.items():
                if not isinstance(key, str) or not isinstance(value, kind):
                    raise InvalidTypeError(
                        f"{name} must map names to {kind.__name__}, got {key!r}: {value!r} in Replay()"
                    )
        if list(self.served) != list(self.highest):
            raise InvalidValueError(
                f"highest must be of the models of served, {', '.join(self.served)}, "
                f"got {', '.join(self.highest)} in Replay()"
            )
        if not isinstance(self.blas, Blas):
            raise InvalidTypeError(f"blas must be a Blas, got {self.blas!r} in Replay()")
        if not isinstance(self._gaps, np.ndarray) or self._gaps.ndim != 1 or not self._gaps.size:
            raise InvalidTypeError(f"_gaps must be an array with at least one entry, got {self._gaps!r} in Replay()")

    def response_at(self, name: str, rate: float) -> float:
        """Return the 99th percentile of response times at a rate: computed, from the service times measured."""
        served = self.served[choice(name, "name", "response_at", self.served)]
        arriving = real(rate, "rate", "response_at", low=0.0, ends="(]")
        service, gaps = _simulated(served.occupied, self._gaps, self.budget)
        return response_at(arriving, service, gaps, SHARE)

    def plot(self, path: str | Path | None = None, *, title: str | None = None) -> Figure:
        """Draw the response times, as `plot_replay` does, and write them to `path` if one is given."""
        from minprune.study.drawing import save
        from minprune.study.waiting import plot_replay

        figure = plot_replay(self, title=title)
        if path is not None:
            save(figure, path)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Return all that is printed, and a few percentiles more, as plain Python values, ready for ``json.dumps``."""
        return {
            "rate": self.rate,
            "seconds": self.seconds,
            "budget": self.budget,
            "blas": asdict(self.blas),
            "models": {
                name: _plain(served, self.budget)
                | {
                    "highest_rate_computed": self.highest[name].computed,
                    "highest_rate_confirmed": self.highest[name].confirmed,
                    "tried": [_plain(run, self.budget) for run in self.highest[name].tried],
                }
                for name, served in self.served.items()
            },
        }

    def __repr__(self) -> str:
        rows = []
        for name, served in self.served.items():
            highest = self.highest[name]
            atleast = "≥ " if served.unanswered else ""
            times = ["–" if t is None else atleast + duration(t) for t in map(served.percentile, _PERCENTILES)]
            best = "–" if highest.confirmed is None else f"{per_second(highest.confirmed)}/s"
            if highest.tried and highest.confirmed == max(run.rate for run in highest.tried):
                best = f"≥ {best}"  # no run failed above it
            shares = [percent(served.within(self.budget), 2), percent(served.utilisation)]
            rows.append([name, *times, *shares, f"{per_second(highest.computed)}/s", best])
        title = (
            f"Single decisions, {per_second(self.rate)} a second for {duration(self.seconds)}: time from arrival to "
            f"answer, to be within {duration(self.budget)}"
        )
        notes = [
            "highest rate that keeps 99 % within: computed from the service times measured; confirmed by a real run",
            str(self.blas),
        ]
        late = {name: one.unanswered for name, one in self.served.items() if one.unanswered}
        for name, unanswered in late.items():
            notes.append(f"{name} could not keep up and was stopped with {count(unanswered)} requests unanswered")
        head = ["model", "p50", "p99", "p99.9", "within", "busy", "highest rate", "confirmed"]
        return "\n".join([table(head, rows, title=title), *notes])


def replay(
    models: Model | Mapping[str, Model],
    x: Array,
    *,
    rate: float | None = None,
    seconds: float = 5.0,
    budget: float = 0.01,
    slices: int = 10,
    rng: RNG = 0,
    progress: bool | None = None,
) -> Replay:
    """Serve a stream of single decisions and see how long each has to wait.

    Requests arrive at random moments that are drawn beforehand (Poisson, open loop) and are answered in order, one by
    one, on the clock. Response time counts from the arrival, so that waiting counts::

        response = finished − arrived = waiting + service

    Parameters
    ----------
    models : model, or mapping of str to model
        Networks, programs or functions from rows to logits; all get the same requests at the same moments.
    x : array, (rows, inputs)
        The requests are its rows, in an order that is drawn.
    rate : float, optional
        Requests a second. By default half of what the slowest model can do.
    seconds : float
        The length of the stream. It takes that long for each model, up to twice that for one that can't keep up, and
        half of it for each run that looks for the highest rate: two usually, eight at most.
    budget : float
        Seconds within which an answer is of use.
    slices : int
        The models take turns, a slice of the stream each.
    rng : Generator or seed
        Draws arrivals and the order of the rows.
    progress : bool, optional
        Whether to show how far it is; by default on a terminal.

    Returns
    -------
    Replay

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    References
    ----------
    Tene (2013), "How NOT to measure latency", on coordinated omission; Schroeder, Wierman & Harchol-Balter (2006),
    "Open versus closed: a cautionary tale"; Lindley (1952), "The theory of queues with a single server".

    Examples
    --------
    >>> found = replay(Network.mlp([4, 8, 2], rng=0), np.eye(4), rate=200, seconds=0.1)
    >>> found.served["model"].utilisation < 1, len(found.served["model"].response)
    (True, 13)
    """
    where = "replay"
    named: dict[str, Model] = dict(models) if isinstance(models, Mapping) else {"model": models}
    check_models(named, where)
    length = real(seconds, "seconds", where, low=0.0, ends="(]")
    limit = real(budget, "budget", where, low=0.0, ends="(]")
    parts = whole(slices, "slices", where)
    flag_or_none(progress, "progress", where)
    arriving = None if rate is None else real(rate, "rate", where, low=0.0, ends="(]")
    draws = generator(rng, where)
    typical = next((m for m in named.values() if isinstance(m, Network | Program)), next(iter(named.values())))
    checked = rows_for(typical, x, where)
    order = np.resize(draws.permutation(len(checked)), min(len(checked), _MOST_ROWS))
    rows = [checked[i : i + 1].copy() for i in order]
    if arriving is None:
        usual = time_in_turns(named, checked[order], seconds=min(0.1, length), rounds=3, rng=draws)
        arriving = 0.5 / max(timing.median for timing in usual.timings.values())
    if arriving * length > _MOST_REQUESTS:
        raise InvalidValueError(
            f"rate must leave at most {count(_MOST_REQUESTS)} requests in {length:g} s, got {arriving:g} in {where}()"
        )
    stream = arrivals(arriving, length, draws)
    if not len(stream):
        raise InvalidValueError(
            f"seconds must be long enough for a request to arrive, got {length:g} at {arriving:g} a second in {where}()"
        )
    gaps = draws.exponential(size=10 * _SIMULATED)
    about = f"serving, {duration(1.5 * length * len(named))} or more"
    with garbage_kept(), Progress(2 * len(named) * parts, about, shown=progress) as bar:
        streams = dict.fromkeys(named, (arriving, stream))
        served = serve_in_turns(named, rows, streams, seconds=length, slices=parts, step=bar.step)
        computed = {
            name: highest_rate(*_simulated(one.occupied, gaps, limit), limit, SHARE) for name, one in served.items()
        }
        tried: dict[str, list[Served]] = {name: [] for name in named}
        for _ in range(_ATTEMPTS):
            rates = {name: next_rate(computed[name], runs, limit) for name, runs in tried.items()}
            streams = {
                name: (now, arrivals(now, length / 2, draws))
                for name, now in rates.items()
                if now and now * length <= _MOST_REQUESTS
            }
            streams = {name: pair for name, pair in streams.items() if len(pair[1]) >= _LEAST_REQUESTS}
            again = serve_in_turns(named, rows, streams, seconds=length / 2, slices=parts, step=bar.step)
            for name, run in again.items():
                tried[name].append(run)
    highest = {name: Highest(computed[name], tuple(runs), confirmed(runs, limit)) for name, runs in tried.items()}
    return Replay(arriving, length, limit, served, highest, blas(), gaps)


def _simulated(occupied: Array, gaps: Array, budget: float) -> tuple[Array, Array]:
    """Return service times and gaps for a simulation that is long beside the budget.

    The service times are repeated in the order in which they were measured, so that slow moments stay together.
    """
    wanted = 100 * budget / float(occupied.mean())
    length = int(min(max(_SIMULATED, wanted), len(gaps)))
    return np.resize(occupied, length), gaps[:length]


def _plain(served: Served, budget: float) -> dict[str, Any]:
    more = (0.5, 0.9, 0.99, 0.999, 0.9999)
    return {
        "rate": served.rate,
        "requests": len(served.arrived),
        "unanswered": served.unanswered,
        "percentiles": {f"{100 * share:g}": served.percentile(share) for share in more},
        "within_budget": served.within(budget),
        "utilisation": served.utilisation,
        "mean_service": float(served.service.mean()),
    }


def per_second(rate: float) -> str:
    """Return a rate for a reader: ``1,709``, ``0.45``."""
    return count(rate) if rate >= 100 else f"{rate:.3g}"
