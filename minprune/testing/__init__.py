"""minprune.testing: prove a pruner right, ours or your own. Needs Hypothesis: ``pip install 'minprune[test]'``.

A *law* says what must hold of any pruner: `laws` is the table. A *check* draws small networks, scores and requests
until one breaks a law, and shows the smallest that does, with lines to paste. Your pruner, in the form "scores and a
sparsity in, masks out", is checked like this:

>>> import numpy as np
>>> from minprune.testing import check_selector
>>> def prune(scores, sparsity):
...     flat = np.sort(np.concatenate([s.ravel() for s in scores.values()]))
...     cut = flat[round(sparsity * flat.size) - 1]
...     return {name: s > cut for name, s in scores.items()}
>>> report = check_selector(prune, laws=["exact_count", "order", "mask_type"])
>>> report.failed, report.passed
(['exact_count'], ['order', 'mask_type'])
>>> for line in report["exact_count"].text.splitlines()[2:6]:
...     print(line)
    asked  round(0.5 · 4) = 2 of 4 weights dropped
    came   4 dropped
    input  scores = {'dense1.weight': np.array([[0.0, 0.0], [0.0, 0.0]], np.float32)}
           sparsity = 0.5

Equal weights all lie at the cut, and all of them went. ``print(report)`` is a table of all laws;
``report.raise_for_failures()`` is for a test; what is known to fail is announced with its reason in
``expected_failures={law: reason}``, and reported once it no longer does. `broken` holds, for every law, an
implementation that breaks it: what the checks are checked with.

========================  ====================================================================================
`check_selector`          any function (scores, sparsity) → masks: other libraries' pruners
`check_criterion`         what a weight is worth
`check_allocation`        how many in each layer
`check_pattern`           in what shape
`check_schedule`          when
`check_regrowth`          what comes back
`check_optimizer`         nothing pruned is revived
`check_penalty`           values, gradients and proximal steps
`check_kernel`            a matrix format and its product
`check_program`           a network packed for inference
`check_plan`              planning as a whole
`check_framework`         training, masks, compaction, counting, files: the functions of a framework
========================  ====================================================================================

Read on in `laws`, `strategies`, `checks`, `broken`.
"""

from __future__ import annotations

from importlib import import_module, util

from minprune.errors import MinpruneError, did_you_mean

_HOME = {
    "LAWS": "laws",
    "Law": "laws",
    "law": "laws",
    "laws_table": "laws",
    "Case": "cases",
    "Given": "cases",
    "network": "cases",
    "LawBroken": "running",
    "Report": "running",
    "Result": "running",
    "Framework": "framework",
    "check_allocation": "checks",
    "check_criterion": "checks",
    "check_framework": "checks",
    "check_kernel": "checks",
    "check_optimizer": "checks",
    "check_pattern": "checks",
    "check_penalty": "checks",
    "check_plan": "checks",
    "check_program": "checks",
    "check_regrowth": "checks",
    "check_schedule": "checks",
    "check_selector": "checks",
    "parametrize_with_checks": "checks",
}
_MODULES = ("broken", "cases", "checks", "framework", "laws", "running", "strategies")
_WITHOUT_HYPOTHESIS = ("laws", "cases", "framework")

__all__ = [*_HOME]


class MissingHypothesisError(MinpruneError, ImportError):
    """Checks need Hypothesis, and it is not installed."""


def need_hypothesis(name: str) -> None:
    """Say how to install Hypothesis if it is not there."""
    if util.find_spec("hypothesis") is None:
        raise MissingHypothesisError(
            f"minprune.testing needs hypothesis for {name!r}, which is not installed: pip install 'minprune[test]'"
        )


def __getattr__(name: str) -> object:
    home = _HOME.get(name, name if name in _MODULES else "")
    if not home:
        raise AttributeError(f"minprune.testing has no {name!r}{did_you_mean(name, [*__all__, *_MODULES])}")
    if home not in _WITHOUT_HYPOTHESIS:
        need_hypothesis(name)
    module = import_module(f"minprune.testing.{home}")
    return module if name in _MODULES else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
