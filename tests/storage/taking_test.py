"""Tests of nas_keras/storage/taking.py: searches of a tiny space, taken into a table of its rewards."""

import pytest
from helpers import grid, is_nan

import nas_keras as nk
from nas_keras.evaluators.base import Evaluator
from nas_keras.results.precompute import precompute
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import write_table
from nas_keras.storage.taking import take
from nas_keras.trial import Evaluation, training_seed

SPACE = grid(3, 2)
RECIPE = {"epochs": 1}


class _Noisy(Evaluator):
    """The reward tells key and seed; "1,0" fails. `gap` is what another machine's rewards differ by.

    As in training, a search measures no test accuracy and a table does.
    """

    recipe = RECIPE

    def __init__(self, processor="a", gap=0.0, measure_test=False):
        self.environment, self.gap, self.evaluated = {"processor": processor}, gap, []
        self.test_accuracy = 0.5 if measure_test else float("nan")

    def evaluate(self, jobs):
        for job in jobs:
            self.evaluated.append(job.key)
            reward = sum(job.actions) + job.seed / 2**31 + self.gap
            evaluation = Evaluation(reward, test_accuracy=self.test_accuracy)
            yield job, Evaluation.failure("no") if job.key == "1,0" else evaluation


def _search(path, evaluator=None, *, count=4, seed=0, space=SPACE):
    evaluator = evaluator or _Noisy()
    nk.search(space, evaluator, strategy="random", seed=seed, max_evaluations=count, workdir=path)
    return path


def _fill(path, *, processor="a", **settings):
    evaluator = _Noisy(processor, measure_test=True)
    precompute(settings.pop("space", SPACE), evaluator, path, **settings)
    return evaluator


def _take(*paths, seeds=1, space=SPACE, recipe=None):
    return take(paths, space=space, recipe=recipe or RECIPE, seeds=seeds)


def test_what_searches_found_becomes_records_and_is_not_trained_again(tmp_path):
    one, other = _search(tmp_path / "one", seed=0), _search(tmp_path / "other", seed=1)
    taken = _take(one, other, seeds=2)
    evaluator = _fill(tmp_path / "table", seeds=2, taken=taken)
    _fill(tmp_path / "plain", seeds=2)
    assert 6 <= len(taken.trials) <= 8 and len(evaluator.evaluated) == 12 - len(taken.trials)
    filled, plain = ({(t.key, t.seed): t for t in read_table(tmp_path / name).trials} for name in ("table", "plain"))
    assert filled.keys() == plain.keys()
    for at, trial in filled.items():
        assert (trial.trial, trial.actions) == (plain[at].trial, plain[at].actions)
        assert repr(trial.reward) == repr(plain[at].reward)  # a NaN equals no NaN
        assert (trial.iteration, trial.policy_version, trial.log_probs, trial.cached) == (0, 0, (), False)
    untested = {at for at, trial in filled.items() if is_nan(trial.evaluation.test_accuracy)}
    assert untested == {(t.key, t.seed) for t in taken.trials} | {at for at in filled if at[0] == "1,0"}


def test_taken_records_stand_in_whole_shards_at_once(tmp_path):
    """Wherever they are in the order: 150 of 200 keys make three files, and none is left pending."""
    space = grid(200)
    run = _search(tmp_path / "run", space=space, count=150)
    seen = []

    def look(done, total, job, evaluation):
        seen.append((done, len(list((tmp_path / "table").rglob("*.tfrecord")))))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fill(tmp_path / "table", space=space, seeds=1, taken=_take(run, space=space), on_job=look)
    assert seen == [(150, 3)]
    assert len(read_table(tmp_path / "table").trials) == 150
    evaluator = _fill(tmp_path / "table", space=space, seeds=1)  # it goes on without what it was taken from
    assert len(evaluator.evaluated) == 50
    assert len(list((tmp_path / "table").rglob("*.tfrecord"))) == 4


def test_only_what_the_command_wants_is_taken(tmp_path):
    run = _search(tmp_path / "run", count=6)
    _fill(tmp_path / "table", seeds=1, keys={"2,1": (2, 1)}, taken=_take(run))
    assert [trial.key for trial in read_table(tmp_path / "table").trials] == ["2,1"]


def test_failures_are_tried_again(tmp_path):
    run = _search(tmp_path / "run", count=6)
    assert {trial.key for trial in _take(run).trials} == {"0,0", "0,1", "1,1", "2,0", "2,1"}


def test_a_table_can_be_taken_from_too(tmp_path):
    _fill(tmp_path / "table", seeds=2, keys={"0,1": (0, 1)})
    trials = _take(tmp_path / "table", seeds=2).trials
    assert [(t.key, t.seed, t.evaluation.test_accuracy) for t in trials] == [
        ("0,1", training_seed(seed, "0,1"), 0.5) for seed in (0, 1)
    ]


def test_a_new_table_goes_on_in_the_environment_of_what_it_took(tmp_path):
    run = _search(tmp_path / "run", _Noisy("of the run"))
    _fill(tmp_path / "table", processor="mine", seeds=1, taken=_take(run))
    assert read_table(tmp_path / "table").environment == {"processor": "of the run"}


@pytest.mark.parametrize(
    ("made", "wanted", "message"),
    [
        pytest.param({}, {"space": grid(2)}, "is of another space than .*: decision 'd1' is gone", id="space"),
        pytest.param(
            {}, {"recipe": {"epochs": 3}}, "has another recipe than the table of .*: epochs: 1 bef", id="recipe"
        ),
        pytest.param(
            {"seed": 4}, {"seeds": 2}, "was searched with --seed=4, but .* seeds 0 to 1 only.*--seeds=5", id="seed"
        ),
    ],
)
def test_runs_of_another_space_recipe_or_seed_are_refused_by_name(tmp_path, made, wanted, message):
    good, bad = _search(tmp_path / "good"), _search(tmp_path / "bad", **made)
    with pytest.raises(nk.InvalidValueError, match=message):
        _take(*([bad] if "seeds" not in wanted else [good, bad]), **wanted)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(nk.InvalidValueError, match="is neither a run nor a table: it holds no config.json"):
        _take(tmp_path)


def test_two_rewards_of_one_machine_for_one_training_are_refused(tmp_path):
    one, other = _search(tmp_path / "one"), _search(tmp_path / "other", _Noisy(gap=0.25))
    with pytest.raises(nk.InvalidValueError, match="other has another reward for .* than .*one.*same kind of machine"):
        _take(one, other)


def test_of_two_machines_the_first_counts_and_the_difference_is_said(tmp_path, caplog):
    one, other = _search(tmp_path / "one"), _search(tmp_path / "other", _Noisy("b", gap=0.25))
    with caplog.at_level("WARNING", logger="absl"):
        taken = _take(one, other)
    assert [repr(trial) for trial in taken.trials] == [repr(trial) for trial in _take(one).trials]
    assert "rewards differ from those of an earlier source, by up to 0.2500. The earlier source" in caplog.text


def test_equal_rewards_of_two_sources_are_one_record(tmp_path):
    run = _search(tmp_path / "run")
    trials = _take(run).trials
    write_table(tmp_path / "table", trials, space=SPACE, recipe=RECIPE)
    assert len(_take(run, tmp_path / "table").trials) == len(trials)
