"""The face of the package: every public name is there, lazily, and mistyped ones get a hint."""

import ast
import inspect
import subprocess
import sys

import pytest

import minprune as mp


def test_every_public_name_is_importable():
    for name in mp.__all__:
        assert getattr(mp, name) is not None


def test_types_and_lazy_names_agree():
    """What type checkers see is what runs."""
    tree = ast.parse(inspect.getsource(mp))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module.removeprefix("minprune.")
        for node in guarded.body
        for alias in node.names
        if node.module != "minprune"
    }
    assert seen == mp._HOME


def test_a_mistyped_name_gets_a_hint():
    with pytest.raises(AttributeError, match=r"minprune has no 'Magnitud'; did you mean 'Magnitude'\?"):
        mp.Magnitud  # noqa: B018
    with pytest.raises(AttributeError, match=r"minprune has no 'Relu'; did you mean 'ReLU'\?"):
        mp.Relu  # noqa: B018


def test_import_is_light():
    """Neither matplotlib nor a submodule is loaded before it is asked for."""
    code = "import sys, numpy; before = set(sys.modules); import minprune; print(sorted(set(sys.modules) - before))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "matplotlib" not in out
    assert "minprune.nn" not in out


def test_dir_lists_the_public_names():
    assert set(mp.__all__) <= set(dir(mp))
