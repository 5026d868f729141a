"""What checks say, written down in said/: compared word by word, and number by number within rounding.

    python tests/testing/told.py

writes the files anew (`told.py plan` those of plans, `--rows` without the reports), for `git diff` to show what is said
otherwise. Two kinds are kept. `said/reports_*.txt` holds the
whole report of each broken implementation, with the case that the search found and made small; what the check says of
that case is asked anew in each test, so nothing hangs on how Hypothesis searches. `said/check_*.txt` holds what the
rows of `test_check_*.py` come to: for each way in which a check can say no, a subject that makes it do so, and some
that it has to let pass.
"""

import ast
import copy
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import strategies as st

from minprune.testing import LawBroken, law
from minprune.testing.broken import BROKEN
from minprune.testing.checks import properties
from minprune.testing.running import Property, run

SAID = Path(__file__).parent / "said"
FOLDER = re.compile(r"[^\s'\"]*(?=network\.safetensors)")
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]?\d+)?")


def answer(component, name, subject, case):
    """Return what the check of a law says of a subject and a case, as text."""
    try:
        law(name).check_of(component)(*copy.deepcopy((subject, case)))  # a subject may count its calls
    except LawBroken as error:
        return f"asked  {error.asked}\ncame   {error.came}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it holds"


def reported(name):
    """Return the whole report of a broken implementation, with the smallest case."""
    entry = BROKEN[name]
    found = run(entry.component, entry.law, entry.subject, properties(entry.component)[entry.law], examples=60)
    return FOLDER.sub("", found.text)


def reported_again(name, text):
    """Return the report of a broken implementation on the case that a report shows."""
    *imports, last = [line.strip() for line in text.split("    paste\n")[1].splitlines()]
    names = {}
    exec("\n".join(line for line in imports if not line.startswith("#")), names)
    case = eval(compile(ast.Expression(ast.parse(last).body[0].value.args[1]), "case", "eval"), names)
    entry = BROKEN[name]
    prop = Property(properties(entry.component)[entry.law].check, lambda subject: st.just(case))
    return FOLDER.sub("", run(entry.component, entry.law, entry.subject, prop, examples=1, shrink=False).text)


def same(one, other):
    """Assert that two texts are alike: a number that is not whole may differ in what is lost by rounding."""
    assert NUMBER.sub("#", one) == NUMBER.sub("#", other)
    for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True):
        assert a == b or ({*".e"} & {*a, *b} and float(a) == pytest.approx(float(b), rel=2e-5, abs=1e-9)), (one, other)


def read(name):
    """Return the entries of a file: their first lines and the indented lines below."""
    entries = {}
    if not (SAID / f"{name}.txt").exists():
        return entries
    for block in (SAID / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        head, _, text = block.partition("\n")
        entries[head] = "\n".join(line.removeprefix("    ") for line in text.splitlines())
    return entries


def write(name, entries):
    """Write entries to a file."""
    if not entries:
        return
    blocks = [
        "\n".join([head, *("    " + line for line in text.splitlines())]).rstrip() for head, text in entries.items()
    ]
    SAID.mkdir(exist_ok=True)
    (SAID / f"{name}.txt").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def rows_of(component, rows):
    """Decorate a test so that it becomes one for each row, and each report of the component; it takes ``is_said``."""
    known, reports = read(f"check_{component}"), read(f"reports_{component}")

    def asked_for(head, row):
        return lambda: same(answer(component, *row), known[head])

    def shown_for(name, text):
        return lambda: same(reported_again(name, text), text)

    params = [pytest.param(asked_for(head, row), id=head) for head, row in named(rows).items()]
    params += [pytest.param(shown_for(name, text), id=f"the broken {name}") for name, text in reports.items()]
    return pytest.mark.parametrize("is_said", params)


def named(rows):
    """Return rows by their heads, ``law: what is wrong``."""
    result = {f"{row[0]}: {row[1]}": (row[0], *row[2:]) for row in rows}
    assert len(result) == len(rows), "two rows of one name"
    return result


def renew(only=()):
    """Write the files anew, or those of some components."""
    for file in sorted(Path(__file__).parent.glob("test_check_*.py")):
        module = import_module(file.stem)
        component = module.COMPONENT
        if only and component not in only:
            continue
        write(f"check_{component}", {head: answer(component, *row) for head, row in named(module.ROWS).items()})
        if "--rows" not in sys.argv:
            names = [name for name, entry in BROKEN.items() if entry.component == component]
            write(f"reports_{component}", {name: reported(name) for name in names})


if __name__ == "__main__":
    renew([name for name in sys.argv[1:] if not name.startswith("-")])
