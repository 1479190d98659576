"""Tests of nas_keras/reports/table_page/page.py: the whole page, of complete tables and of others."""

import re

import pytest
from helpers import grid
from reports.tables import SMALL, rows_after, small_accuracies, write_accuracies

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports import page as pages
from nas_keras.reports.page import Searches
from nas_keras.reports.table_page import page as report


@pytest.fixture(scope="module", name="page")
def _page(tmp_path_factory):
    """(folder, text of the page, headlines) of a whole table, without searches."""
    folder = tmp_path_factory.mktemp("report")
    table = write_accuracies(folder / "a_table", SMALL, small_accuracies())
    made = report.write_report(
        table, SMALL, folder / "docs", searches=Searches(0), command="python launch/report.py --a"
    )
    assert made.page == folder / "docs" / "README.md"
    return folder, made.page.read_text(), made.headlines


@pytest.fixture(name="_undrawn")
def _undrawn_fixture(monkeypatch):
    """Pictures are composed and not written, which is what takes long."""
    monkeypatch.setattr(pages.style, "render", lambda figure, name: b"")


def test_the_headlines_begin_the_page(page):
    _, text, headlines = page
    assert headlines == [
        "64 of 64 cells have an accuracy, from 128 trainings, of which 0 failed; 64.0 core-hours.",
        "The best cell is identity: validation 96.30 ± 0.10 %, test 86.30 ± 0.10 % (mean ± standard error over "
        "trainings).",
        "Among the best quarter one training scatters by 0.14 points about its cell's mean; 3 cells are within two "
        "standard errors of the best.",
        "Rank correlation (Spearman) of mean validation and mean test accuracy: 1.00.",
    ]
    assert text.startswith("<!-- Made by launch/report.py")
    assert "\n# The small space on mn&lt;i\\>st: its table\n" in text


def test_the_best_cells_and_those_of_people(page):
    _, text, _ = page
    best = rows_after(text, "## The best 10")
    assert best[0] == ["1", "`identity`", "96.30 ± 0.10", "86.30 ± 0.10", "2", "12,345"] and len(best) == 10
    assert [row[:3] for row in rows_after(text, "## Cells that people designed")] == [
        ["VGG", "55", "`conv_3x3[conv_3x3]`"]
    ]
    (first, second) = rows_after(text, "## What matters")
    assert first[:3] == ["`op_1`", "100", "`identity`"] or first[0] == "`op_1`"
    assert second[0] == "`op_2`"


def test_pictures_are_there_and_linked(page):
    folder, text, _ = page
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert [name.split(".")[0] for name in linked] == ["heat_map"]
    assert {path.name for path in (folder / "docs").iterdir()} == {"README.md", "index.html", *linked}
    assert text.endswith("\n```sh\npython launch/report.py --a\n```\n")


def test_a_table_that_is_begun(tmp_path, _undrawn):
    """One training of most cells and a failure: the page says what there is."""
    accuracies = {job: found for job, found in small_accuracies().items() if job[1] == 0}
    del accuracies["0,0", 0]
    accuracies["0,1", 0] = None
    made = report.write_report(write_accuracies(tmp_path / "table", SMALL, accuracies), SMALL, tmp_path / "docs")
    assert made.headlines[0].startswith("62 of 64 cells have an accuracy, from 63 trainings, of which 1 failed;")
    text = made.page.read_text()
    assert rows_after(text, "## The best 10")[2][1:3] == ["`conv_7x7`", "96.00"] or "96.00 |" in text
    assert "Searches on the table" not in text and not re.search(r"\b(nan|inf)\b", text)


def test_a_table_of_one_seed_and_few_cells(tmp_path, _undrawn):
    large = nk.spaces.large(3)
    accuracies = {(large.key(large.encode(cell())), 0): (0.9, float("nan")) for cell in (nk.cells.vgg, nk.cells.resnet)}
    table = write_accuracies(tmp_path / "table", large, accuracies)
    made = report.write_report(table, large, tmp_path / "docs", searches=Searches(3))
    text = made.page.read_text()
    assert made.headlines[1].endswith(": validation 90.00 %, no test accuracy (mean ± standard error over trainings).")
    assert "heat_map" not in text and not re.search(r"\b(nan|inf)\b", text)
    assert {row[0] for row in rows_after(text, "## Cells that people designed")} == {"VGG", "ResNet"}


def test_any_space_can_be_shown_and_searched(tmp_path, _undrawn):
    space = grid(2, 2, 2)
    accuracies = {(space.key(a), s): (0.5 + 0.1 * sum(a) + 0.01 * s, 0.5) for a in space.enumerate() for s in (0, 1)}
    table = write_accuracies(tmp_path / "table", space, accuracies)
    made = report.write_report(table, space, tmp_path / "docs", searches=Searches(1, 2))
    text = made.page.read_text()
    assert "The best cell is d0=1, d1=1, d2=1: validation 80.50 ± 0.50 %" in made.headlines[1]
    assert "## Searches on the table" in text and "(searches.svg)" in text


def test_what_cannot_be_is_refused_and_nothing_written(tmp_path):
    table = write_accuracies(tmp_path / "table", SMALL, {("0,0", 0): (0.5, 0.5)})
    for arguments, error, message in (
        ({"space": grid(2)}, InvalidValueError, "is of another space than"),
        ({"searches": Searches(-1)}, InvalidValueError, "searches=-1 is not allowed"),
        ({"searches": Searches(batches=0)}, InvalidValueError, "batches=0 is not allowed"),
        ({"table": tmp_path / "nowhere"}, DataError, "There is no table in"),
    ):
        settings = {"table": table, "space": SMALL, **arguments}
        with pytest.raises(error, match=message):
            report.write_report(settings.pop("table"), settings.pop("space"), tmp_path / "docs", **settings)
    assert not (tmp_path / "docs").exists()
