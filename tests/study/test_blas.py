import os

import numpy as np
import pytest

from minprune.study.timing import Blas, blas

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")


@pytest.fixture
def built_with(monkeypatch):
    """Pretend that NumPy was built with a library, and that these environment variables alone are set."""

    def pretend(name, **variables):
        built = {"Build Dependencies": {"blas": {"name": name, "version": "1.2"}}} if isinstance(name, str) else name
        monkeypatch.setattr(np, "show_config", lambda mode: built)
        for variable in VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        return blas()

    return pretend


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openblas", "OPENBLAS_NUM_THREADS"),
        ("scipy-openblas", "OPENBLAS_NUM_THREADS"),
        ("mkl-sdl", "MKL_NUM_THREADS"),
        ("Accelerate", "VECLIB_MAXIMUM_THREADS"),
        ("blis", "OMP_NUM_THREADS"),
    ],
)
def test_each_library_has_its_own_variable(built_with, name, variable):
    others = {other: "7" for other in VARIABLES if other != variable and other != "OMP_NUM_THREADS"}
    assert built_with(name, **{**others, variable: "2"}) == Blas(f"{name} 1.2", 2, variable)


def test_the_variable_of_openmp_counts_if_the_own_one_is_missing_or_no_number(built_with):
    for own in ({}, {"OPENBLAS_NUM_THREADS": "0"}, {"OPENBLAS_NUM_THREADS": "many"}, {"OPENBLAS_NUM_THREADS": ""}):
        assert built_with("openblas", OMP_NUM_THREADS="3", **own) == Blas("openblas 1.2", 3, "OMP_NUM_THREADS")


def test_without_a_variable_the_processors_are_counted(built_with, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 3}, raising=False)
    assert built_with("openblas") == Blas("openblas 1.2", 3, "processor count")
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert built_with("openblas").threads == 4
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert built_with("openblas").threads == 1


def test_a_library_that_numpy_does_not_name_is_unknown(built_with):
    for name in (None, {}, {"Compilers": {}}, {"Build Dependencies": {}}, {"Build Dependencies": {"blas": {}}}):
        assert built_with(name, OMP_NUM_THREADS="1") == Blas("unknown BLAS", 1, "OMP_NUM_THREADS")


def test_the_library_and_its_threads_are_told_in_words():
    assert str(Blas("openblas 1.2", 1, "processor count")) == "openblas 1.2, 1 thread (processor count)"
    assert str(Blas("openblas 1.2", 2, "OMP_NUM_THREADS")) == "openblas 1.2, 2 threads (OMP_NUM_THREADS)"


def test_here_something_is_known():
    found = blas()
    assert found.library
    assert found.threads >= 1
