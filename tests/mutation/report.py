"""What the mutants came to: a table of scores, and every survivor beside the reason why it may live.

    python tests/mutation/report.py                      # scores, and the survivors that no line explains
    python tests/mutation/report.py minprune.nn          # of one part
    python tests/mutation/report.py --out tutorials/results/mutation.md

The reasons stand in survivors/, a line each: place | what was changed | kind: reason. `run.py` must have gone before.
"""

import argparse
import datetime
import sys
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).parent
LISTS = HERE / "survivors"
KINDS = {
    "same": "nothing that can be observed differs",
    "guard": "the line protects against what cannot happen now",
    "words": "text of an internal error or label that no user meets",
    "looks": "only how a picture looks",
    "speed": "only time or memory differ",
    "clock": "seen only by timing",
    "limit": "a constant whose exact value does not matter",
    "rare": "needs an input that no test can make at a reasonable cost",
}
ALIVE = {0: "survived", 33: "no test"}


def collected():
    """Return each mutant's verdict: name -> (file, code)."""
    from mutmut import __main__ as mutmut

    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    return {name: (str(data.path), code) for data, name, code in mutants}


def change(name, file):
    """Return what a mutant changed on one line: `before → after`."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=file).splitlines()[2:]
    before = " ⏎ ".join(line[1:].strip() for line in lines if line.startswith("-"))
    after = " ⏎ ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return f"{before}  →  {after}"


def place(name, file):
    """Return `file function` of a mutant, the function with its class."""
    inner = name.partition("__mutmut_")[0].rpartition(".")[2]
    return f"{file} {inner.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def explained():
    """Return the reasons that are written down: (place, change) -> reason."""
    reasons = {}
    for file in sorted(LISTS.glob("*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                where, rest = line.split(" | ", 1)
                what, reason = rest.rsplit(" | ", 1)
                reasons[where, what] = reason
    return reasons


def survivors(files, with_reasons):
    """Return the names of those that survived, also of those that a line explains if so asked."""
    reasons = {} if with_reasons else explained()
    return {
        name
        for data in files
        for name, code in data.exit_code_by_key.items()
        if code in ALIVE and (place(name, str(data.path)), change(name, str(data.path))) not in reasons
    }


def part(file):
    """Return the part of minprune that a file belongs to."""
    parts = Path(file).parts
    return "/".join(parts[:2]) if len(parts) > 2 else "minprune/*.py"


def table(verdicts):
    """Return the scores as a Markdown table."""
    counts = defaultdict(Counter)
    for file, code in verdicts.values():
        kind = "not tried" if code is None else ALIVE.get(code, "timeout" if code == 36 else "killed")
        for row in (part(file), "**all**"):
            counts[row][kind] += 1
    lines = [
        "| part | mutants | killed | of these by time-out | survived | not tried | score |",
        "|---|---|---|---|---|---|---|",
    ]
    for row, count in counts.items():
        killed, alive = count["killed"] + count["timeout"], count["survived"] + count["no test"]
        score = f"{killed / (killed + alive):.1%}" if killed + alive else ""
        total = sum(count.values())
        lines.append(
            f"| {row} | {total:,} | {killed:,} | {count['timeout']} | {alive} | {count['not tried']} | {score} |"
        )
    return "\n".join([*lines[:2], *sorted(lines[2:], key=lambda line: "**all" in line)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="MODULE", help="only mutants whose name begins so")
    parser.add_argument("--out", type=Path, help="write the table and the reasons' counts here")
    parser.add_argument("--stale", action="store_true", help="name lines of survivors/ that no survivor needs")
    options = parser.parse_args()
    verdicts = {n: v for n, v in collected().items() if not options.names or n.startswith(tuple(options.names))}
    reasons, needed, kinds = explained(), set(), Counter()
    open_ones = []
    for name, (file, code) in sorted(verdicts.items(), key=lambda each: (each[1][0], each[0])):
        if code not in ALIVE:
            continue
        key = place(name, file), change(name, file)
        needed.add(key)
        if key in reasons:
            kinds[reasons[key].partition(":")[0]] += 1
        else:
            open_ones.append((*key, name))
    scores = table(verdicts)
    print(scores)
    print("\nreasons: " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))
    if options.stale:
        print(*(f"stale: {where} | {what}" for where, what in reasons if (where, what) not in needed), sep="\n")
    print(f"\n{len(open_ones)} survivors without a reason")
    for where, what, name in open_ones:
        print(f"{where} | {what} | ?  # {name}")
    if options.out:
        options.out.write_text(page(scores, kinds, len(open_ones), verdicts), encoding="utf-8")
    return 1 if open_ones else 0


def page(scores, kinds, unexplained, verdicts):
    """Return the page that is kept with the results."""
    tried = sum(code is not None for _, code in verdicts.values())
    sample = "All mutants were tried."
    if tried < len(verdicts):
        sample = f"{tried:,} of {len(verdicts):,} mutants were tried: of each file a sample in equal steps (`--every`)."
    left = f"{unexplained} have no reason yet" if unexplained else "each has its line there"
    rows = "\n".join(f"| {kind} | {count} | {KINDS.get(kind, '')} |" for kind, count in kinds.most_common())
    return f"""# Mutation testing

One thing is changed in the code, and the tests are asked whether they notice. {datetime.date.today()}, mutmut 3.8.1,
Hypothesis without shrinking, 30 examples a property, one BLAS thread.

    pip install -e ".[test]" --group mutation
    python tests/mutation/run.py
    python tests/mutation/report.py --out tutorials/results/mutation.md

{scores}

{sample}

A mutant is tried on a few seconds of the tests that run its function, the nearest first, so the score is a lower bound.
`minprune/testing/broken/` is left out: it consists of mutants. Why a survivor may live stands in
`tests/mutation/survivors/`; {left}.

| reason | survivors | |
|---|---|---|
{rows}
"""


if __name__ == "__main__":
    sys.exit(main())
