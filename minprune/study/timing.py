"""How long a model takes: the clock, and the rules for reading it.

- The clock is read before and after each call. What reading costs, some 50 ns, is not subtracted.
- The first calls are not counted: they fill caches and allocate. The garbage collector waits meanwhile.
- The median is reported, since a disturbed call is late and never early; the 99th percentile is what a caller waits
  at worst, and the interquartile range says how steady the machine was.
- A machine drifts: it warms up, and others use it. So models that are compared are timed *in turns*, a short burst of
  calls each, round after round. The speed-up of one over another is the median over rounds of a ratio within a round::

      speed-up = median_r (burst median of the baseline in round r / burst median of the model in round r)

- A burst begins with a call that is not counted: the cache is full of the other model.

That noise only ever delays, and what follows for benchmarks: Chen & Revels (2016), arXiv:1608.04295.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import perf_counter_ns

import numpy as np

from minprune.arguments import RNG, Array, choice, generator, real, whole
from minprune.display import count, duration, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.program import Program
from minprune.nn.layers import LARGEST_LAYER
from minprune.nn.network import Network
from minprune.study.evaluation import Model, rows_for

_MOST_BATCHES = 32  # different batches are prepared, so that no branch predictor or cache learns a single one by heart
_LEAST_CALLS = 3  # timed in a burst, however short


@dataclass(frozen=True)
class Blas:
    """The library behind NumPy's matrix products, and on how many threads it runs.

    NumPy can't be asked for the number of threads: ``source`` says whether it was read from an environment variable,
    which counts if it was set before NumPy was imported, or taken to be the number of usable processors.
    """

    library: str
    threads: int
    source: str

    def __str__(self) -> str:
        return f"{self.library}, {self.threads} thread{'s' * (self.threads != 1)} ({self.source})"


def blas() -> Blas:
    """Return what is known about the BLAS in use."""
    built = np.show_config(mode="dicts")
    found = built.get("Build Dependencies", {}).get("blas", {}) if built else {}
    library = f"{found.get('name', 'unknown BLAS')} {found.get('version', '')}".strip()
    own = {"openblas": "OPENBLAS_NUM_THREADS", "mkl": "MKL_NUM_THREADS", "accelerate": "VECLIB_MAXIMUM_THREADS"}
    for variable in [*(name for part, name in own.items() if part in library.lower()), "OMP_NUM_THREADS"]:
        value = os.environ.get(variable, "")
        if value.isdecimal() and int(value) > 0:
            return Blas(library, int(value), variable)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Blas(library, usable, "processor count")


@dataclass(frozen=True, repr=False)
class Timing:
    """How long calls with a batch took, in seconds; printed, a table of one row.

    Attributes
    ----------
    batch_size, calls : int
    median, p25, p75, p99, fastest : float
        Seconds a call.
    blas : Blas
    """

    batch_size: int
    calls: int
    median: float
    p25: float
    p75: float
    p99: float
    fastest: float
    blas: Blas

    @classmethod
    def of(cls, nanoseconds: Array, batch_size: int, blas: Blas) -> Timing:
        """Sum up the times of single calls."""
        p25, median, p75, p99 = (float(q) * 1e-9 for q in np.percentile(nanoseconds, [25, 50, 75, 99]))
        return cls(batch_size, len(nanoseconds), median, p25, p75, p99, float(nanoseconds.min()) * 1e-9, blas)

    @property
    def iqr(self) -> float:
        """The interquartile range, p75 − p25, in seconds."""
        return self.p75 - self.p25

    @property
    def rows_per_second(self) -> float:
        return self.batch_size / self.median

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain Python values, ready for ``json.dumps``."""
        return asdict(self) | {"iqr": self.iqr, "rows_per_second": self.rows_per_second}

    def __repr__(self) -> str:
        title = f"Time of a call with {_rows(self.batch_size)}, over {count(self.calls)} calls"
        headers = ["fastest", "25 % within", "median", "75 % within", "99 % within", "rows/s"]
        times = [duration(t) for t in (self.fastest, self.p25, self.median, self.p75, self.p99)]
        return "\n".join([table(headers, [[*times, count(self.rows_per_second)]], title=title, left=0), str(self.blas)])


@dataclass(frozen=True, eq=False, repr=False)
class Turns:
    """Models timed in turns.

    Attributes
    ----------
    timings : dict of str to Timing
        Over all rounds.
    bursts : dict of str to array, (rounds,)
        The median of each round's burst, in seconds.
    """

    timings: dict[str, Timing]
    bursts: dict[str, Array]

    def __getitem__(self, name: str) -> Timing:
        return self.timings[choice(name, "name", "Turns", self.timings)]

    def speedup(self, name: str, baseline: str) -> float:
        """Return how many times as fast as `baseline` a model is: the median of the rounds' ratios."""
        ours, its = (self.bursts[choice(n, "name", "speedup", self.bursts)] for n in (name, baseline))
        return float(np.median(its / ours))

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain Python values, ready for ``json.dumps``."""
        timings = {name: timing.to_dict() for name, timing in self.timings.items()}
        return {"timings": timings, "bursts": {name: burst.tolist() for name, burst in self.bursts.items()}}

    def __repr__(self) -> str:
        first = next(iter(self.timings))
        rows = [
            [name, duration(t.median), duration(t.iqr), duration(t.p99), f"{self.speedup(name, first):.2f}×"]
            for name, t in self.timings.items()
        ]
        title = f"Time of a call with {_rows(self[first].batch_size)}, in turns"
        note = f"speed-up over {first}: the median of {len(self.bursts[first])} rounds' ratios; {self[first].blas}"
        return "\n".join(
            [table(["model", "median", "quartile range", "99 % within", "speed-up"], rows, title=title), note]
        )


def time_inference(
    model: Model, x: Array, *, batch_size: int = 1, seconds: float = 0.3, warmup: int = 10, rng: RNG = 0
) -> Timing:
    """Time calls of a model with successive batches.

    Parameters
    ----------
    model : Network, program or function
        Called as ``model(batch)``. To compare several, use `time_in_turns`.
    x : array, (rows, inputs)
        Where the batches come from; repeated if there are fewer rows than a batch has. They are cut beforehand, and
        converted to the dtype of a `Network` or program, so that neither is timed.
    batch_size : int
    seconds : float
        How long to go on, warm-up apart; at least three calls are timed.
    warmup : int
        Calls before those that are timed.
    rng : Generator or seed
        Draws the order of the rows.

    Returns
    -------
    Timing

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> timing = time_inference(Network.mlp([4, 2], rng=0), np.zeros((10, 4)), seconds=0.001)
    >>> timing.fastest <= timing.median <= timing.p99
    True
    """
    return _time({"model": model}, x, batch_size, seconds, 1, warmup, rng, "time_inference")["model"]


def time_in_turns(
    models: Mapping[str, Model],
    x: Array,
    *,
    batch_size: int = 1,
    seconds: float = 0.3,
    rounds: int = 9,
    warmup: int = 10,
    rng: RNG = 0,
) -> Turns:
    """Time several models alternately, so that the machine's drift touches them all alike.

    Parameters
    ----------
    models : mapping of str to model
    x, batch_size, warmup, rng
        As for `time_inference`; all models get the same batches, in the dtype of the first `Network` or program.
    seconds : float
        Per model, over all rounds.
    rounds : int
        In each, every model has a burst of calls; who comes first rotates.

    Returns
    -------
    Turns

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> turns = time_in_turns({"a": np.sort, "b": np.sort}, np.zeros((10, 4)), seconds=0.001, rounds=3)
    >>> turns["a"].calls >= 9, turns.speedup("a", "a")
    (True, 1.0)
    """
    check_models(models, "time_in_turns")
    return _time(models, x, batch_size, seconds, rounds, warmup, rng, "time_in_turns")


def check_models(models: object, where: str) -> None:
    """Refuse what is not a mapping of names to at least one model."""
    if not isinstance(models, Mapping):
        raise InvalidTypeError(f"models must be a dict of names to models, got {type(models).__name__} in {where}()")
    if not models:
        raise InvalidValueError(f"models must hold at least one model, got none in {where}()")
    for name, model in models.items():
        if not isinstance(name, str) or not callable(model):
            raise InvalidTypeError(f"models must map names to callables, got {name!r}: {model!r} in {where}()")


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{count(number)} rows"


def _time(
    models: Mapping[str, Model],
    x: object,
    batch_size: int,
    seconds: float,
    rounds: int,
    warmup: int,
    rng: RNG,
    where: str,
) -> Turns:
    packed_or_not = (m for m in models.values() if isinstance(m, Network | Program))
    rows = rows_for(next(packed_or_not, next(iter(models.values()))), x, where)
    width = whole(batch_size, "batch_size", where, at_most=LARGEST_LAYER // rows.shape[1])
    limit = real(seconds, "seconds", where, low=0.0, ends="(]")
    turns = whole(rounds, "rounds", where)
    first = whole(warmup, "warmup", where, at_least=0)
    batches = _batches(rows, width, generator(rng, where))
    names = list(models)
    took: dict[str, list[Array]] = {name: [] for name in names}
    burst = round(limit / turns * 1e9)
    with garbage_kept():
        for name in names:
            for i in range(first):
                models[name](batches[i % len(batches)])
        for turn in range(turns):
            for i in range(len(names)):
                name = names[(turn + i) % len(names)]
                took[name].append(_burst(models[name], batches, burst))
    machine = blas()
    return Turns(
        {name: Timing.of(np.concatenate(parts), width, machine) for name, parts in took.items()},
        {name: np.array([np.median(part) for part in parts]) * 1e-9 for name, parts in took.items()},
    )


def _batches(x: Array, size: int, draws: np.random.Generator) -> list[Array]:
    number = min(-(-len(x) // size), _MOST_BATCHES)
    order = np.resize(draws.permutation(len(x)), number * size)
    return [x[rows] for rows in order.reshape(number, size)]


def _burst(model: Model, batches: list[Array], nanoseconds: int) -> Array:
    """Return how long each call took, one after another until the time is up."""
    model(batches[-1])
    took: list[int] = []
    began = after = perf_counter_ns()
    while after - began < nanoseconds or len(took) < _LEAST_CALLS:
        batch = batches[len(took) % len(batches)]
        before = perf_counter_ns()
        model(batch)
        after = perf_counter_ns()
        took.append(max(after - before, 1))  # a coarse clock may not have moved at all
    return np.array(took)


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Keep the garbage collector off, and then as it was."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
