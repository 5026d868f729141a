"""Mean and standard deviation are those of the definition, and tables and files hold what the records do."""

import csv
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune.errors import InvalidValueError, StorageError
from minprune.study.records import Sweep


def record(seed, value, *, criterion="magnitude", sparsity=0.9, control=None, **more):
    asked = {"seed": seed, "criterion": criterion, "allocation": "Global", "pattern": "Unstructured"}
    return asked | {"sparsity": sparsity, "control": control, "achieved": sparsity, "accuracy": value} | more


MIXED = Sweep(
    (
        record(0, 0.80, loss=2.0),
        record(0, 0.95, criterion=None, sparsity=0.0, control="dense", loss=1.0),
        record(0, 0.75, control="shuffled", loss=3.0),
        record(1, 0.84, loss=2.5),
        record(1, 0.97, criterion=None, sparsity=0.0, control="dense", loss=1.5),
        record(1, 0.73, control="shuffled", loss=3.5),
        record(0, 0.60, sparsity=0.985, loss=4.0),
        record(1, 0.62, sparsity=0.985, loss=4.5),
    ),
    ("accuracy", "loss"),
)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), st.lists(st.floats(-1, 1), min_size=1, max_size=6))
def test_mean_and_standard_deviation_are_those_of_the_definition(first, second):
    found = Sweep(
        tuple(record(k, v) for k, v in enumerate(first))
        + tuple(record(k, v, control="random", criterion=None) for k, v in enumerate(second))
    ).summary()
    for row, values in zip(found, (first, second), strict=True):
        n = len(values)
        mean = sum(values) / n
        assert row["count"] == n
        assert row["mean"] == pytest.approx(mean, rel=1e-9, abs=1e-9)
        if n == 1:
            assert row["sd"] is None
        else:
            expected = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
            assert row["sd"] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_only_the_seed_is_averaged_over():
    assert [(r["criterion"], r["control"], r["sparsity"], round(r["mean"], 9)) for r in MIXED.summary()] == [
        ("magnitude", None, 0.9, 0.82),
        (None, "dense", 0.0, 0.96),
        ("magnitude", "shuffled", 0.9, 0.74),
        ("magnitude", None, 0.985, 0.61),
    ]
    assert [row["mean"] for row in MIXED.summary("loss")] == [2.25, 1.25, 3.25, 4.25]


def test_it_prints_as_a_table_with_the_number_of_seeds():
    assert repr(MIXED) == "\n".join(
        [
            "accuracy after pruning, over 2 seeds; dense, trained as long, 0.960 ± 0.014",
            "weights pruned                90 %         98.5 %",
            "─────────────────────────────────────────────────",
            "magnitude            0.820 ± 0.028  0.610 ± 0.014",
            "magnitude, shuffled  0.740 ± 0.014",
            "also measured: loss; see table(metric)",
        ]
    )


def test_all_metrics_are_named_the_first_is_shown():
    more = Sweep((record(0, 0.8, loss=1.0, recall=0.5),), ("loss", "accuracy", "recall"))
    assert repr(more).splitlines()[0] == "loss after pruning, over 1 seed"
    assert repr(more).splitlines()[-1] == "also measured: accuracy, recall; see table(metric)"


def test_one_seed_has_no_deviation_and_uneven_numbers_of_seeds_are_told():
    assert repr(Sweep((record(0, 0.8),))).splitlines()[0] == "accuracy after pruning, over 1 seed"
    assert Sweep((record(0, 0.8),)).table().splitlines()[-1].split() == ["magnitude", "0.8000"]
    uneven = Sweep((record(0, 0.8), record(1, 0.8), record(0, 0.7, sparsity=0.5)))
    assert "over 1–2 seeds" in uneven.table()
    assert "0.8000 ± 0.0000" in uneven.table()


@pytest.mark.parametrize(
    ("scale", "cell"),
    [
        (1, "0.9100 ± 0.0014"),
        (100, "91.00 ± 0.14"),
        (1e4, "9100 ± 14"),
        (1e6, "910000 ± 1414"),
        (1 / 50, "0.018200 ± 0.000028"),
        (1 / 500, "0.001820 ± 0.000003"),  # six digits at most
    ],
)
def test_a_table_ends_with_two_digits_of_the_deviation(scale, cell):
    found = Sweep((record(0, 0.911 * scale), record(1, 0.909 * scale)))
    assert found.table().splitlines()[-1].endswith(cell)


def test_labels_tell_as_much_as_is_needed():
    rows = [record(0, 1), record(0, 1, control="shuffled") | {"pattern": "NM(2, 4)"},
            record(0, 1, control="random", criterion=None),
            record(0, 1, control="small_dense", criterion=None) | {"allocation": None, "pattern": None}]  # fmt: skip
    assert [Sweep(tuple(rows)).label(row) for row in rows] == [
        "magnitude · Unstructured", "magnitude · NM(2, 4), shuffled", "random · Unstructured", "small dense",
    ]  # fmt: skip


def test_a_file_holds_the_records_and_a_dict_goes_through_json(tmp_path):
    path = MIXED.to_csv(tmp_path / "sweep.csv")
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert rows == [{k: "" if v is None else str(v) for k, v in r.items()} for r in MIXED.records]
    assert json.loads(json.dumps(MIXED.to_dict())) == {"metrics": ["accuracy", "loss"], "records": list(MIXED.records)}
    with pytest.raises(StorageError):
        MIXED.to_csv(path / "below")


def test_a_mistyped_metric_gets_a_hint():
    for call in (MIXED.summary, MIXED.table):
        with pytest.raises(InvalidValueError) as caught:
            call("acuracy")
        assert str(caught.value) == (
            f"metric must be a known name, got 'acuracy' in {call.__name__}(); did you mean 'accuracy'? "
            "Known: accuracy, loss, achieved"
        )
