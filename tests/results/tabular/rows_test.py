"""Tests of nas_keras/results/tabular/rows.py."""

import csv
import io
import math
import sys

import pytest

import nas_keras as nk
from nas_keras.results.tabular import rows

SPACE = nk.SearchSpace(
    "net", [nk.Decision("filters", (8, 16)), nk.Decision("reward", ("a,b", None)), nk.Decision("=pool", ("x", "y"))]
)


def _trial(number, actions, evaluation, *, cached=False):
    return nk.Trial(number, 2, 1, 77, actions, (), ",".join(map(str, actions)), cached, evaluation)


TRIALS = [
    _trial(0, (1, 0, 1), nk.Evaluation(0.5, valid_accuracy=0.5, num_params=1234, epochs=3, seconds=1.5)),
    _trial(1, (0, 1, 0), nk.Evaluation.failure('out of memory, "twice"', seconds=2.0), cached=True),
]


def test_a_trial_is_a_row_with_its_decisions_by_name():
    first, second = rows.rows_of(SPACE, TRIALS)
    assert list(first.items())[:8] == [
        ("trial", 0), ("filters", 16), ("reward (decision)", "a,b"), ("=pool", "y"),
        ("key", "filters=16, reward=a,b, =pool=y"), ("reward", 0.5), ("status", "ok"), ("cached", False),
    ]  # fmt: skip
    assert list(first)[8:] == [*rows.MEASURED, "iteration", "seed"]
    assert (first["num_params"], first["epochs"], first["seconds"], first["iteration"], first["seed"]) == (
        1234, 3, 1.5, 2, 77,
    )  # fmt: skip
    assert second["reward (decision)"] == "None" and second["cached"] and math.isnan(second["reward"])
    assert second["status"] == 'failed: out of memory, "twice"'


def test_tables_have_a_column_of_test_accuracies():
    trials = [_trial(0, (0, 0, 0), nk.Evaluation(0.5, test_accuracy=0.25)), TRIALS[1]]
    assert rows.columns_of(SPACE, trials)[-1] == "test_accuracy" != rows.columns_of(SPACE, TRIALS)[-1]
    assert rows.rows_of(SPACE, trials)[0]["test_accuracy"] == 0.25


def test_csv_is_read_back_as_it_was():
    columns, made = rows.columns_of(SPACE, TRIALS), rows.rows_of(SPACE, TRIALS)
    read = list(csv.DictReader(io.StringIO(rows.to_csv_text(columns, made))))
    assert list(read[0]) == columns
    for row, text in zip(made, read, strict=True):
        assert text == {name: "" if rows.is_missing(value) else str(value) for name, value in row.items()}
    assert read[1]["reward"] == "" and read[0]["reward (decision)"] == "a,b"


def test_a_data_frame_has_numbers_where_they_are_known():
    pytest.importorskip("pandas")
    frame = rows.to_dataframe(rows.columns_of(SPACE, TRIALS), rows.rows_of(SPACE, TRIALS))
    assert list(frame.columns) == rows.columns_of(SPACE, TRIALS) and len(frame) == 2
    assert frame["reward"].mean() == 0.5 and frame["filters"].sum() == 24 and frame["cached"].tolist() == [False, True]
    empty = rows.to_dataframe(rows.columns_of(SPACE, []), [])
    assert list(empty.columns) == list(frame.columns) and empty.empty


def test_without_pandas_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(nk.NasKerasError, match=r"needs pandas: pip install 'nas_keras\[pandas\]'"):
        rows.to_dataframe(["key"], [])
