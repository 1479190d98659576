"""Tests of nas_keras/results/runs.py: searches of tiny spaces of cells, whose rewards are made up."""

import shutil

import pytest
from helpers import ROOT, grid

import nas_keras as nk
from nas_keras.results.runs import read_runs

SPACE = nk.spaces.large(1)
REWARDS = {"conv_3x3": 0.9, "conv_5x5": 0.7, "identity": None}


def _evaluate(cell):
    reward = REWARDS.get(cell.key, 0.5)
    return nk.Evaluation.failure("no") if reward is None else nk.Evaluation(reward)


def _search(path, *, space=SPACE, strategy="random", recipe=None, **settings):
    evaluator = nk.FunctionEvaluator(_evaluate, recipe=recipe)
    nk.search(space, evaluator, strategy=strategy, workdir=path, batch_size=4, **settings)
    return path


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    _search(folder / "one", max_evaluations=8)
    _search(folder / "two", max_evaluations=8, seed=1)
    _search(folder / "repeats", strategy="evolution", max_evaluations=8, max_trials=24)
    _search(folder / "other_space", space=nk.spaces.large(2), max_evaluations=1)
    _search(folder / "other_recipe", recipe={"epochs": 3}, max_evaluations=1)
    own = nk.spaces.large(1, operations=("conv_3x3", "identity"))
    _search(folder / "own_operations", space=own, max_evaluations=1)
    nk.search(
        grid(2), nk.FunctionEvaluator(lambda a: 0.5), strategy="random", max_evaluations=1, workdir=folder / "grid"
    )
    return folder


def test_what_a_search_evaluated_and_its_best(folder):
    (run,) = read_runs([folder / "one"])
    assert (run.title, run.strategy, run.space.name) == ("random search", "random", "large1")
    assert len(run.batches) == 2 and len(run.trials) == len(run.evaluated) == 8
    assert {trial.key for trial in run.evaluated} == {SPACE.key(actions) for actions in SPACE.enumerate()}
    assert [trial.key for trial in run.top(2)] == ["conv_3x3", "conv_5x5"]
    assert len(run.top(100)) == 7  # without the failure


def test_repeats_are_no_evaluations(folder):
    (run,) = read_runs([folder / "repeats"])
    assert len(run.evaluated) == len({trial.key for trial in run.trials}) < len(run.trials)


def test_strategies_have_titles_and_equal_ones_the_folder_s_name(folder):
    assert [run.title for run in read_runs([folder / "one", folder / "repeats"])] == ["random search", "evolution"]
    titles = [run.title for run in read_runs([folder / "one", folder / "two"])]
    assert titles == ["random search (one)", "random search (two)"]


def test_folders_of_one_name_are_told_apart_by_their_paths(folder, tmp_path):
    shutil.copytree(folder / "two", tmp_path / "one")
    titles = [run.title for run in read_runs([folder / "one", tmp_path / "one"])]
    assert titles == [f"random search ({folder / 'one'})", f"random search ({tmp_path / 'one'})"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nowhere"], "nowhere is not a run folder: it has no config.json"),
        (["one", "one"], "one is named twice. Name it once."),
        (["one", "other_space"], "other_space is of another space than .*one: name 'large2' before, 'large1' now"),
        (["one", "other_recipe"], "other_recipe has another recipe than .*one: .*epochs: "),
        (["one", "own_operations"], "is of another space than .*: decision 'op_1': choice .*'conv_1x3_3x1', .* is new"),
        (["one", "grid"], "is of another space than .*one: name 'grid' before, 'large1' now"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_together_is_refused(folder, names, message):
    with pytest.raises(nk.InvalidValueError, match=message):
        read_runs([folder / name for name in names])


def test_a_run_whose_first_batch_is_unfinished_has_the_children_that_are_finished(tmp_path):
    def until_the_fourth(cell):
        seen.append(cell.key)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return nk.Evaluation(REWARDS.get(cell.key) or 0.5, seconds=1.0)

    seen = []
    evaluator = nk.FunctionEvaluator(until_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        nk.search(SPACE, evaluator, strategy="random", max_evaluations=8, workdir=tmp_path / "run")
    (run,) = read_runs([tmp_path / "run"])
    assert (run.batches, run.told) == ([], [])
    assert [trial.key for trial in run.evaluated] == [trial.key for trial in run.pending] == seen[:3]
    assert run.trials == run.pending and run.best == run.top(1)[0]
    rewards = sorted((REWARDS.get(key) or 0.5 for key in seen[:3]), reverse=True)
    assert [trial.reward for trial in run.top(3)] == pytest.approx(rewards)


def test_a_run_with_operations_of_its_own_and_one_of_no_cells_are_read_without_their_script(folder):
    (run,) = read_runs([folder / "own_operations"])
    assert run.space.decisions[0].choices == ("conv_3x3", "identity") and run.space.size == 4
    (trial,) = run.trials
    assert run.space.key(trial.actions) == trial.key == run.space.decode(trial.actions).key
    (run,) = read_runs([folder / "grid"])
    assert run.space.name == "grid" and run.space.decisions == grid(2).decisions
    (trial,) = run.trials
    assert run.space.decode(trial.actions) == trial.actions and run.space.key(trial.actions) == trial.key


def test_a_run_without_a_trial_is_refused(folder, tmp_path):
    (tmp_path / "config.json").write_text((folder / "one" / "config.json").read_text())
    with pytest.raises(nk.InvalidValueError, match="has no trial yet"):
        read_runs([tmp_path])


def test_a_run_is_loaded_for_a_user(folder, tmp_path):
    run = nk.load_run(folder / "one")
    assert (run.title, run.is_table, run.config["fixed"]["batch_size"]) == ("random search", False, 4)
    assert run.best == run.top(1)[0] and run.best.key == "conv_3x3" and run.best.reward == 0.9
    assert [row["op_1"] for row in run.to_rows()] == [trial.key for trial in run.trials]  # one operation each
    run.to_csv(tmp_path / "trials.csv")
    lines = (tmp_path / "trials.csv").read_text().splitlines()
    assert len(lines) == 9 and lines[0].startswith("trial,op_1,combine,key,reward,status,cached,")
    with pytest.raises(nk.InvalidValueError, match="is a folder. Name a file"):
        run.to_csv(tmp_path)


def test_a_run_that_has_just_begun_is_loaded_without_trials(folder, tmp_path):
    (tmp_path / "config.json").write_text((folder / "one" / "config.json").read_text())
    run = nk.load_run(tmp_path)
    assert (run.trials, run.best, run.top(3), run.to_rows()) == ([], None, [], [])


def test_a_table_is_ranked_by_the_mean_over_its_trainings():
    table = nk.load_run(ROOT / "testdata" / "rewards" / "mnist_small")
    assert table.is_table and table.title == "mnist_small" and table.space.name == "small"
    of_best = [trial.reward for trial in table.trials if trial.key == table.best.key]
    assert len(table.trials) == 320 and len(of_best) == 5
    assert table.best.reward == pytest.approx(sum(of_best) / 5) and table.best.reward < max(of_best)
    assert len({trial.key for trial in table.top(100)}) == 64


def test_the_space_of_a_table_is_given_if_it_is_not_found(tmp_path):
    from nas_keras.results.precompute import precompute

    space, evaluator = grid(2), nk.FunctionEvaluator(lambda a: nk.Evaluation(a[0] / 2), recipe={"mine": 1})
    precompute(space, evaluator, tmp_path / "table", seeds=1)
    with pytest.raises(nk.InvalidValueError, match="is a table of a space of your own, which it does not hold. Give"):
        nk.load_run(tmp_path / "table")
    assert nk.load_run(tmp_path / "table", space=space).best.reward == 0.5
    with pytest.raises(nk.InvalidValueError, match="is not of the space SearchSpace"):
        nk.load_run(tmp_path / "table", space=SPACE)


@pytest.mark.parametrize("path", ["nowhere", 3, "gs://bucket/run"])
def test_what_is_no_folder_of_results_is_refused(tmp_path, path):
    with pytest.raises(nk.InvalidValueError, match="is neither a run nor a table|is not allowed"):
        nk.load_run(tmp_path / path if path == "nowhere" else path)
