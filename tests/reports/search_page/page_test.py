"""Tests of the page of searches: its README.md as a whole, of many kinds of searches."""

import dataclasses
import json
import re

import pytest

import nas_keras as nk
from nas_keras.children import named_recipes
from nas_keras.reports import page as pages
from nas_keras.reports.page import Searches
from nas_keras.reports.search_page.facts import RunFacts, gather_runs
from nas_keras.reports.search_page.page import write_run_report
from nas_keras.results.export_folder import ExportedChild, write_exported
from nas_keras.results.runs import read_runs
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table_writer import write_table
from nas_keras.trial import Evaluation, Trial, training_seed

SPACE = nk.spaces.large(2)
NAMED = named_recipes.NAMED["mnist_1epoch_v1"]
RECIPE = {
    "child": named_recipes.settings_of(NAMED.child),
    "train": named_recipes.settings_of(NAMED.train),
    "data": {"name": "mnist", "digest": "1"},
}
LONGER = {**RECIPE, "train": {**RECIPE["train"], "epochs": 10, "shift": 1}}
VGG = "conv_3x3[conv_3x3]"


def _accuracy(cell):
    """Better with each conv_5x5; a cell that does nothing fails."""
    if cell.key == "identity":
        return Evaluation.failure("loss is NaN")
    accuracy = 0.9 + 0.03 * cell.key.count("conv_5x5") + len(cell.key) / 10_000
    return Evaluation(accuracy, valid_accuracy=accuracy, num_params=1_000 * len(cell.key), epochs=1, seconds=36)


def _search(path, strategy, space=SPACE, count=24, **settings):
    evaluator = nk.FunctionEvaluator(_accuracy, recipe=settings.pop("recipe", RECIPE))
    evaluator.source = {"dataset": "mnist", "version": "3.0.1", "data_dir": "/repository/testdata", "image_size": None}
    nk.search(space, evaluator, strategy=strategy, max_evaluations=count, workdir=path, **settings)
    return path


def _record(key, evaluation, run_seed=0, space=SPACE):
    actions = {space.key(encoding): encoding for encoding in space.enumerate(distinct=True)}[key]
    return Trial(0, 0, 0, training_seed(run_seed, key), actions, (), key, False, evaluation)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    """Two searches, three cells trained longer with two seeds, and a table of four of the 129 keys."""
    folder = tmp_path_factory.mktemp("report_runs")
    _search(folder / "ppo", "ppo")
    _search(folder / "random", "random")
    (ppo, random) = read_runs([folder / "ppo", folder / "random"])
    best = {run.strategy: run.top(1)[0].key for run in (ppo, random)}
    longer = {best["ppo"]: 0.995, best["random"]: 0.994, VGG: 0.99}
    trials = [
        _record(
            key, Evaluation(valid + gap, valid_accuracy=valid + gap, test_accuracy=valid - 0.001, num_params=9), seed
        )
        for seed, gap in ((0, -0.0001), (1, 0.0001))
        for key, valid in longer.items()
    ]
    write_table(folder / "trained", trials, space=SPACE, recipe=LONGER)
    known = {VGG: Evaluation(0.93, valid_accuracy=0.93, test_accuracy=0.92, num_params=7)}
    for key in ("conv_3x3", "max_pool_2x2", best["ppo"]):
        known[key] = Evaluation(0.9 + len(key) / 1000, valid_accuracy=0.9 + len(key) / 1000, num_params=8)
    write_table(folder / "table", [_record(*item) for item in known.items()], space=SPACE, recipe=RECIPE)
    return folder


@pytest.fixture(name="_undrawn")
def _undrawn_fixture(monkeypatch):
    """Pictures are composed and not written, which is what takes long."""
    monkeypatch.setattr(pages.style, "render", lambda figure, name: b"")


@pytest.fixture(scope="module", name="page")
def _page(folder):
    """(text of the page, headlines) with everything that there can be."""
    made = write_run_report(
        [folder / "ppo", folder / "random"],
        folder / "docs",
        trained=folder / "trained",
        table=folder / "table",
        command="python launch/report.py --workdir=...",
    )
    return made.page.read_text(), made.headlines


def _row(text, start):
    """The cells of the first row of a table that begins so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_headlines_begin_the_page(page):
    text, headlines = page
    assert text.startswith("<!-- Made by launch/report.py")
    assert "\n# The large2 space on mnist\n" in text
    assert headlines[0].startswith("PPO: 24 of 24 cells evaluated in 24 proposals; best reward ")
    assert headlines[1].startswith("random search: 24 of 24 cells evaluated in 24 proposals; best reward ")
    assert headlines[2].endswith(
        "validation 99.50 ± 0.01 %, test 99.40 ± 0.00 % (mean ± standard error; trainings: 2)."
    )
    assert headlines[-1] == "The table holds 4 of the 129 cells of the space (3.1 %)."


def test_the_winners_stand_with_what_the_searches_thought_of_them(folder, page):
    text, _ = page
    (ppo,) = read_runs([folder / "ppo"])
    row = _row(text, "1")
    assert row[1] == f"`{ppo.best.key}`" and row[2].startswith("PPO 1")
    assert row[3:6] == ["99.50 ± 0.01", "99.40 ± 0.00", "2"]
    assert row[6] == f"{100 * (0.9 + len(ppo.best.key) / 1000):.2f}"  # of the table, where it has one
    assert _row(text, "3")[1:] == [f"`{VGG}`", "VGG", "99.00 ± 0.01", "98.90 ± 0.00", "2", "93.00", "9"]


def test_the_policy_is_shown_for_the_search_that_has_one(page):
    text, _ = page
    assert text.count("## The policy of ") == 1 and "## The policy of PPO" in text
    assert "proposed 100.00 % of the encodings" in text
    rows = text[text.index("## The policy of PPO") :]
    assert _row(rows, "`op_1`")[1].startswith("`") and _row(rows, "`combine`")[1] in ("`concat`", "`add`")


def test_pictures_are_there_and_linked_and_nothing_is_no_number(folder, page):
    text, _ = page
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert sorted(name.split(".")[0] for name in linked) == ["best_cell", "policy_1", "rewards"]
    assert {path.name for path in (folder / "docs").iterdir()} == {"README.md", "index.html", *linked}
    assert not re.search(r"\b(nan|inf|None)\b", text)


def test_the_html_page_has_every_trial_and_the_charts(folder, page):
    html = (folder / "docs" / "index.html").read_text()
    data, charts = (json.loads(re.search(f'id="{name}">(.*?)</script>', html)[1]) for name in ("data", "charts"))
    assert {len(column["values"]) for column in data["columns"]} == {48}
    assert charts["names"] == ["progress", "costs", "policy_1"]
    assert "<h1>The large2 space on mnist</h1>" in html and "Trained longer" in html
    assert html.count("<script>") == 4 and "http" + "://" not in re.sub(r"<script.*?</script>", "", html, flags=re.S)


def test_the_commands_that_made_it(folder, page):
    text, _ = page
    assert (
        "\npython launch/search.py --space=large --num_nodes=2 --epochs=1 --max_evaluations=24 --strategy=ppo "
        f"--batch_size=8 --lag=0 --seed=0 --final_epochs=0 --workdir={folder / 'ppo'}\n"
    ) in text
    assert text.endswith("\npython launch/report.py --workdir=...\n```\n")


@pytest.mark.usefixtures("_undrawn")
def test_one_running_search_alone(tmp_path):
    _search(tmp_path / "running", "evolution", count=8, strategy_config={"population": 4})
    text = write_run_report([tmp_path / "running"], tmp_path / "docs").page.read_text()
    assert "--strategy_config=population=4 " in text and "Trained longer" not in text
    assert not re.search(r"\b(nan|inf|None)\b", text)


@pytest.mark.usefixtures("_undrawn")
def test_a_search_of_any_space_by_a_function(tmp_path):
    """Rewards that are no accuracies, of architectures that are no cells."""
    space = nk.SearchSpace("plain", [nk.Decision("blocks", (1, 2, 3)), nk.Decision("kernel", (3, 5))])
    evaluator = nk.FunctionEvaluator(lambda chosen: -1000.0 * chosen[0] + chosen[1])
    nk.search(space, evaluator, strategy="random", max_evaluations=6, workdir=tmp_path / "run")
    made = write_run_report([tmp_path / "run"], tmp_path / "docs")
    assert made.headlines == [
        "random search: 6 of 6 networks evaluated in 6 proposals; best reward -995, blocks=1, kernel=5."
    ]
    text = made.page.read_text()
    assert "# No command repeats " in text and "it was made in Python, on arrays or with a function" in text
    assert "best_cell" not in text and "%" not in text.split("## How")[0].replace("10%", "")


@pytest.mark.usefixtures("_undrawn")
def test_networks_of_a_users_function_have_a_page(tmp_path):
    space = nk.SearchSpace("plain", [nk.Decision("blocks", (1, 2, 3))])
    recipe = {"data": {"name": "mnist", "digest": "1"}, "train": RECIPE["train"], "build_code": {"build": "text"}}
    evaluator = nk.FunctionEvaluator(lambda chosen: chosen[0] / 4, recipe=recipe)
    evaluator.source = {"dataset": "mnist", "version": "3.0.1", "data_dir": "testdata", "image_size": None}
    nk.search(space, evaluator, strategy="random", max_evaluations=3, workdir=tmp_path / "run")
    made = write_run_report([tmp_path / "run"], tmp_path / "docs")
    assert made.headlines[0].endswith("best reward 75.00 %, blocks=3.")
    assert "there is no flag for its space" in made.page.read_text()


@pytest.mark.usefixtures("_undrawn")
def test_cells_of_the_small_space_are_shown_as_cells_and_not_as_keys(tmp_path):
    space = nk.spaces.small()  # its keys are such as "0,3"
    run = _search(tmp_path / "run", "random", space, 8)
    best = read_runs([run])[0].best
    cell = str(space.decode(best.actions))
    winner = Evaluation(0.995, valid_accuracy=0.995, test_accuracy=0.994, num_params=9)
    trials = [Trial(i, 0, 0, training_seed(i, best.key), best.actions, (), best.key, False, winner) for i in range(2)]
    write_table(tmp_path / "trained", trials, space=space, recipe=LONGER)
    made = write_run_report([run], tmp_path / "docs", trained=tmp_path / "trained")
    assert made.headlines[0].endswith(f" %, {cell} (the earliest of 3 with this reward).")
    assert f"longer training is {cell}: " in made.headlines[1]
    assert _row(made.page.read_text(), "1")[1] == f"`{cell}`"


@pytest.mark.usefixtures("_undrawn")
def test_a_whole_table_is_searched(tmp_path):
    space = nk.spaces.large(1)
    run = _search(tmp_path / "run", "random", space, 8)
    keys = [space.key(actions) for actions in space.enumerate(distinct=True)]
    accuracies = {key: Evaluation(0.9 + i / 100, valid_accuracy=0.9 + i / 100) for i, key in enumerate(keys)}
    records = [_record(key, accuracy, space=space) for key, accuracy in accuracies.items()]
    write_table(tmp_path / "table", records, space=space, recipe=RECIPE)
    made = write_run_report([run], tmp_path / "docs", table=tmp_path / "table", searches=Searches(1, 2))
    text = made.page.read_text()
    assert "## Searches on the table" in text and "(searches.svg)" in text
    html = (tmp_path / "docs" / "index.html").read_text()
    assert "random search, expected best so far" in html


def test_what_does_not_belong_together_is_refused_and_nothing_written(folder, tmp_path):
    run, output = folder / "ppo", tmp_path / "docs"
    other = nk.spaces.large(1)
    write_table(tmp_path / "space", [_record("identity", Evaluation(0.5), space=other)], space=other, recipe=LONGER)
    child = {**LONGER, "child": {**LONGER["child"], "filters": 8}}
    write_table(tmp_path / "child", [_record(VGG, Evaluation(0.5))], space=SPACE, recipe=child)
    write_table(tmp_path / "failed", [_record(VGG, Evaluation.failure("no"))], space=SPACE, recipe=LONGER)
    _search(tmp_path / "function", "random", recipe={"function": "f"}, count=1)
    for arguments, message in (
        ({"trained": tmp_path / "space"}, "space is of another space than"),
        ({"trained": tmp_path / "child"}, "child has another recipe than"),
        ({"trained": tmp_path / "failed"}, "No training in .*failed succeeded"),
        ({"trained": tmp_path / "nowhere"}, "There is no table in"),
        ({"table": folder / "trained"}, "trained has another recipe than .*ppo: train"),
        ({"runs": [tmp_path / "function"], "table": folder / "table"}, "are not accuracies of trained children"),
        ({"searches": Searches(-1)}, "searches=-1 is not allowed"),
        ({"output": folder / "ppo" / "config.json"}, "config.json is a file"),
    ):
        settings = {"runs": [run], "output": output, **arguments}
        with pytest.raises((nk.InvalidValueError, nk.DataError), match=message):
            write_run_report(settings.pop("runs"), settings.pop("output"), **settings)
    assert not output.exists()


def test_the_order_of_rewards_and_of_longer_trainings(folder):
    facts = gather_runs([folder / "ppo", folder / "random"], trained=folder / "trained", table=folder / "table")
    correlation, count = facts.order_kept
    assert count == len(facts.standings) and -1 <= correlation <= 1
    assert facts.winner.valid == pytest.approx(0.995)
    assert facts.human == {VGG: "VGG"}


@pytest.mark.usefixtures("_undrawn")
def test_the_best_reward_has_the_standard_error_of_its_validation_images(tmp_path):
    evaluator = nk.FunctionEvaluator(lambda cell: 0.9 if cell.key == VGG else 0.5, recipe=RECIPE)
    evaluator.environment = {"validation_images": 900}
    nk.search(SPACE, evaluator, strategy="random", max_evaluations=129, batch_size=129, workdir=tmp_path / "run")
    made = write_run_report([tmp_path / "run"], tmp_path / "page")
    assert f"; best reward 90.00 ± 1.00 %, {VGG}." in made.headlines[0]
    assert "| `machine: validation_images` | 900 |" in made.page.read_text()
    (run,) = read_runs([tmp_path / "run"])
    for environment in ({}, {"validation_images": 0}, {"validation_images": "many"}):
        unknown = dataclasses.replace(run, config={**run.config, "environment": environment})
        assert RunFacts([unknown]).best_value(unknown) == "90.00 %"


@pytest.mark.usefixtures("_undrawn")
def test_a_page_of_a_search_whose_first_batch_is_unfinished(tmp_path):
    """Three of eight children are finished: the best of them is on the page."""
    seen = []

    def until_the_fourth(cell):
        seen.append(cell)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return _accuracy(cell)

    evaluator = nk.FunctionEvaluator(until_the_fourth, recipe=RECIPE)
    with pytest.raises(KeyboardInterrupt):
        nk.search(SPACE, evaluator, strategy="evolution", max_evaluations=24, workdir=tmp_path / "run")
    best = max((_accuracy(cell).reward, cell.key) for cell in seen[:3] if not _accuracy(cell).failed)[1]
    made = write_run_report([tmp_path / "run"], tmp_path / "page")
    assert made.headlines[0].startswith("evolution: 3 of 24 cells evaluated in 0 proposals; best reward ")
    assert made.headlines[0].endswith(f"{best}.")


@pytest.mark.usefixtures("_undrawn")
def test_a_search_in_which_nothing_succeeded(tmp_path):
    evaluator = nk.FunctionEvaluator(lambda cell: Evaluation.failure("loss is NaN after 31 steps"), recipe=RECIPE)
    nk.search(SPACE, evaluator, strategy="random", max_evaluations=3, workdir=tmp_path / "run")
    made = write_run_report([tmp_path / "run"], tmp_path / "page")
    assert made.headlines == ["random search: 3 of 3 cells evaluated in 3 proposals; none succeeded."]
    assert _row(made.page.read_text(), "loss is NaN after N steps") == ["loss is NaN after N steps", "3"]


@pytest.mark.usefixtures("_undrawn")
def test_an_exported_winner_has_its_accuracies_and_says_how_to_load_it(tmp_path):
    run = _search(tmp_path / "run", "random", count=8)
    best = read_runs([run])[0].best
    (run / "best").mkdir()
    child = ExportedChild(1, best.key, 0.9, 0.97, 0.96, 10, 3, 7, "best/saved_model", 0.002)
    write_exported(Workspace(run), {1: child}, ["a", "b"])
    write_run_report([run], tmp_path / "docs")
    html = (tmp_path / "docs" / "index.html").read_text()
    assert "validation 97.00% ± 0.20%, test 96.00% (7 parameters)" in html and "not exported yet" not in html
    card = """# A cell
## Use it
```python
model = load('a<b')
```
## Accuracy
| split | of 10 |
|---|--:|
| test | 96.00% |

The mistakes of which it is most certain:

![wrong](mistakes.png)

<script>run()</script> <img src=x onerror=run()>
## Limits of use
None.
"""
    (run / "best" / "MODEL_CARD.md").write_text(card)
    write_run_report([run], tmp_path / "docs")
    html = (tmp_path / "docs" / "index.html").read_text()
    assert f"exported to <code>{run / 'best'}</code>" in html and "Limits of use" not in html
    assert "<h3>Use it</h3>" in html and "model = load('a&lt;b')" in html.replace("&#39;", "'").replace("&#x27;", "'")
    assert re.search(r"<td>test</td>\s*<td>96.00%</td>", html)
    shown = html.partition("<script")[0]
    assert "<script>run()" not in shown and "onerror" not in shown and "<img" not in shown
    assert "most certain" not in shown  # what announces a picture goes with it
