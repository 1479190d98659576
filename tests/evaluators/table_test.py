"""Tests of nas_keras/evaluators/table.py."""

import json
import math

import pytest
from helpers import grid, is_nan, job

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.table import TableEvaluator
from nas_keras.storage.table_writer import write_table

SPACE = grid(2, 2)
RECIPE = {"train": {"epochs": 3}}
FAILED = nk.Evaluation.failure("loss is NaN", seconds=4.0)


def _trials(**evaluations):
    """Trials for d0_d1=[evaluation of each seed, ...]."""
    rows = [(key[1:].replace("_", ","), seed, e) for key, es in evaluations.items() for seed, e in enumerate(es)]
    return [
        nk.Trial(i, 0, 0, seed, tuple(map(int, key.split(","))), (), key, False, evaluation)
        for i, (key, seed, evaluation) in enumerate(rows)
    ]


@pytest.fixture(name="table")
def _table(tmp_path):
    trials = _trials(
        _0_0=[nk.Evaluation(0.5, loss=1.0, valid_accuracy=0.5, num_params=7, epochs=3, seconds=9, test_accuracy=0.4)],
        _0_1=[
            nk.Evaluation(0.25, loss=1.0, valid_accuracy=0.5, num_params=7, epochs=3, test_accuracy=0.4),
            FAILED,
            nk.Evaluation(0.75, loss=2.0, valid_accuracy=0.75, num_params=7, epochs=3, test_accuracy=0.6),
        ],
        _1_0=[FAILED, FAILED],
    )
    write_table(tmp_path / "table", trials, space=SPACE, recipe=RECIPE)
    return tmp_path / "table"


def test_a_reward_is_the_mean_over_the_seeds_that_succeeded(table):
    evaluator = TableEvaluator(table)
    assert len(evaluator) == 3 and evaluator.recipe == RECIPE and evaluator.lag == 0
    jobs = [job("0,1"), job("0,0")]
    (first, mean), (second, single) = evaluator.evaluate(jobs)
    assert [first, second] == jobs
    assert (mean.reward, mean.loss, mean.valid_accuracy) == (0.5, 1.5, 0.625)
    assert (mean.num_params, mean.epochs, mean.status) == (7, 3, "ok")
    assert (single.reward, single.loss) == (0.5, 1.0)


def test_a_key_whose_seeds_all_failed_is_a_failure(table):
    ((_, evaluation),) = TableEvaluator(table).evaluate([job("1,0")])
    assert evaluation.status == "failed: loss is NaN" and is_nan(evaluation.reward)


def test_neither_seconds_nor_test_accuracy_can_be_read_out(table):
    for key in ("0,0", "0,1", "1,0"):
        ((_, evaluation),) = TableEvaluator(table).evaluate([job(key)])
        assert evaluation.seconds == 0 and is_nan(evaluation.test_accuracy)


def test_a_key_that_is_not_there(table):
    answers = TableEvaluator(table).evaluate([job("0,0"), job("1,1")])
    with pytest.raises(DataError) as error:
        next(answers)
    assert str(error.value) == (
        f"1,1 is not in the table {table}, which holds 3 keys. Compute the rest of the table, or train missing cells: "
        "TableEvaluator(path, otherwise=TrainingEvaluator(...)) or --missing=train."
    )


def test_what_is_not_there_can_be_evaluated_by_the_same_recipe(table):
    class Otherwise(nk.Evaluator):
        recipe, lag, source, environment = TableEvaluator(table).recipe, 1, {"s": 1}, {"e": 1}
        calls = []

        def evaluate(self, jobs):
            self.calls.append([job.key for job in jobs])
            yield from ((job, nk.Evaluation(0.125)) for job in jobs)

        def resume(self, environment):
            self.calls.append(environment)

        def close(self):
            self.calls.append("closed")

    with TableEvaluator(table, otherwise=Otherwise()) as evaluator:
        assert (evaluator.lag, evaluator.source, evaluator.environment) == (1, {"s": 1, "table": str(table)}, {"e": 1})
        evaluator.resume({"e": 0})
        answers = {j.key: evaluation.reward for j, evaluation in evaluator.evaluate([job("1,1"), job("0,0")])}
        assert answers == {"0,0": 0.5, "1,1": 0.125}
        assert list(evaluator.evaluate([job("0,0")]))[0][1].reward == 0.5  # nothing is missing: nobody is asked
    assert Otherwise.calls == [{"e": 0}, ["1,1"], "closed"]
    Otherwise.recipe = {"another": 1}
    with pytest.raises(InvalidValueError, match="has another recipe than the evaluator of its missing keys: .*another"):
        TableEvaluator(table, otherwise=Otherwise())


def test_another_space_is_refused(table):
    evaluator = TableEvaluator(table)
    evaluator.check(grid(2, 2))
    with pytest.raises(InvalidValueError) as error:
        evaluator.check(grid(2, 3))
    for part in (str(table), SPACE.fingerprint, grid(2, 3).fingerprint, "SearchSpace('grid', T=2, size=6)"):
        assert part in str(error.value)
    with pytest.raises(InvalidValueError, match="is of another space than"):
        nk.search(grid(2, 3), evaluator, strategy="random")


def test_no_table(table, tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(DataError) as error:
            TableEvaluator(path)
        assert str(error.value).startswith(f"There is no table in {path}: it needs recipe.json and trials-*.tfrecord.")
    (table / "recipe.json").unlink()
    with pytest.raises(DataError, match="There is no table in"):
        TableEvaluator(table)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{torn", "recipe.json cannot be read as JSON"),
        ("[]", "recipe.json does not hold a JSON object"),
        ("{}", "recipe.json must hold 'recipe' and 'space'"),
        (json.dumps({"space": "a", "recipe": None}), "recipe.json must hold 'recipe' and 'space'"),
        (json.dumps({"space": 3, "recipe": {}}), "recipe.json must hold 'recipe' and 'space'"),
        (json.dumps({"space": SPACE.fingerprint, "recipe": {"train": {"epochs": 4}}}), "is of recipe [0-9a-f]{16}"),
        (json.dumps({"space": "0123", "recipe": RECIPE}), "is of space [0-9a-f]{16}, but this run has space 0123"),
    ],
)
def test_a_recipe_that_is_damaged_or_of_another_table(table, text, says):
    (table / "recipe.json").write_text(text)
    with pytest.raises(DataError, match=says):
        TableEvaluator(table)


def test_a_shard_that_is_damaged(table):
    path = table / "trials-000000.tfrecord"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="trials-000000.tfrecord is corrupt"):
        TableEvaluator(table)


def test_a_search_over_a_table_finds_its_best_without_training(table):
    space = grid(2, 2)
    result = nk.search(space, TableEvaluator(table), strategy=Fixed(space, [(1, 0), (0, 0), (0, 1)]), batch_size=3)
    assert (result.best.actions, result.best.reward, result.num_evaluations) == ((0, 0), 0.5, 3)
    assert all(math.isnan(trial.evaluation.test_accuracy) for trial in result.trials)


class Fixed(nk.strategies.Strategy):
    """Proposes one batch of encodings."""

    def __init__(self, space, encodings):
        super().__init__(space)
        self._encodings = encodings

    def _ask(self, n, iteration):
        return nk.Proposals([] if iteration else self._encodings)

    def _tell(self, trials, iteration):
        pass
