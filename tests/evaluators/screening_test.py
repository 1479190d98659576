"""Tests of nas_keras/evaluators/screening.py, and of limits and latencies with real workers."""

import dataclasses

import pytest
from helpers import TINY_CHILD, TINY_TRAIN, tiny_images

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.children.flops import count_flops
from nas_keras.evaluators.screening import RefusedError, ScreenedModel
from nas_keras.spaces.cell import Cell

_CONV, _POOL = (nk.Job(name, (), Cell.chain(name), 1) for name in ("conv_3x3", "max_pool_2x2"))
# Stem 9 x 4 and batch norm 4 x 4, dense 4 x 4 + 4; the convolution 9 x 4 x 4 and batch norm 4 x 4.
_POOL_PARAMS, _CONV_PARAMS = 72, 232
_POOL_FLOPS, _CONV_FLOPS = 2 * (36 * 36 + 16), 2 * (36 * 36 + 16 + 36 * 144)


def _evaluator(**settings) -> nk.TrainingEvaluator:
    return nk.TrainingEvaluator(tiny_images(), child=TINY_CHILD, train=TINY_TRAIN, workers=1, **settings)


@pytest.fixture(scope="module", name="found")
def _found():
    """What needs a worker: name -> evaluations by key."""
    found = {}
    for name, settings in {
        "plain": {},
        "latency": {"measure_latency": True, "limits": nk.Limits(max_params=_POOL_PARAMS)},
        "too slow": {"limits": nk.Limits(max_params=_POOL_PARAMS, max_latency_ms=0.001)},
    }.items():
        with _evaluator(**settings) as evaluator:
            found[name] = {job.key: evaluation for job, evaluation in evaluator.evaluate([_CONV, _POOL])}
            found[f"{name}: environment"] = evaluator.environment
    return found


def test_every_trained_child_has_its_flops(found):
    for job, params, flops in ((_CONV, _CONV_PARAMS, _CONV_FLOPS), (_POOL, _POOL_PARAMS, _POOL_FLOPS)):
        evaluation = found["plain"][job.key]
        assert evaluation.status == "ok"
        assert (evaluation.num_params, evaluation.flops) == (params, flops)
        model = nk.build_child(job.architecture, TINY_CHILD, input_shape=(12, 12, 1), num_classes=4)
        assert count_flops(model) == flops
        assert evaluation.latency_ms != evaluation.latency_ms  # NaN: not measured


def test_a_latency_is_measured_on_request_and_changes_no_reward(found):
    pool = found["latency"][_POOL.key]
    assert 0 < pool.latency_ms < 1_000
    same = dataclasses.replace(pool, latency_ms=float("nan"), seconds=0.0)
    assert repr(same) == repr(dataclasses.replace(found["plain"][_POOL.key], seconds=0.0))
    assert found["latency: environment"]["latency"] == "beside up to 0 other workers"
    assert "latency" not in found["plain: environment"]


def test_a_child_over_a_limit_is_refused_and_not_trained(found):
    refused = found["latency"][_CONV.key]
    assert refused.status == f"failed: refused: {_CONV_PARAMS} parameters, limit {_POOL_PARAMS}"
    assert (refused.num_params, refused.flops, refused.epochs, refused.seconds) == (_CONV_PARAMS, _CONV_FLOPS, 0, 0.0)
    slow = found["too slow"][_POOL.key]
    assert slow.status.startswith("failed: refused: ") and slow.status.endswith(" ms, limit 0.001")
    assert slow.latency_ms > 0.001
    assert slow.epochs == 0 and slow.seconds >= slow.latency_ms / 1_000


def test_the_recipe_does_not_know_of_limits_and_a_worker_is_not_started_for_a_refusal():
    limits = nk.Limits(max_flops=1_000)
    with _evaluator() as plain, _evaluator(limits=limits, measure_latency=True) as limited:
        assert plain.recipe == limited.recipe
        ((_, refused),) = limited.evaluate([_CONV])
        assert refused.status == f"failed: refused: {_CONV_FLOPS:,} FLOPs, limit 1,000"
        assert limited.worker_pids() == []
        assert (plain.costs, limited.costs) == (("num_params", "flops"), ("num_params", "flops", "latency_ms"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"limits": 3}, "limits=3 is not allowed: it must be an nk.Limits, or None"),
        ({"measure_latency": 1}, "measure_latency=1 is not allowed: it must be True or False"),
        ({"measure_latency": True, "distribute": "mirrored"}, "distribute='mirrored' is not allowed with a latency"),
        (
            {"limits": nk.Limits(max_latency_ms=1), "distribute": "mirrored"},
            "distribute='mirrored' is not allowed with a latency",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(nk.InvalidValueError, match=message):
        _evaluator(**settings)


def test_a_model_whose_flops_cannot_be_counted_has_no_limit_on_them():
    keras = _tensorflow.load_tensorflow().keras

    class Own(keras.layers.Dense):
        pass

    def make_model():
        return keras.Sequential([keras.Input((3,)), Own(5)])

    with pytest.raises(nk.InvalidValueError, match="max_flops=10 is not allowed here: the child has a layer whose"):
        ScreenedModel(make_model, nk.Limits(max_flops=10), latency=False)()
    with pytest.raises(RefusedError) as caught:
        ScreenedModel(make_model, nk.Limits(max_params=19, max_flops=10), latency=True)()
    assert caught.value.args[0].status == "failed: refused: 20 parameters, limit 19"
    assert ScreenedModel(make_model, nk.Limits(max_params=20), latency=False)().count_params() == 20


@pytest.mark.slow
def test_of_ten_thousand_proposals_no_oversized_child_is_trained_and_the_search_ends(tmp_path):
    limits = nk.Limits(max_params=_POOL_PARAMS)
    with nk.TrainingEvaluator(tiny_images(), child=TINY_CHILD, train=TINY_TRAIN, limits=limits) as evaluator:
        result = nk.search(
            nk.spaces.small(), evaluator, strategy="evolution", max_evaluations=60, max_trials=10_000, batch_size=50,
            workdir=tmp_path / "run",
        )  # fmt: skip
    assert (len(result.trials), result.stopped) == (10_000, "max_trials")
    trained = {trial.key for trial in result.trials if not trial.evaluation.failed}
    assert trained == {f"{i},{j}" for i in (5, 6, 7) for j in (5, 6, 7)}  # pools and identity
    assert result.num_evaluations == 9
    assert all(trial.evaluation.refused for trial in result.trials if trial.key not in trained)
