"""Tests of nas_keras/reports/table_page/page.py: the whole page, of complete tables and of others."""

import dataclasses
import re

import numpy as np
import pytest
from helpers import grid
from reports.tables import RECIPE, SMALL, rows_after, small_accuracies, write_accuracies

import nas_keras as nk
from nas_keras.comparison.table_searches import PAPER, TableSearches
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports.page_folder import Picture
from nas_keras.reports.searches_section import searches_section
from nas_keras.reports.table_facts import gather_table
from nas_keras.reports.table_page import page as report
from nas_keras.storage import recipe
from nas_keras.storage.table_writer import write_table
from nas_keras.trial import training_seed


@pytest.fixture(scope="module", name="page")
def _page(tmp_path_factory):
    """(folder, text of the page, headlines) of a whole table, without searches."""
    folder = tmp_path_factory.mktemp("report")
    table = write_accuracies(folder / "a_table", SMALL, small_accuracies())
    made = report.write_report(
        table, SMALL, folder / "docs", searches=0, command="python launch/report.py --searches=0"
    )
    assert made.page == folder / "docs" / "README.md"
    return folder, made.page.read_text(), made.headlines


@pytest.fixture(name="_undrawn")
def _undrawn_fixture(monkeypatch):
    """Pictures are composed and not written, which is what takes long."""
    monkeypatch.setattr(report.style, "render", lambda figure, name: Picture(f"{name}.png", b""))


def test_the_headlines_begin_the_page(page):
    _, text, headlines = page
    assert headlines[:2] == [
        "64 of 64 cells have an accuracy; trainings of a cell: at most 2; 0 trainings are missing, 0 failed.",
        "The best cell is identity, identity: validation 96.30 ± 0.10 %, test 86.30 ± 0.10 % (mean ± standard error "
        "over trainings).",
    ]
    assert headlines[-1].endswith(
        "of two trainings of all cells: 1.00; of mean validation and mean test accuracy: 1.00."
    )
    assert text.startswith("<!-- Made by launch/report.py")
    assert "\n# The small space on mn&lt;i\\>st: results of its table\n" in text
    assert all(f"\n- {headline}\n" in text for headline in headlines)


def test_pictures_are_there_and_linked(page):
    folder, text, _ = page
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert [name.split(".")[0] for name in linked] == ["heat_map", "sorted", "effects"]
    assert {path.name for path in (folder / "docs").iterdir()} == {"README.md", *linked}


def test_the_end_of_the_page_without_searches(page):
    _, text, _ = page
    assert "No searches: none were requested." in text
    assert text.endswith("\n```sh\npython launch/report.py --searches=0\n```\n")


def test_the_same_table_gives_the_same_files(page):
    folder, _, _ = page
    before = {path.name: path.read_bytes() for path in (folder / "docs").iterdir()}
    command = "python launch/report.py --searches=0"
    report.write_report(folder / "a_table", SMALL, folder / "docs", searches=0, command=command)
    assert {path.name: path.read_bytes() for path in (folder / "docs").iterdir()} == before


def test_a_table_that_is_begun(tmp_path, _undrawn):
    """One training of most cells, a second of a few, a failure: the page says what there is."""
    accuracies = {job: found for job, found in small_accuracies().items() if job[1] == 0 or job[0] in ("7,7", "7,6")}
    del accuracies["0,0", 0], accuracies["7,6", 0]
    accuracies["0,1", 0] = None
    made = report.write_report(write_accuracies(tmp_path / "table", SMALL, accuracies), SMALL, tmp_path / "docs")
    text = made.page.read_text()
    assert made.headlines[0] == (
        "62 of 64 cells have an accuracy; trainings of a cell: at most 2; 64 trainings are missing, 1 failed."
    )
    assert "No searches: the table lacks 1 keys." in text
    assert "effects explain" not in text  # shares of a part would not add up
    assert "read the effects only when the table is complete" in text
    assert rows_after(text, "The best 10:")[2][1:3] == [
        "`identity, max_pool_2x2`",
        "96.00",
    ]  # no error from one training
    assert [pair[3:] for pair in rows_after(text, "### Pairs")] == [["–"] * 3] * 7
    assert not re.search(r"\b(nan|inf)\b", text)


def test_a_table_of_one_seed_and_few_cells(tmp_path, _undrawn):
    large = nk.spaces.large(3)
    accuracies = {(large.key(large.encode(cell())), 0): (0.9, float("nan")) for cell in (nk.cells.vgg, nk.cells.resnet)}
    made = report.write_report(
        write_accuracies(tmp_path / "table", large, accuracies), large, tmp_path / "docs", searches=3
    )
    text = made.page.read_text()
    assert made.headlines[0].startswith("2 of 2,000 cells have an accuracy; trainings of a cell: at most 1;")
    assert made.headlines[1].endswith(": validation 90.00 %, no test accuracy (mean ± standard error over trainings).")
    assert "All cells, best first:" in text and "heat_map" not in text
    assert ["ResNet", "`add(conv_3x3[conv_3x3],identity)`", "–", "–", "90.00", "–", "1", "–"] in rows_after(
        text, "## Known"
    )
    assert ["Inception", "`concat(conv_3x3,conv_5x5,max_pool_2x2)`"] == rows_after(text, "## Known cells")[3][:2]
    assert "No two cells of the table are the same network." in text
    assert "2 of the trainings have no test accuracy, because they come from searches" in text
    assert not re.search(r"\b(nan|inf)\b", text)


def test_any_space_can_be_shown(tmp_path, _undrawn):
    space = grid(2, 2, 2)
    accuracies = {(space.key(a), s): (0.5 + 0.1 * sum(a) + 0.01 * s, 0.5) for a in space.enumerate() for s in (0, 1)}
    made = report.write_report(
        write_accuracies(tmp_path / "table", space, accuracies), space, tmp_path / "docs", searches=0
    )
    text = made.page.read_text()
    assert "The space contains neither the paper's best cells" in text
    assert "The best cell is 1, 1, 1: validation 80.50 ± 0.50 %" in made.headlines[1]
    assert "precompute_rewards" not in text  # it knows the space by no name


SEARCHED = TableSearches(
    curves={PAPER: np.full((4, 12), 0.75), "uniform sampling": np.full((4, 12), 0.5)},
    probabilities=np.array([0.5, 0.75, 0.75, 1.0]),
    best_probabilities=np.array([0.25, 0.25, 0.25, 0.25]),
    uniform_probability=5 / 64,
    until_best={
        "PPO": np.array([10.0, 20, 30, np.inf]),
        PAPER: np.array([np.inf] * 4),
        "random search": np.array([30.0, 31, 32, 33]),
    },
    until_good={"PPO": np.array([1.0, 2, 3, 4]), PAPER: np.array([9.0] * 4), "random search": np.array([5.0, 5, 5, 5])},
    num_evaluated=np.array([40, 40, 40, 44]),
    batch_size=8,
    best=0.96,
    mean=0.93,
    config={"entropy": 0.1, "steps": 10},
)


def test_what_searches_gave(page):
    folder, _, _ = page
    facts = gather_table(folder / "a_table", SMALL)
    text = searches_section(facts, SEARCHED, "searches.svg")
    assert rows_after(text, "## Searching the table") == [
        ["PPO", "25 (17.5 to never)", "3 of 4", "2.5 (1.75 to 3.25)", "4 of 4"],
        [PAPER, "never (never to never)", "0 of 4", "9 (9 to 9)", "4 of 4"],
        ["random search", "31.5 (30.75 to 32.25)", "4 of 4", "5 (5 to 5)", "4 of 4"],
    ]
    assert "12 batches of 8, 4 seeds" in text and "![Mean reward of samples against iteration](searches.svg)" in text
    assert "In the last 10 batches its samples had 75.00 % on average, uniform ones 50.00 %." in text
    assert "puts 75.0 % of its probability on the 5 best cells (50.0 to 100.0 %) and 25.0 % on the best alone" in text
    assert "The 96 samples of PPO in the paper's form were 40 (40 to 41) distinct cells." in text
    assert "costs 64 trainings, about 32.0 core-hours, and random search finds the best cell after 32.5" in text
    assert "but not that a search saves work" in text
    assert text.endswith("The settings of `PPO`: entropy 0.1, steps 10.")


def test_a_larger_space_is_told_of_in_other_words(page, tmp_path):
    large = nk.spaces.large(2)
    accuracies = {(large.key(large.encode(nk.cells.vgg())), 0): (0.9, 0.9)}
    facts = gather_table(write_accuracies(tmp_path / "table", large, accuracies), large)
    text = searches_section(facts, SEARCHED, "searches.svg")
    assert "costs 129 trainings" in text and "With so few cells" not in text


def test_searches_in_the_headlines(page, monkeypatch, tmp_path):
    folder, _, _ = page
    asked, drawn = {}, []
    monkeypatch.setattr(report, "run_searches", lambda *args, **settings: asked.update(settings) or SEARCHED)
    monkeypatch.setattr(report.style, "render", lambda figure, name: Picture(f"{drawn.append(name) or name}.png", b""))
    made = report.write_report(folder / "a_table", SMALL, tmp_path / "docs", searches=4, batches=12)
    assert (asked["searches"], asked["batches"]) == (4, 12)
    assert made.headlines[-1] == (
        "The final policy of PPO in the paper's form puts 75 % of its probability on the 5 best cells (mean of 4 "
        "searches), a uniform policy 8 %. Until the best was found PPO evaluated 25 cells (median), random search 31.5."
    )
    assert "searches" in drawn and "](searches.png)" in made.page.read_text()


def test_keys_from_a_file_are_escaped(tmp_path, _undrawn):
    space = nk.SearchSpace("s_*", [nk.Decision("d|<b>", ("x`|y", "[z](http://w)"))])
    accuracies = {("0", 0): (0.5, 0.5), ("1", 0): (0.75, 0.5)}
    made = report.write_report(
        write_accuracies(tmp_path / "table", space, accuracies), space, tmp_path / "docs", searches=0
    )
    text = made.page.read_text()
    assert "# The s\\_\\* space on" in text
    assert r"| 2 | x\`\|y | 50.00 |" in text and "| 1 | `[z](http://w)` | 75.00 |" in text
    assert r"The best cell is \[z\](http://w):" in text


def test_a_page_takes_no_other_file_s_place(page, tmp_path):
    folder, _, _ = page
    table = folder / "a_table"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README.md").write_text("by hand")
    with pytest.raises(InvalidValueError, match="other/README.md was not made by this program. Name another folder"):
        report.write_report(table, SMALL, tmp_path / "other")
    for output in (tmp_path / "other" / "README.md", tmp_path / "other" / "README.md" / "docs"):
        with pytest.raises(InvalidValueError, match="README.md is a file, so .* cannot be a folder. Name a folder"):
            report.write_report(table, SMALL, output)
    assert (tmp_path / "other" / "README.md").read_text() == "by hand"


def test_what_cannot_be_reported(page, tmp_path, _undrawn):
    folder, _, _ = page
    table, output = folder / "a_table", tmp_path / "docs"
    with pytest.raises(InvalidValueError, match="a_table is of another space than .*grid"):
        report.write_report(table, grid(2), output)
    with pytest.raises(DataError, match="^There is no table in"):
        report.write_report(tmp_path, SMALL, output)
    with pytest.raises(InvalidValueError, match="^searches=-1 is not allowed"):
        report.write_report(table, SMALL, output, searches=-1)
    with pytest.raises(InvalidValueError, match="^batches=0 is not allowed"):
        report.write_report(table, SMALL, output, batches=0)
    failed = write_accuracies(tmp_path / "failed", SMALL, {("0,0", 0): None})
    with pytest.raises(DataError, match="^No record of the table has a validation accuracy"):
        report.write_report(failed, SMALL, output)
    assert not output.exists()


def test_variants_of_the_recipe_are_counted(tmp_path, _undrawn):
    variant = {**RECIPE, "train": {"batch_size": 64}}
    table = tmp_path / "table"
    evaluation = nk.Evaluation(0.5, valid_accuracy=0.5, recipe=recipe.fingerprint(variant))
    trial = nk.Trial(0, 0, 0, training_seed(0, "0,0"), (0, 0), (), "0,0", False, evaluation)
    other = dataclasses.replace(trial, key="0,1", seed=training_seed(0, "0,1"), actions=(0, 1))
    write_table(table, [trial, other], space=SMALL, recipe=RECIPE, variants=[variant])
    made = report.write_report(table, SMALL, tmp_path / "docs")
    assert made.headlines[0].endswith("0 failed, 2 fell back to a variant of the recipe.")
