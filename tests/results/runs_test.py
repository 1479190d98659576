"""Tests of nas_keras/results/runs.py: searches of tiny spaces of cells, whose rewards are made up."""

import shutil

import pytest
from helpers import grid

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
    assert [trial.key for trial in run.best(2)] == ["conv_3x3", "conv_5x5"]
    assert len(run.best(100)) == 7  # without the failure


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
    assert (run.batches, run.trials) == ([], [])
    assert [trial.key for trial in run.evaluated] == [trial.key for trial in run.pending] == seen[:3]
    rewards = sorted((REWARDS.get(key) or 0.5 for key in seen[:3]), reverse=True)
    assert [trial.reward for trial in run.best(3)] == pytest.approx(rewards)


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
