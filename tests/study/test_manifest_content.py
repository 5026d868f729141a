"""What a manifest takes a function to be made of, to the letter: code, defaults, and what it uses of its own module."""

import functools
import textwrap
from functools import cache, partial

import pytest
import sweeping

from minprune.study.manifest import _content, described

RATE = 0.5


def plain(x, by=2, *, also=(3, [4])):
    """Say what it does."""
    # a thought
    return  x + by + RATE  # fmt: skip


def calls(x):
    return plain(x)


@cache
def cached(x):
    return -x


def calls_cached(x):
    return cached(x)


def calls_others(x):
    return textwrap.dedent(sweeping.points(x)) + dedent(points(x))


dedent, points = textwrap.dedent, sweeping.points  # a function of another module, and a cached one


def itself(x):
    return itself(x)


def nested():
    inner = 7

    def within(x):
        return x * inner

    return within


PLAIN = (
    f'{__name__}.plain\ndef plain(x, by=2, *, also=(3, [4])):\n    """Say what it does."""\n    return x + by + RATE\n'
)
PLAIN += "[[2], {'also': [3, [4]]}]\nRATE=0.5"
ITSELF = f"{__name__}.itself\ndef itself(x):\n    return itself(x)\n[[], {{}}]\nitself={__name__}.itself"
TEXTS = {
    plain: PLAIN,
    calls: f"{__name__}.calls\ndef calls(x):\n    return plain(x)\n[[], {{}}]\nplain={PLAIN}",
    cached: f"{__name__}.cached\n@cache\ndef cached(x):\n    return -x\n[[], {{}}]",
    calls_cached: f"{__name__}.calls_cached\ndef calls_cached(x):\n    return cached(x)\n[[], {{}}]\n"
    f"cached={__name__}.cached\n@cache\ndef cached(x):\n    return -x\n[[], {{}}]",
    calls_others: f"{__name__}.calls_others\ndef calls_others(x):\n"
    "    return textwrap.dedent(sweeping.points(x)) + dedent(points(x))\n[[], {}]\n"
    "dedent=textwrap.dedent\npoints=sweeping.points\nsweeping=sweeping\ntextwrap=textwrap",
    itself: ITSELF,
    nested(): f"{__name__}.nested.<locals>.within\ndef within(x):\n    return x * inner\n[[], {{}}]\ninner=7",
}


@pytest.mark.parametrize("function", TEXTS, ids=lambda function: function.__name__)
def test_a_function_is_its_code_its_defaults_and_what_it_uses_of_its_own_module(function):
    assert _content(function, set()) == TEXTS[function]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ([itself], f"[{ITSELF}]"),
        ((itself, 1), f"[{ITSELF}, 1]"),
        ({"a": itself}, f"{{'a': {ITSELF}}}"),
        ({itself: "a"}, f"{{{ITSELF}: 'a'}}"),
        ({itself}, f"{{{ITSELF}}}"),
        (partial(itself, 1), f"partial({ITSELF}, [[1], {{}}])"),
        (partial(int, itself), f"partial(builtins.int, [[{ITSELF}], {{}}])"),
        (partial(int, f=itself), f"partial(builtins.int, [[], {{'f': {ITSELF}}}])"),
        ([itself, itself], f"[{ITSELF}, {__name__}.itself]"),  # told once
        ([partial(itself), itself], f"[partial({ITSELF}, [[], {{}}]), {__name__}.itself]"),
        ([{1: itself}, itself], f"[{{1: {ITSELF}}}, {__name__}.itself]"),
    ],
    ids=range(11),
)
def test_a_function_is_told_wherever_it_stands_and_once(part, text):
    assert _content(part, set()) == text


def test_a_default_may_be_a_function():
    def positional(f=itself):
        return f

    def named(*, f=itself):
        return f

    assert _content(positional, set()).endswith(f"\n[[{ITSELF}], {{}}]")
    assert _content(named, set()).endswith(f"\n[[], {{'f': {ITSELF}}}]")


def test_a_function_without_source_is_told_by_its_instructions_and_those_inside_it():
    def made(text):
        return described(eval(text, {"__name__": "typed"}))

    for text in ("lambda x: x + 1", "lambda x: lambda y: (x, y, 3)"):
        assert made(text) == made(text)
    different = [
        "lambda x: x + 1",
        "lambda x: x - 1",
        "lambda x: x + 2",
        "lambda x: x.real",
        "lambda x: x.imag",
        "lambda x: lambda y: y + 1",
        "lambda x: lambda y: y + 2",
        "lambda x: lambda y: y - 1",
        "lambda x, y=1: x + 1",
        "lambda x, *, y=1: x + 1",
    ]
    assert len({made(text) for text in different}) == len(different)


def test_a_default_is_told_where_its_code_does_not_show_it():
    def made(positional, named):
        def function(x, y=positional, *, z=named):
            return x + y + z

        return described(function)

    assert made(1, 2) == made(1, 2)
    assert len({made(1, 2), made(3, 2), made(1, 3)}) == 3


def test_an_object_is_told_by_the_functions_that_it_holds():
    class Holds:
        def __init__(self, function):
            self.function = function

        def __repr__(self):
            return "Holds()"

    assert described(Holds(itself)) == described(Holds(itself))
    assert len({described(Holds(function)) for function in (itself, plain, calls)}) == 3


def test_what_was_wrapped_is_told_by_what_is_inside():
    @functools.wraps(plain)
    def wrapper(*given, **more):
        return plain(*given, **more)

    assert described(wrapper) == described(plain)
    assert described([wrapper]) == described([plain])
    assert described(partial(wrapper, 1)) == described(partial(plain, 1))
