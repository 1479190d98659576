"""Tests of the tables in testdata/rewards: complete, of the recipe that they name, and computed again to the same."""

import collections
import dataclasses
import shutil

import pytest
from helpers import ROOT

import nas_keras as nk
from nas_keras.children.named_recipes import NAMED
from nas_keras.evaluators.training import make_recipe
from nas_keras.results.runs import read_runs
from nas_keras.storage.table import read_table
from nas_keras.trial import training_seed

_SMALL = ROOT / "testdata" / "rewards" / "mnist_small"
_LARGE = ROOT / "testdata" / "rewards" / "mnist_large3"
# Points of one training's noise among good cells are 0.07 (docs/mnist_small); a difference of two, four times over.
_NOISE = 0.0042


@pytest.fixture(scope="module", name="table")
def _table():
    return read_table(_SMALL)


def test_the_small_table_has_64_keys_with_five_seeds_each(table):
    seeds = collections.defaultdict(set)
    for trial in table.trials:
        seeds[trial.key].add(trial.seed)
    space = nk.spaces.small()
    assert table.space == space.fingerprint
    keys = [space.key(actions) for actions in space.enumerate()]
    assert seeds == {key: {training_seed(run_seed, key) for run_seed in range(5)} for key in keys}
    assert len(table.trials) == 320 and not any(trial.evaluation.failed for trial in table.trials)


def test_every_record_is_whole(table):
    for trial in table.trials:
        evaluation = trial.evaluation
        assert evaluation.reward == evaluation.valid_accuracy and 0.5 < evaluation.test_accuracy < 1
        assert evaluation.epochs == 3 and evaluation.num_params > 1000 and evaluation.seconds > 1
        assert not evaluation.recipe


def test_the_small_table_is_of_the_named_recipe_and_the_shipped_images(table):
    named = NAMED["mnist_v1"]
    images = nk.load_images(named.dataset, data_dir=ROOT / "testdata")
    assert table.recipe == make_recipe(images, named.child, named.train, "none")


def test_the_large_table_has_each_of_2000_keys_once_with_the_first_seed_by_the_named_recipe():
    table, space, named = read_table(_LARGE), nk.spaces.large(3), NAMED["mnist_1epoch_v1"]
    images = nk.load_images(named.dataset, data_dir=ROOT / "testdata")
    assert table.recipe == make_recipe(images, named.child, named.train, "none")
    assert table.space == space.fingerprint
    keys = {space.key(actions) for actions in space.enumerate()}
    assert len(table.trials) == len(keys) == 2_000 and {trial.key for trial in table.trials} == keys
    for trial in table.trials:
        assert trial.seed == training_seed(0, trial.key) and space.key(trial.actions) == trial.key
        assert trial.reward == trial.evaluation.valid_accuracy > 0.6 and not trial.evaluation.failed


@pytest.mark.slow
def test_records_computed_again_agree_within_the_noise(table):
    space, named = nk.spaces.small(), NAMED["mnist_v1"]
    rewards = {(trial.key, trial.seed): trial.evaluation for trial in table.trials}
    keys = {space.key(space.encode(nk.Cell.chain("conv_3x3", name))): name for name in ("conv_3x3", "avg_pool_2x2")}
    jobs = []
    for actions in space.enumerate():
        if space.key(actions) in keys:
            seed = training_seed(0, space.key(actions))
            jobs.append(nk.Job(space.key(actions), actions, space.decode(actions), seed))
    images = nk.load_images(named.dataset, data_dir=ROOT / "testdata")
    with nk.TrainingEvaluator(images, child=named.child, train=named.train, measure_test=True) as evaluator:
        again = list(evaluator.evaluate(jobs))
    assert len(again) == 2
    for job, evaluation in again:
        stored = rewards[job.key, job.seed]
        assert evaluation.valid_accuracy == pytest.approx(stored.valid_accuracy, abs=_NOISE)
        assert evaluation.test_accuracy == pytest.approx(stored.test_accuracy, abs=_NOISE)


def test_a_run_of_an_older_ppo_is_read_and_its_restart_names_the_settings_that_are_gone(tmp_path):
    """The shipped run has settings of a PPO that shaped its proposals, all of which can be read and none started."""
    workdir = tmp_path / "run"
    shutil.copytree(ROOT / "testdata" / "runs" / "large3_ppo", workdir)
    (run,) = read_runs([workdir])
    settings = run.fixed["strategy"]["config"]
    assert settings["anchored"] == 0 and settings["ceiling"] == 0.02 and len(run.evaluated) == 300
    files = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    with pytest.raises(nk.InvalidValueError, match="ceiling: 0.02 before, and no longer a setting") as refused:
        nk.search(nk.spaces.large(3), nk.TableEvaluator(_LARGE), max_evaluations=300, workdir=workdir, seed=0)
    gone = sorted(set(settings) - {field.name for field in dataclasses.fields(nk.PPOConfig)})
    assert all(f"{name}: " in str(refused.value) for name in gone) and "elite" in gone and "floor" in gone
    assert {path: path.read_bytes() for path in files} == files


def test_the_shipped_searches_are_of_the_large_space_by_the_named_recipe_with_300_children_each():
    runs = read_runs([ROOT / "testdata" / "runs" / name for name in ("large3_ppo", "large3_random")])
    named = NAMED["mnist_1epoch_v1"]
    images = nk.load_images(named.dataset, data_dir=ROOT / "testdata")
    known = {trial.key: trial.reward for trial in read_table(_LARGE).trials}
    for run, strategy in zip(runs, ("ppo", "random"), strict=True):
        assert run.strategy == strategy and run.space.fingerprint == nk.spaces.large(3).fingerprint
        assert run.fixed["recipe"] == make_recipe(images, named.child, named.train, "none")
        assert len({trial.key for trial in run.evaluated}) == len(run.evaluated) == 300
        assert all(known[trial.key] == trial.reward for trial in run.evaluated)  # the table took them over
