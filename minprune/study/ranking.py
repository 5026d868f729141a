"""How well a score ranks two classes, whatever the threshold.

Let the distinct scores be t_1 > t_2 > …, and caught(t) and declined(t) the number of rows of class 1 and of class 0
with a score of at least t. Everything follows from these two columns, which one sort gives::

    recall(t)         = caught(t) / (rows of class 1)
    false declines(t) = declined(t) / (rows of class 0)
    precision(t)      = caught(t) / (caught(t) + declined(t))

    AUC               = P(score of class 1 > score of class 0), ties counted half (Mann & Whitney 1947)
    average precision = Σ_k (recall(t_k) − recall(t_{k−1})) · precision(t_k)
"""

from __future__ import annotations

import numpy as np

from minprune.arguments import Array


def cuts(score: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the distinct scores from the highest down, and how many of class 1 and of class 0 have at least each.

    Examples
    --------
    >>> cuts(np.array([0.5, 2.0, 0.5]), np.array([0, 1, 1]))
    (array([2. , 0.5]), array([1, 2]), array([0, 1]))
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # the last row of each run of equal scores
    caught = np.cumsum(y[order])[last]
    return ranked[last], caught, last + 1 - caught


def area(caught: Array, declined: Array) -> float:
    """Return the AUC from the counts of `cuts`; both classes must have rows.

    A row of class 1 wins against the rows of class 0 below it and halfway against those that tie with it. The wins are
    counted doubled, so that the sum is one of whole numbers and only the last division rounds.

    Examples
    --------
    >>> area(np.array([1, 2]), np.array([0, 1]))
    0.75
    """
    there, tied = np.diff(caught, prepend=0), np.diff(declined, prepend=0)
    doubled = int(np.sum(there * (2 * (declined[-1] - declined) + tied)))
    return doubled / (2 * int(caught[-1]) * int(declined[-1]))


def average_precision(caught: Array, declined: Array) -> float:
    """Return the average precision from the counts of `cuts`; class 1 must have rows.

    Examples
    --------
    >>> average_precision(np.array([1, 2]), np.array([0, 2]))
    0.75
    """
    steps = np.diff(caught, prepend=0) / caught[-1]
    return float(np.sum(steps * (caught / (caught + declined))))
