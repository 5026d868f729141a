"""What a result says of itself, printed and as plain values, to the letter: told/results/*.

PYTHONPATH=. python tests/study/test_told.py        # writes them anew, after a change that is meant
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stories
from test_drawn import ONE, ROWS, TWO, cells, fallen_behind, network, one_unit_alone, replayed, swept, unmeasured

from minprune import analyze, evaluate
from minprune.study.frontier import Breakeven
from minprune.study.records import Sweep
from minprune.study.timing import Timing, Turns

FOLDER = Path(__file__).parent / "told" / "results"
SCORES = np.array([-2, 0.5, 1, -0.5, 2, 0.25, -1, 1.5, 0.75, 3])
LABELS = np.array([0, 0, 1, 0, 1, 1, 0, 0, 0, 1])
GROUPS = np.array(["b", "a", "b", "a", "b", "b", "a", "c", "c", "a"])


def judged(labels=LABELS, **more):
    """Rows whose logits are 0 and the score itself."""
    return evaluate(lambda x: np.column_stack([0 * x[:, 0], x[:, 0]]), (SCORES[:, None], labels), **more)


def timing(batch_size, scale=1.0):
    return Timing(batch_size, 1234, *(scale * t for t in (2e-6, 1.5e-6, 3.25e-6, 1e-5, 1e-6)), TWO)


def in_turns():
    bursts = {"dense": np.array([4e-6, 6e-6, 8e-6]), "program": np.array([2e-6, 2e-6, 1e-6])}
    return Turns({"dense": timing(16, 3.0), "program": timing(16)}, bursts)


def mixed():
    """A sweep over allocations and patterns, with two metrics, a seed that is missing, and columns that are."""
    runs = []
    for seed in (0, 1, 2):
        for k, (control, criterion, allocation, pattern) in enumerate(
            [
                ("dense", None, None, None),
                (None, "magnitude", "Global", "Neurons"),
                (None, "magnitude", "Uniform", "Unstructured"),
                ("reinitialised", "magnitude", "Uniform", "Unstructured"),
                ("random", None, "Uniform", "Unstructured"),
                ("small_dense", None, None, None),
            ]
        ):
            asked = {"seed": seed, "control": control, "criterion": criterion, "allocation": allocation}
            asked |= {"pattern": pattern, "sparsity": 0.0 if control == "dense" else 0.985}
            if (seed, control) != (2, "random"):
                runs.append(asked | {"loss": 1 + k / 8 + seed / 64, "accuracy": 0.9 - k / 16})
    runs[1]["note"] = "a, b"
    return Sweep(tuple(runs), ("loss", "accuracy"))


MAP = Breakeven(
    (*cells((0.5, 0.75, 0.9), (1, 1000)), *cells((0.5, 0.75, 0.9), (1, 2, 4), (64, 32), "NM(2, 4)")), 3, TWO
)
RESULTS = {
    "evaluation": lambda: judged(),
    "evaluation_by_group": lambda: judged(recall=0.75, by=GROUPS),
    "evaluation_one_class": lambda: judged(0 * LABELS, by=LABELS),
    "evaluation_four_classes": lambda: evaluate(
        lambda x: x * [1.0, -1.0, 0.5, 2.0], (SCORES[:, None], LABELS + 2), by=LABELS
    ),
    "evaluation_one_logit": lambda: evaluate(lambda x: x, (SCORES[:, None], LABELS), batch_size=3),
    "complexity": lambda: analyze(one_unit_alone()),
    "complexity_with_data": lambda: analyze(network([2, 3, 30, 2]), ROWS),
    "complexity_dense": lambda: analyze(network([20, 1000, 10], lambda i, o: i < 0)),
    "complexity_collapsed": lambda: analyze(network([3, 4, 2], lambda i, o: o > 0)),
    "complexity_emptied": lambda: analyze(network([3, 4, 2], lambda i, o: (i >= 0) & (len(i) == 4))),
    "breakeven": lambda: MAP,
    "breakeven_known": lambda: Breakeven(tuple(cells((0.5, 0.75, 0.9, 0.95, 0.99), (4,))), 3, ONE),
    "breakeven_unknown": lambda: Breakeven((*cells((0.5, 0.9), (1,)), *unmeasured(4)), 3, ONE),
    "timing": lambda: timing(1),
    "timing_of_many": lambda: timing(4096),
    "turns": in_turns,
    "sweep": lambda: swept(["magnitude", "movement"], [0.5, 0.9, 0.99]),
    "sweep_mixed": mixed,
    "sweep_one_seed": lambda: swept(["magnitude"], [0.9], [7], []),
    "replay": replayed,
    "replay_fallen_behind": fallen_behind,
    "comparison": lambda: stories.of_customers().comparison,
    "comparison_of_digits": lambda: replace(stories.of_digits().comparison, masked=()),
}


def plain(value):
    """Return values with floats to nine digits, which any machine agrees on, and of long lists the beginning."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value[:40]]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def told(result):
    figures = json.dumps(plain(result.to_dict()), indent=1, allow_nan=False)
    return f"{result!r}\n\n{figures}\n"


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_says_of_itself_what_it_said_printed_and_as_plain_values(name):
    wanted = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert told(RESULTS[name]()).splitlines() == wanted.splitlines()


def test_a_sweep_is_summed_up_and_written_as_it_was(tmp_path):
    found = mixed()
    assert found.table("accuracy").splitlines() == (FOLDER / "sweep_table.txt").read_text(encoding="utf-8").splitlines()
    summary = [f"{found.label(row)}: {plain(row)}" for metric in (None, "accuracy") for row in found.summary(metric)]
    assert summary == (FOLDER / "sweep_summary.txt").read_text(encoding="utf-8").splitlines()
    assert found.to_csv(tmp_path / "a.csv") == tmp_path / "a.csv"
    written = (tmp_path / "a.csv").read_bytes()
    assert written == (FOLDER / "sweep.csv").read_bytes()


def test_a_layer_is_shown_in_one_line():
    layers = analyze(network([20, 1000, 10]), np.ones((1, 20))).layers
    assert [repr(layer) for layer in layers] == [
        "LayerComplexity(dense1: 13,333 of 20,000 weights kept, 0 of 1,000 units dead)",
        "LayerComplexity(dense2: 6,666 of 10,000 weights kept, 0 of 10 units dead)",
    ]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True, parents=True)
    for name, result in RESULTS.items():
        (FOLDER / f"{name}.txt").write_text(told(result()), encoding="utf-8")
    found = mixed()
    (FOLDER / "sweep_table.txt").write_text(found.table("accuracy") + "\n", encoding="utf-8")
    lines = [f"{found.label(row)}: {plain(row)}" for metric in (None, "accuracy") for row in found.summary(metric)]
    (FOLDER / "sweep_summary.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found.to_csv(FOLDER / "sweep.csv")
