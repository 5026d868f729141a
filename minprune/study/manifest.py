"""What a folder of runs was made by, so that runs of two recipes are never taken for one.

A part is described by its name and a few digits that stand for all that it is: of a function the code (comments and
layout aside), its defaults, and what it uses of its own module: numbers, texts and other functions, and theirs. What
it uses of other modules goes by name only. So a learning rate that is changed at the top of a script is noticed, and
a file that the function reads is not.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from minprune.errors import InvalidValueError, StorageError
from minprune.storage import write_whole

NAME = "sweep.json"


def described(part: object) -> str:
    """Return a name and eight digits that change when the part does.

    Examples
    --------
    >>> from minprune import Magnitude, Random
    >>> described(Magnitude()).split("#")[0]
    'Magnitude()'
    >>> described(Random(rng=0)) == described(Random(rng=0)), described(Random(rng=0)) == described(Random(rng=1))
    (True, False)
    """
    if part is None:
        return "none"
    part = _inside(part)
    function = part.func if isinstance(part, partial) else part
    name = getattr(function, "__qualname__", None) or _plain(part)
    name = name if len(name) <= 100 and "\n" not in name else type(part).__name__
    content = _content(part, set()) + (_state(part) if not isinstance(part, FunctionType | type) else "")
    return f"{name}#{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def agree(folder: Path, parts: Mapping[str, str | Mapping[str, str]]) -> None:
    """See that what is in `folder` was made by these parts, and note those that are new.

    Raises
    ------
    InvalidValueError
        A part that is another than the one of that name that made the runs in the folder.
    StorageError
        The folder holds a manifest that is none, or can't be written.
    """
    path = folder / NAME
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(known, dict):
            raise ValueError(f"it holds a {type(known).__name__}")
    except FileNotFoundError:
        known = {}
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} does not say what made the runs beside it: {error}") from error
    merged = dict(known)
    for kind, now in parts.items():
        then = known.get(kind)
        if isinstance(now, Mapping):
            then = then or {}
            for name, part in now.items():
                _same(f"{kind}[{name!r}]", then.get(name, part), part, folder)
            merged[kind] = {**then, **now}
        else:
            _same(kind, now if then is None else then, now, folder)
            merged[kind] = now
    if merged != known:
        write_whole(path, json.dumps(merged, indent=1) + "\n")


def _same(name: str, then: object, now: object, folder: Path) -> None:
    if then != now:
        raise InvalidValueError(
            f"{name} must be what made the runs in {folder}, {then}, got {now} in sweep(): "
            "take another folder, or put it back"
        )


def _inside(part: Any) -> Any:
    """Return what a wrapper is around: what was cached, without its cache."""
    return inspect.unwrap(part)


def _content(part: object, seen: set[int]) -> str:
    """Return all that a part is made of as text, without addresses."""
    if isinstance(part, partial):
        return f"partial({_content(part.func, seen)}, {_content([part.args, part.keywords], seen)})"
    part = _inside(part)
    if isinstance(part, np.ndarray):
        return f"array {part.shape} {part.dtype} {hashlib.sha256(part.tobytes()).hexdigest()}"
    if isinstance(part, Mapping):
        return "{" + ", ".join(f"{_content(k, seen)}: {_content(v, seen)}" for k, v in part.items()) + "}"
    if isinstance(part, list | tuple):
        return "[" + ", ".join(_content(one, seen) for one in part) + "]"
    if isinstance(part, set | frozenset):
        return "{" + ", ".join(sorted(_content(one, seen) for one in part)) + "}"
    if isinstance(part, FunctionType):
        return _function(part, seen)
    if inspect.ismodule(part):
        return part.__name__
    if isinstance(part, type):
        return f"{part.__module__}.{part.__qualname__}"
    return _plain(part)


def _state(part: object) -> str:
    """Return the attributes of an object as text: what its repr may leave out."""
    return _content(vars(part), set()) if hasattr(part, "__dict__") else ""


def _plain(part: object) -> str:
    """Return the repr, or the class if that has the object's address in it."""
    text = repr(part)
    return f"{type(part).__module__}.{type(part).__qualname__}" if " at 0x" in text else text


def _function(function: FunctionType, seen: set[int]) -> str:
    name = f"{function.__module__}.{function.__qualname__}"
    if id(function) in seen:
        return name
    seen.add(id(function))
    try:
        code = ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, TypeError, SyntaxError):  # typed in at a prompt, or a lambda amid an expression
        code = _bytecode(function.__code__)
    outside = inspect.getclosurevars(function)
    uses = []
    for key, value in sorted({**outside.globals, **outside.nonlocals}.items()):
        other = _inside(value)
        foreign = isinstance(other, FunctionType) and other.__module__ != function.__module__
        uses.append(f"{key}={f'{other.__module__}.{other.__qualname__}' if foreign else _content(other, seen)}")
    defaults = _content([function.__defaults__ or (), function.__kwdefaults__ or {}], seen)
    return "\n".join([name, code, defaults, *uses])


def _bytecode(code: CodeType) -> str:
    constants: list[Any] = [_bytecode(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
