"""Tests of nas_keras/storage/sources.py: runs and tables opened by one function."""

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.results.precompute import precompute
from nas_keras.storage.sources import open_run, open_source

SPACE = grid(3, 2)


class _Sum(nk.Evaluator):
    """The reward is the sum of the actions; "1,0" fails."""

    recipe = {"name": "sum"}
    environment = {"processor": "a"}

    def evaluate(self, jobs):
        for job in jobs:
            yield job, nk.Evaluation.failure("no") if job.key == "1,0" else nk.Evaluation(float(sum(job.actions)))


@pytest.fixture(name="folders", scope="module")
def _folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    nk.search(SPACE, _Sum(), strategy="random", seed=3, max_evaluations=6, workdir=folder / "run")
    precompute(SPACE, _Sum(), folder / "table", seeds=2)
    return folder


@pytest.mark.parametrize(("name", "seed", "count"), [("run", 3, 5), ("table", None, 10)])
def test_runs_and_tables_are_opened_by_one_function(folders, name, seed, count):
    source = open_source("folder", folders / name)
    assert (source.path, source.is_table) == (folders / name, name == "table")
    assert source.space["fingerprint"] == source.origin.space == SPACE.fingerprint
    assert (source.recipe, source.environment, source.origin.seed) == ({"name": "sum"}, {"processor": "a"}, seed)
    rewards = source.read_rewards()
    assert len({(trial.key, trial.seed) for trial in rewards}) == len(rewards) == count
    assert "1,0" not in {trial.key for trial in rewards}
    with (
        source.locked(),
        pytest.raises(InvalidValueError, match="Another process"),
        open_source("f", source.path).locked(),
    ):
        pass


def test_a_table_is_not_a_run_and_an_empty_folder_is_neither(folders, tmp_path):
    assert open_run("workdir", folders / "run").config["fixed"]["seed"] == 3
    with pytest.raises(InvalidValueError, match="table is not a run folder: it has no config.json. Name the folder of"):
        open_run("workdir", folders / "table")
    with pytest.raises(InvalidValueError, match="is neither a run nor a table: it holds no config.json and no recipe."):
        open_source("folder", tmp_path)


def test_a_corrupt_description_is_refused(tmp_path):
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(DataError, match="must hold 'recipe' and 'space'"):
        open_source("folder", tmp_path)
