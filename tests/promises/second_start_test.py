"""What may change between two starts of a run, and what may not: of the settings of a search that trains children.

The children get their rewards for nothing here; the settings are those of the real evaluator. Other settings that are
refused: searching_test.
"""

import json

import pytest
from helpers import TINY_CHILD, TINY_TRAIN, facts, tiny_images

import nas_keras as nk
from nas_keras.errors import InvalidValueError

_IMAGES = tiny_images(64)


class _Instant(nk.TrainingEvaluator):
    """Trains nothing: no worker is started."""

    def evaluate(self, jobs):
        for job in jobs:
            yield job, nk.Evaluation(sum(job.actions) / 14)


def _search(workdir, *, images=_IMAGES, child=TINY_CHILD, train=TINY_TRAIN, workers=1, child_timeout=None, **settings):
    settings = {"space": nk.spaces.small(), "strategy": "evolution", "max_evaluations": 8, "batch_size": 4, **settings}
    with _Instant(images, child=child, train=train, workers=workers, child_timeout=child_timeout) as evaluator:
        return nk.search(evaluator=evaluator, workdir=workdir, **settings)


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    return workdir, _search(workdir)


@pytest.mark.parametrize(
    "changed",
    [
        {"max_evaluations": 12},
        {"max_evaluations": 12, "max_trials": 500},
        {"max_evaluations": 12, "workers": 2},
        {"max_evaluations": 12, "child_timeout": 60.0},
        {"max_evaluations": 12, "on_batch": lambda dataset, batch: None},
    ],
    ids=lambda changed: " ".join(changed),
)
def test_budget_workers_and_logging_may_change(tmp_path, changed):
    before = _search(tmp_path / "run").trials
    after = _search(tmp_path / "run", **changed)
    assert facts(after.trials[: len(before)]) == facts(before)
    assert after.num_evaluations == 12
    assert json.loads((tmp_path / "run" / "config.json").read_text())["budget"]["max_evaluations"] == 12


def test_other_images_are_refused_by_their_digests(run):
    workdir, _ = run
    files = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    other = tiny_images(65)
    with pytest.raises(InvalidValueError, match="is a run on other images of arrays: their digest was") as caught:
        _search(workdir, max_evaluations=12, images=other)
    assert f"was {_IMAGES.digest[:16]} and is {other.digest[:16]}" in str(caught.value)
    assert files == {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("changed", "before", "now"),
    [
        ({"space": nk.spaces.large(2)}, "space: name 'small' before", "'large2' now"),
        ({"seed": 7}, "seed: 0 before", "7 now"),
        ({"strategy": "random"}, "strategy: evolution before", "random now"),
        ({"strategy_config": {"population": 12}}, "population: 10 before", "12 now"),
        ({"child": nk.ChildConfig(filters=8, stages=1)}, "recipe.child.filters: 4 before", "8 now"),
        ({"train": nk.TrainConfig(batch_size=64, epochs=2)}, "recipe.train.epochs: 1 before", "2 now"),
        ({"train": nk.TrainConfig(batch_size=32)}, "recipe.train.batch_size: 64 before", "32 now"),
        (
            {"train": nk.TrainConfig(batch_size=64, precision="mixed_bfloat16")},
            "recipe.train.precision: null before",
            '"mixed_bfloat16" now',
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_rewards_or_proposals_depend_on_may_not(run, changed, before, now):
    workdir, _ = run
    files = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    with pytest.raises(InvalidValueError, match="is a run with other settings") as caught:
        _search(workdir, max_evaluations=12, **changed)
    was, _, wanted = str(caught.value).rpartition(" before, ")
    assert before in was + " before" and now in wanted
    assert files == {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
