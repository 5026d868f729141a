"""Reading JSON: what must come is read, whatever white space is around it; anything else is refused with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune.errors import StorageError
from minprune.storage.notation import Text

BETWEEN = st.text(" \t\n\r", max_size=3)


def items(text):
    """The keys of an object whose values are whole numbers, and the numbers."""
    reader = Text(text)
    found = [(key, reader.whole()) for key in reader.object()]
    reader.end()
    return found


@given(st.data())
def test_white_space_is_let_in_wherever_json_lets_it_in(data):
    pieces = ["{", '"a"', ":", "1", ",", '"b"', ":", "[", "2", ",", "3", "]", ",", '"c"', ":", '"d"', "}"]
    text = "".join(data.draw(BETWEEN) + piece for piece in pieces) + data.draw(BETWEEN)
    reader, found = Text(text), []
    for key in reader.object():
        found.append((key, {"a": reader.whole, "b": lambda: reader.wholes(most=2), "c": reader.string}[key]()))
    reader.end()
    assert found == [("a", 1), ("b", (2, 3)), ("c", "d")]


@pytest.mark.parametrize("text", ["{}", " { } ", '{"a":1}', '{"a":0,"b":10,"c":9999999999999999999}'])
def test_an_object_is_what_json_reads(text):
    assert items(text) == list(json.loads(text).items())


@pytest.mark.parametrize("text", ["[]", "[ ]", "[0]", "[5, 6]", "[1,2,3]"])
def test_a_list_of_whole_numbers_is_what_json_reads(text):
    assert list(Text(text).wholes(most=3)) == json.loads(text)


@pytest.mark.parametrize("text", ['"a"', '""', '"\\u00e9\\n"', "1", "-1", "0.5", "-2.5e-3", "true", "false", "9e9"])
def test_a_scalar_is_what_json_reads(text):
    reader = Text(f" {text} ")
    value = reader.scalar()
    reader.end()
    assert (value, type(value)) == (json.loads(text), type(json.loads(text)))


def wholes(text, most=2):
    return Text(text).wholes(most=most)


@pytest.mark.parametrize(
    ("read", "text", "why"),
    [
        (items, "", "text must have '{' at character 0: ''"),
        (items, " [", "text must have '{' at character 1: '['"),
        (items, '{"a":1', "text must have ',' at character 6: ''"),
        (items, '{"a":1 "b":2}', "text must have ',' at character 7: '\"b\":2}'"),
        (items, '{"a" 1}', "text must have ':' at character 5: '1}'"),
        (items, '{"a":1,}', "text must have a string at character 7: '}'"),
        (items, "{1:1}", "text must have a string at character 1: '1:1}'"),
        (items, '{"a":1,"a":1}', "text holds 'a' twice at character 10: ':1}'"),
        (items, '{"' + "a" * 50 + '":1,"' + "a" * 50 + '":1}',
         f"text holds '{'a' * 39} twice at character 108: ':1}}'"),
        (items, '{"a":1} }', "text must end at character 8: '}'"),
        (items, '{"a":', "text must have a whole number at character 5: ''"),
        (items, '{"a": 10000000000000000000}', "text must have a whole number at character 6: '10000000000000000000'"),
        (items, '{"a":"123456789012345678901"}',
         "text must have a whole number at character 5: '\"1234567890123456789'"),
        (wholes, "(1)", "text must have '[' at character 0: '(1)'"),
        (wholes, "[1,2,3]", "text holds more than 2 numbers in a list at character 5: '3]'"),
        (wholes, "[1 2]", "text must have ',' at character 3: '2]'"),
        (lambda text: wholes(text, 0), "[1]", "text holds more than 0 numbers in a list at character 1: '1]'"),
        (lambda text: Text(text).string(), " 1", "text must have a string at character 1: '1'"),
        (lambda text: Text(text).string(), '"a', "text is no JSON at character 0: '\"a'"),
        (lambda text: Text(text).scalar(), " nul",
         "text must have a string, a number, true or false at character 1: 'nul'"),
        (lambda text: Text(text).scalar(), "-Infinity", "text is no JSON at character 0: '-Infinity'"),
        (lambda text: Text(text).scalar(), "trUe", "text is no JSON at character 0: 'trUe'"),
        (lambda text: Text(text, "note").end(), "  x", "note must end at character 2: 'x'"),
    ],
)  # fmt: skip
def test_what_is_something_else_is_refused_with_its_place(read, text, why):
    with pytest.raises(StorageError) as caught:
        read(text)
    assert str(caught.value) == f"its {why}"
