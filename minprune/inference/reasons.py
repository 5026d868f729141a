"""Reasons: why a layer runs by the kernel it runs by, in words, from what was measured.

A sparse product takes a time for each weight it keeps. So where it lost, the measurement says from which sparsity on it
would have won, all else being equal::

    break-even sparsity = 1 − kept · (dense time / sparse time) / size
"""

from __future__ import annotations

from pathlib import Path

from minprune.display import count, duration, percent, size
from minprune.inference.step import Step
from minprune.inference.tuning import TIE

_SPARSE = ("panels", "panels apart", "ell", "csr")
_CACHES = "/sys/devices/system/cpu/cpu0/cache"


def why(step: Step) -> str:
    """Return the reason for a step's kernel in half a sentence."""
    if not step.times:
        return "asked for"
    mine, others = _apart(step)
    if not others:
        return f"{duration(mine)} a call; {_nothing_else(step)}"
    nearest = min(others, key=lambda name: others[name])
    if mine < TIE * others[nearest]:
        return f"{duration(mine)} a call; the next, {nearest}, takes {others[nearest] / mine:.1f} times as long"
    if others[nearest] < TIE * mine:
        return f"{duration(mine)} a call; {nearest} takes {duration(others[nearest])}, but gains nothing in the whole"
    if step.kernel.name == "dense":
        return f"{duration(mine)} a call; {nearest}, with {duration(others[nearest])}, is not clearly faster"
    return f"{duration(mine)} a call; {nearest}, with {duration(others[nearest])}, is about as fast"


def explain(step: Step, batch: int) -> str:
    """Return the reason for a step's kernel in a few sentences."""
    whole = step.inputs * step.outputs
    sparsity = 1 - step.kept / whole
    calls = "a call with 1 row" if batch == 1 else f"a call with {count(batch)} rows"
    layer = (
        f"After folding it is {step.inputs}×{step.outputs} and {percent(sparsity)} pruned, {size(step.nbytes)} packed."
    )
    if not step.times:
        return f"{step.name}: {step.kernel.name}, asked for, so nothing was timed. {layer}"
    mine, others = _apart(step)
    lines = [f"{step.name}: {step.kernel.name}, {duration(mine)} for {calls}.", layer]
    if step.kernel.name in ("dense", "dense features"):
        lines += _why_dense(step, mine, others, whole)
    else:
        lines += _why_packed(step, mine, others, whole)
    return " ".join(lines)


def _why_dense(step: Step, mine: float, others: dict[str, float], whole: int) -> list[str]:
    held = whole * step.matrix.dtype.itemsize
    cache = largest_cache()
    place = ""
    if cache is not None:
        place = f"; its {size(held)} {'fit' if held < cache else 'do not fit'} the cache of {size(cache)}"
    lines = []
    for name, seconds in sorted(others.items(), key=lambda pair: pair[1]):
        if name not in _SPARSE:
            continue
        if seconds <= mine:
            lines.append(f"By itself {name} takes {duration(seconds)}, but that gains nothing in the whole program.")
            continue
        wins = 1 - step.kept * (mine / seconds) / whole
        lines.append(
            f"{name} takes {seconds / mine:.1f} times as long{place}; at the same time for each weight it would win "
            f"above {percent(wins)}."
        )
        place = ""
    return lines or [f"{_nothing_else(step).capitalize()}{place}."]


def _why_packed(step: Step, mine: float, others: dict[str, float], whole: int) -> list[str]:
    dense = min(others[name] for name in ("dense", "dense features") if name in others)  # which is always tried
    share = step.matrix.multiply_adds / whole
    ideal = f", so at the same speed it would be {1 / share:.1f} times" if share else ""
    lines = [
        f"A dense product takes {duration(dense)}, {dense / mine:.1f} times as long; this one does "
        f"{percent(share)} of its multiply-adds{ideal}."
    ]
    rest = {name: seconds for name, seconds in others.items() if not name.startswith("dense")}
    told = ", ".join(f"{name} {duration(seconds)}" for name, seconds in sorted(rest.items(), key=lambda pair: pair[1]))
    return [*lines, f"Also tried: {told}."] if told else lines


def _nothing_else(step: Step) -> str:
    if step.kept == step.inputs * step.outputs:
        return "nothing in it is pruned, so nothing else was tried"
    return "too much is kept for a sparse product, so none was tried"


def _apart(step: Step) -> tuple[float, dict[str, float]]:
    """Return the time of the kernel that was taken, and those of the others."""
    others = {name: seconds for name, seconds in step.times.items() if name != step.kernel.name}
    return step.times[step.kernel.name], others


def largest_cache() -> int | None:
    """Return the bytes of the processor's largest cache, or None where the system doesn't tell."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    found = []
    for path in Path(_CACHES).glob("index*/size"):
        try:
            text = path.read_text(encoding="ascii").strip()
            found.append(int(text[:-1]) * units[text[-1]])
        except (OSError, ValueError, KeyError, IndexError):
            continue
    return max(found, default=None)
