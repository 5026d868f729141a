"""A queue before a single server, and how fast it may be fed.

    a_n = a_{n-1} + A_n                          request n arrives; gaps A_n ~ Exp(λ), drawn before anything is served
    W_n = max(0, W_{n-1} + S_{n-1} − A_n)        it waits for those before it (Lindley's recursion), W_0 = 0
    R_n = W_n + S_n                              and is answered so much after it *arrived*

The recursion is a random walk that is held at 0 from below, so W needs no loop: with U_n = Σ_{k≤n} (S_{k-1} − A_k), it
is W_n = U_n − min_{k≤n} U_k.

With the same draws at every rate, A_n = E_n / λ, each W_n can only grow with λ. So does any percentile of R, and the
highest rate that keeps one within a budget is found by bisection.

Lindley (1952), "The theory of queues with a single server".
"""

from __future__ import annotations

import math

import numpy as np

from minprune.arguments import Array

_STEPS = 40  # of the bisection: more than a float32 could tell apart


def arrivals(rate: float, seconds: float, draws: np.random.Generator) -> Array:
    """Return the times in [0, `seconds`) at which the requests of a Poisson stream arrive.

    Examples
    --------
    >>> times = arrivals(100.0, 10.0, np.random.default_rng(0))
    >>> len(times), bool((np.diff(times) > 0).all()), bool(times[-1] < 10)
    (978, True, True)
    """
    usual = rate * seconds
    chunk = math.ceil(usual + 4 * math.sqrt(usual)) + 1  # seldom too few
    times = np.cumsum(draws.exponential(1 / rate, chunk))
    while times[-1] < seconds:
        times = np.concatenate([times, times[-1] + np.cumsum(draws.exponential(1 / rate, chunk))])
    result: Array = times[times < seconds]
    return result


def waits(service: Array, gaps: Array) -> Array:
    """Return how long each request waits until it is served.

    Parameters
    ----------
    service, gaps : array, (requests,)
        Service times, and the time from the arrival of the one before; the first gap plays no part.

    Examples
    --------
    >>> waits(np.array([3.0, 1.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 5.0]))
    array([0., 2., 2., 0.])
    """
    walk = np.zeros(len(service))
    np.cumsum(service[:-1] - gaps[1:], out=walk[1:])
    result: Array = walk - np.minimum.accumulate(walk)
    return result


def percentile(values: Array, share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed.

    So "the 99th percentile is within the budget" says just that 99 % of the values are.

    Examples
    --------
    >>> percentile(np.array([4.0, 1.0, 3.0, 2.0]), 0.5), percentile(np.array([4.0, 1.0, 3.0, 2.0]), 0.51)
    (2.0, 3.0)
    """
    rank = max(math.ceil(round(share * len(values), 6)), 1)
    return float(np.partition(values, rank - 1)[rank - 1])


def response_at(rate: float, service: Array, gaps: Array, share: float = 0.99) -> float:
    """Return a percentile of the response times at a rate; `gaps` are those at a rate of 1."""
    return percentile(waits(service, gaps / rate) + service, share)


def highest_rate(service: Array, gaps: Array, budget: float, share: float = 0.99) -> float:
    """Return the highest rate at which this share of the requests is answered within the budget.

    Parameters
    ----------
    service, gaps : array, (requests,)
        Service times, and gaps at a rate of 1.
    budget : float
    share : float

    Returns
    -------
    float
        At most 1 / (mean service time), beyond which a queue grows for ever, however late it shows. 0 if service alone
        is beyond the budget.

    Examples
    --------
    A server that takes 1 s each time, fed by hand every 2 s: at twice that rate nothing waits, beyond it everything.

    >>> highest_rate(np.ones(1000), np.full(1000, 1.0), budget=1.5)
    1.0
    """
    low, high = 0.0, 1 / float(service.mean())
    if response_at(high, service, gaps, share) <= budget:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if response_at(middle, service, gaps, share) <= budget:
            low = middle
        else:
            high = middle
    return low
