"""What holds for all tests: one BLAS thread, and the Hypothesis profiles dev, ci, thorough and mutation.

HYPOTHESIS_PROFILE picks one; without it, CI=true means ci and anything else dev. Hypothesis has a profile of its own
named ci and would load it silently, so ours is registered over it and loaded by name.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: it reads this once
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
from hypothesis import HealthCheck, Phase, settings

collect_ignore = ["benchmarks", "mutation"]  # programs, which need more

_shared = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=30, **_shared)
settings.register_profile("ci", max_examples=60, derandomize=True, print_blob=True, **_shared)
settings.register_profile("thorough", max_examples=1000, **_shared)
settings.register_profile(  # thousands of runs that end at the first failure: no shrinking, nothing kept
    "mutation", max_examples=30, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], **_shared
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev"))


@pytest.fixture
def quick(monkeypatch):
    """Let a demo spend little time on the clock."""
    from minprune.study import comparison, demo

    def compare(models, split, **options):
        return comparison.compare(models, split, **options | {"seconds": 0.01, "rounds": 3})

    monkeypatch.setattr(demo, "compare", compare)
