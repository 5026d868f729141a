"""Pruners as a student would write them from memory: eight selections, with the mistakes that come by themselves.

Each takes scores by name and a sparsity, and returns masks. None is wrong on an ordinary network with ordinary weights,
which is why they pass where a test asks for about the right sparsity.
"""

import numpy as np


def percentile_threshold(scores, sparsity):
    """The first thing that comes to mind: keep what is above the percentile."""
    cut = np.percentile(np.concatenate([s.ravel() for s in scores.values()]), 100 * sparsity)
    return {name: s > cut for name, s in scores.items()}


def percent_for_fraction(scores, sparsity):
    """A fraction where a percentage is asked for: 0.9 is next to nothing."""
    cut = np.percentile(np.concatenate([s.ravel() for s in scores.values()]), sparsity)
    return {name: s > cut for name, s in scores.items()}


def sorted_and_at_least(scores, sparsity):
    """Sort, take the k-th as the threshold, keep what is at least that."""
    flat = np.sort(np.concatenate([s.ravel() for s in scores.values()]))
    threshold = flat[int(sparsity * len(flat))]
    return {name: s >= threshold for name, s in scores.items()}


def truncated_topk(scores, sparsity):
    """As one does it with topk in PyTorch: an exact number, cut off by int(), from an unstable sort."""
    flat = np.concatenate([s.ravel() for s in scores.values()])
    keep = len(flat) - int(sparsity * len(flat))
    mask = np.zeros(len(flat), dtype=bool)
    mask[np.argsort(-flat)[:keep]] = True
    return _split(mask, scores)


def kthvalue_style(scores, sparsity):
    """As one does it with kthvalue: the k-th smallest, and everything above stays."""
    flat = np.concatenate([s.ravel() for s in scores.values()])
    k = round(sparsity * flat.size)
    threshold = np.partition(flat, k - 1)[k - 1]
    return {name: (s > threshold).astype(np.float32) for name, s in scores.items()}


def layer_by_layer(scores, sparsity):
    """Each layer gives its share, when the sparsity was meant for the network."""
    masks = {}
    for name, s in scores.items():
        mask = np.ones(s.size, dtype=bool)
        mask[np.argsort(s.ravel())[: int(sparsity * s.size)]] = False
        masks[name] = mask.reshape(s.shape)
    return masks


def of_what_is_left(scores, sparsity):
    """Zeros count as pruned already, so the share is taken of those that are not 0: amounts compound."""
    flat = np.concatenate([s.ravel() for s in scores.values()])
    alive = flat[flat > 0]
    if not len(alive):
        return {name: s > 0 for name, s in scores.items()}
    cut = np.quantile(alive, sparsity)
    return {name: s > cut for name, s in scores.items()}


def mean_and_deviation(scores, sparsity):
    """A quality factor times the standard deviation, set so that a normal distribution would meet the sparsity."""
    masks = {}
    for name, s in scores.items():
        threshold = s.mean() + s.std() * np.sqrt(2) * _inverse_erf(2 * sparsity - 1)
        masks[name] = s > threshold
    return masks


def _inverse_erf(x):
    """Winitzki's approximation."""
    x = np.clip(x, -1 + 1e-12, 1 - 1e-12)
    log = np.log(1 - x * x)
    inside = 2 / (np.pi * 0.147) + log / 2
    return np.sign(x) * np.sqrt(np.sqrt(inside**2 - log / 0.147) - inside)


def _split(mask, scores):
    parts = np.split(mask, np.cumsum([s.size for s in scores.values()])[:-1])
    return {name: part.reshape(s.shape) for (name, s), part in zip(scores.items(), parts, strict=True)}


STUDENTS = [
    percentile_threshold,
    percent_for_fraction,
    sorted_and_at_least,
    truncated_topk,
    kthvalue_style,
    layer_by_layer,
    of_what_is_left,
    mean_and_deviation,
]


if __name__ == "__main__":
    from minprune.display import table
    from minprune.testing import check_selector

    reports = [check_selector(student) for student in STUDENTS]
    laws = [result.law.name for result in reports[0].results]
    rows = [[law, *("·" if law in report.passed else "broken" for report in reports)] for law in laws]
    rows += [[], ["kept", *(f"{len(report.passed)}/{len(report.ran)}" for report in reports)]]
    print(table(["law", *(student.__name__ for student in STUDENTS)], rows))
    for report in reports:
        print(f"\n{report}")
