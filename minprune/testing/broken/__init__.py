"""For every law an implementation that breaks it: what the checks are checked with, and a list of known mistakes.

Each is as near to right as it can be: it breaks its own law and, as far as that can be told, no other. Where one law
can't be broken without another (a selection that keeps count, order and ties keeps all), the others are named.

>>> print(broken("exact_count").why)
`score > cutoff` with the k-th lowest as cutoff: what ties with it goes as well
"""

from __future__ import annotations

from importlib import import_module

from minprune.errors import InvalidValueError, did_you_mean
from minprune.testing.broken.registry import BROKEN, Broken

for _name in ("selectors", "plans", "criteria", "shapes", "steps", "training", "running", "keeping"):
    import_module(f"minprune.testing.broken.{_name}")


def broken(law: str) -> Broken:
    """Return the implementation that breaks a law: ``broken(law).subject``, with ``why``."""
    if law not in BROKEN:
        raise InvalidValueError(f"law must be that of a broken one, got {law!r} in broken(){did_you_mean(law, BROKEN)}")
    return BROKEN[law]


__all__ = ["BROKEN", "Broken", "broken"]
