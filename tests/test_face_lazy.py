"""The face: a name is fetched when it is first asked for, once, and what is listed is what can be had."""

import importlib

import pytest

import minprune as mp


@pytest.mark.parametrize("name", ["Dense", "load", "sensitivity", "testing", "datasets"])
def test_a_name_is_fetched_from_its_home_once_and_kept(name):
    home = f"minprune.{mp._HOME[name]}" if name in mp._HOME else "minprune"
    expected = getattr(importlib.import_module(home), name)
    vars(mp).pop(name, None)
    assert getattr(mp, name) is expected
    assert vars(mp)[name] is expected
    assert mp.__getattr__(name) is expected


def test_a_module_is_itself():
    for name in mp._MODULES:
        assert mp.__getattr__(name) is importlib.import_module(f"minprune.{name}")


def test_a_mistyped_name_is_told_with_all_there_are():
    with pytest.raises(AttributeError) as caught:
        mp.__getattr__("Desne")
    assert str(caught.value) == "minprune has no 'Desne'; did you mean 'Dense'? Known: " + ", ".join(mp.__all__)


def test_what_is_listed_can_be_had_and_is_listed_once():
    listed = dir(mp)
    assert listed == sorted(set(listed))
    assert set(listed) >= {*mp.__all__, *mp._MODULES, "__version__"}
    for name in listed:
        getattr(mp, name)
