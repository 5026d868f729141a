"""Reading JSON that somebody else wrote: one value after another, each of the kind that must come next.

``json.loads`` builds whatever a text says, and a text can say much more than it is long: ``[],[],[]`` takes twenty
times its own memory, ``[[[[`` goes as deep as it likes, a key that comes twice is dropped in silence, and NaN is let
in. Here it is the reader who says what comes next::

    for key in text.object():
        if key == "shape":
            shape = text.wholes(most=2)

Nothing else is let in, so nothing else is ever built, and depth is what the reader asks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn

from minprune.errors import StorageError

_SPACE = re.compile(r"[ \t\n\r]*")
_WHOLE = re.compile(r"(?:0|[1-9][0-9]{0,18})(?![0-9.eE])")
_SCALAR = re.compile(r'["\-0-9tf]')


class Text:
    """A JSON text and a place in it; each method reads what must be there and goes on behind it.

    Raises
    ------
    StorageError
        Something else is there.

    Examples
    --------
    >>> text = Text('{"shape": [3, 2]}')
    >>> [(key, text.wholes(most=2)) for key in text.object()]
    [('shape', (3, 2))]
    """

    def __init__(self, text: str, name: str = "text") -> None:
        self.text, self.name, self.at = text, name, 0

    def object(self) -> Iterator[str]:
        """Yield the keys of an object; whoever loops reads each value before asking for the next key."""
        self._take("{")
        seen: set[str] = set()
        if self._comes("}"):
            return
        while True:
            key = self.string()
            if key in seen:
                self.refuse(f"holds {key!r:.40} twice")
            seen.add(key)
            self._take(":")
            yield key
            if self._comes("}"):
                return
            self._take(",")

    def array(self) -> Iterator[None]:
        """Yield once for each item of an array; whoever loops reads it."""
        self._take("[")
        if self._comes("]"):
            return
        while True:
            yield
            if self._comes("]"):
                return
            self._take(",")

    def wholes(self, *, most: int) -> tuple[int, ...]:
        """Read an array of at most so many whole numbers."""
        numbers: list[int] = []
        for _ in self.array():
            if len(numbers) == most:
                self.refuse(f"holds more than {most} numbers in a list")
            numbers.append(self.whole())
        return tuple(numbers)

    def whole(self) -> int:
        """Read a whole number: digits only, at most 19 of them."""
        self._skip()
        found = _WHOLE.match(self.text, self.at)
        if found is None:
            self.refuse("must have a whole number")
        self.at = found.end()
        return int(found[0])

    def string(self) -> str:
        """Read a string."""
        self._skip()
        if not self.text.startswith('"', self.at):
            self.refuse("must have a string")
        return str(self._scalar())

    def scalar(self) -> str | bool | int | float:
        """Read a string, a number, true or false."""
        self._skip()
        if not _SCALAR.match(self.text, self.at):
            self.refuse("must have a string, a number, true or false")
        return self._scalar()

    def end(self) -> None:
        """Nothing but white space may be left."""
        self._skip()
        if self.at < len(self.text):
            self.refuse("must end")

    def refuse(self, why: str) -> NoReturn:
        """Raise, with the place."""
        raise StorageError(f"its {self.name} {why} at character {self.at}: {self.text[self.at : self.at + 20]!r}")

    def _scalar(self) -> str | bool | int | float:
        try:
            value, self.at = _DECODER.raw_decode(self.text, self.at)
        except ValueError:
            self.refuse("is no JSON")
        assert isinstance(value, str | bool | int | float)
        return value

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.at)
        assert space is not None  # it matches nothing, too
        self.at = space.end()

    def _comes(self, mark: str) -> bool:
        self._skip()
        found = self.text.startswith(mark, self.at)
        self.at += found
        return found

    def _take(self, mark: str) -> None:
        if not self._comes(mark):
            self.refuse(f"must have {mark!r}")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
