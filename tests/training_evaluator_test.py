"""Tests of nas_keras/evaluators/training.py, with real workers on a tiny data set."""

import concurrent.futures
import dataclasses
import types

import numpy as np
import pytest
from helpers import TINY_CHILD, TINY_TRAIN, grid, is_nan, is_running, tiny_images

import nas_keras as nk
from nas_keras import _keras, operations
from nas_keras.cell import Cell
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators import training
from nas_keras.evaluators.shared_arrays import attach
from nas_keras.evaluators.workers import TaskError

# Cells that are trained; each with the seed of its child.
GOOD = [
    nk.Job("conv", (), Cell.chain("conv_3x3"), 1),
    nk.Job("pool", (), Cell.chain("max_pool_2x2", "avg_pool_2x2"), 2),
    nk.Job("again", (), Cell.chain("conv_3x3"), 3),
]


def _sleeps(keras, x, filters):
    import time

    time.sleep(100)


def _dies(keras, x, filters):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def _is_huge(keras, x, filters):
    import tensorflow as tf

    return keras.layers.Lambda(lambda t: t + tf.reduce_max(tf.random.uniform([2**24, 2**24])))(x)  # a million GiB


def _is_nan(keras, x, filters):
    return keras.layers.Lambda(lambda t: t * float("nan"))(x)


def _grows(keras, x, filters):
    return keras.layers.UpSampling2D()(x)


@pytest.fixture(scope="module", name="images")
def _images():
    return tiny_images()


@pytest.fixture(scope="module", name="results")
def _results(images):
    """Everything that needs workers, one after the other; name -> what came of it."""
    results = {}
    with pytest.MonkeyPatch.context() as patch:
        builders = {"sleeps": _sleeps, "dies": _dies, "huge": _is_huge, "nan": _is_nan, "grows": _grows}
        patch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
        for name, builder in builders.items():
            # Not by their place in this file, which no worker can import: sent whole, as those of a script are.
            builder.__module__ = "__main__"
            nk.register_operation(name, builder)
        one = nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1, child_timeout=2)
        two = nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=2)

    def evaluate_one(name):
        ((_, results[name]),) = one.evaluate([nk.Job(name, (), Cell.chain(name), 0)])

    # Both at once, since TensorFlow waits ten seconds before it gives a huge memory up.
    with one, two, concurrent.futures.ThreadPoolExecutor() as threads:
        huge = nk.Job("huge", (), Cell.chain("huge"), 0)
        by_two = threads.submit(lambda: {job.key: e for job, e in two.evaluate([*GOOD[::-1], huge])})
        evaluate_one("sleeps")
        results["workers after sleeps"] = one._pool.pids()
        one._pool._timeout = 100  # for what must not be cut off on a busy machine
        evaluate_one("dies")
        results["workers after dies"] = one._pool.pids()
        evaluate_one("nan")
        with pytest.raises(TaskError) as results["grows"]:
            evaluate_one("grows")
        results["one worker"] = {job.key: evaluation for job, evaluation in one.evaluate(GOOD)}
        results["two workers"] = by_two.result()
        results["huge"] = results["two workers"].pop("huge")
        results["pids"] = [*one._pool.pids(), *two._pool.pids()]
    results["after close"] = [is_running(pid) for pid in results["pids"]]
    with pytest.raises(RuntimeError) as results["closed"]:
        next(one.evaluate(GOOD))
    return results


def test_a_reward_is_the_validation_accuracy_of_a_trained_child(results):
    evaluation = results["one worker"]["conv"]
    assert evaluation.status == "ok"
    assert evaluation.reward == evaluation.valid_accuracy > 0.4  # 0.25 by chance
    assert evaluation.reward * 128 == round(evaluation.reward * 128)
    assert evaluation.loss > 0 and evaluation.seconds > 0 and evaluation.epochs == 1
    assert is_nan(evaluation.test_accuracy)
    model = nk.build_child(GOOD[0].architecture, TINY_CHILD, input_shape=(12, 12, 1), num_classes=4)
    assert evaluation.num_params == model.count_params()


def test_rewards_are_the_same_with_one_worker_and_two_and_whatever_was_trained_before(results):
    def numbers(evaluations):
        return {key: (e.reward, e.loss, e.num_params, e.status) for key, e in evaluations.items()}

    assert len(results["one worker"]) == 3
    assert numbers(results["one worker"]) == numbers(results["two workers"])
    # The seed decides: the same cell with another one is another child.
    assert results["one worker"]["conv"].loss != results["one worker"]["again"].loss


def test_a_child_that_hangs_is_a_failure_and_its_worker_is_killed(results):
    evaluation = results["sleeps"]
    assert evaluation.status == "failed: it took longer than 2 s" and is_nan(evaluation.reward)
    assert results["workers after sleeps"] == []


def test_a_child_that_kills_its_worker_is_a_failure_and_the_next_one_is_trained(results):
    assert results["dies"].status == "failed: its worker process died (SIGKILL)"
    assert results["workers after dies"] == []
    assert results["nan"].status == "failed: the training loss is not a finite number"


def test_an_impossible_tensor_is_a_failure_with_its_reason(results):
    status = results["huge"].status
    assert status.startswith(
        "failed: ResourceExhaustedError: OOM when allocating tensor with shape[16777216,16777216] and type float on "
    )
    assert "\n" not in status


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{{function_node __wrapped__Add}} OOM when [Op:Add]\nHint: report", "OOM when [Op:Add]"),
        (
            'Graph execution error:\n\nDetected at node a/b defined at:\n  File "x.py", line 1\n\n'
            '  File "y.py", line 2\n'
            "    y = f(x)\n\nOOM when allocating\n\t [[{{node a/b}}]]\nHint: report\n [Op:fit]",
            "OOM when allocating",
        ),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_one_line_of_tensorflows_many_is_the_reason(text, line):
    assert training._what_happened(MemoryError(text)) == line


def test_an_operation_with_a_defect_ends_the_search_with_the_workers_traceback(results):
    text = str(results["grows"].value)
    assert text.startswith("Traceback") and "in build_child" in text
    assert "InvalidValueError: Operation 'grows' made (None, 12, 12, 4) of (None, 6, 6, 4)" in text


def test_close_ends_the_workers(results):
    assert len(results["pids"]) == 3 and results["after close"] == [False] * 3
    assert "The worker pool is closed" in str(results["closed"].value)


def test_workers_never_see_the_test_split():
    images = tiny_images(count=64, test=False)
    images = dataclasses.replace(images, load_test=lambda: pytest.fail("the test split was read"))
    with nk.TrainingEvaluator(images, child=TINY_CHILD, workers=1) as evaluator:
        layout = evaluator._shared.layout
        assert list(layout) == ["train_images", "train_labels", "valid_images", "valid_labels"]
        np.testing.assert_array_equal(attach(evaluator._shared.fd, layout)["valid_images"], images.valid_images)


def test_the_recipe_says_all_that_a_reward_depends_on(images):
    with nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        recipe = evaluator.recipe
        assert evaluator.lag == 1 and evaluator.source == {}
    assert recipe["data"] == {"name": "arrays", "digest": images.digest, "num_classes": 4}
    assert recipe["child"] == dataclasses.asdict(TINY_CHILD) and recipe["train"] == dataclasses.asdict(TINY_TRAIN)
    assert recipe["distribute"] == "none" and set(recipe) == {"data", "child", "train", "distribute"}
    with nk.TrainingEvaluator(images) as defaults:
        assert defaults.recipe["child"] == dataclasses.asdict(nk.ChildConfig())
        assert defaults.recipe["train"] == dataclasses.asdict(nk.TrainConfig())


def test_the_environment_is_noted(images):
    with nk.TrainingEvaluator(images, workers=1) as evaluator:
        assert evaluator.environment["tensorflow"] == _keras.load_tensorflow().__version__
        assert evaluator.environment["threads_per_worker"] == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"workers": 0}, "workers=0 is not allowed: it must be an integer of at least 1"),
        ({"workers": 1.5}, "workers=1.5 is not allowed"),
        ({"child_timeout": 0.5}, "child_timeout=0.5 is not allowed: it must be a number of at least 1"),
        ({"distribute": "many"}, "distribute='many' is unknown. Allowed: none, mirrored"),
        ({"child": nk.ChildConfig(stages=9)}, "An image of 12x12 is too small for 9 stages with stem stride 2"),
    ],
)
def test_values_that_cannot_be_used(images, settings, says):
    with pytest.raises(InvalidValueError, match=says):
        nk.TrainingEvaluator(images, **settings)


def test_only_spaces_of_cells_can_be_trained(images):
    with nk.TrainingEvaluator(images, workers=1) as evaluator:
        assert evaluator.check(nk.spaces.small()) is evaluator.check(nk.spaces.large(2)) is None
        with pytest.raises(InvalidValueError, match="SearchSpace.'grid'.*decodes to tuple, but only cells can be"):
            evaluator.check(grid(2, 2))
        with pytest.raises(InvalidValueError, match="or a FunctionEvaluator of your own"):
            nk.search(grid(2, 2), evaluator)


@pytest.fixture(name="devices")
def _devices(monkeypatch):
    """Pretends that there are so many GPUs."""

    def pretend(num_gpus):
        gpus = [f"GPU {i}" for i in range(num_gpus)]
        fake = types.SimpleNamespace(config=types.SimpleNamespace(list_physical_devices=lambda kind: gpus))
        monkeypatch.setattr(training._keras, "load_tensorflow", lambda: fake)
        monkeypatch.setattr(training, "make_distribution", lambda name: None)
        for name in ("TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
            monkeypatch.delenv(name, raising=False)

    return pretend


def test_one_worker_a_core_where_there_is_no_gpu(devices, monkeypatch):
    devices(0)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2})
    common = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    assert training.worker_environments(None, "none") == [common] * 3
    assert training.worker_environments(2, "none") == [common] * 2
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    assert training.worker_environments(1, "none") == [{"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "0"}]


def test_one_worker_a_gpu_and_each_sees_one(devices, monkeypatch):
    def visible(workers):
        return [e["CUDA_VISIBLE_DEVICES"] for e in training.worker_environments(workers, "none")]

    devices(2)
    assert visible(None) == ["0", "1"]
    assert visible(3) == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-1a")
    assert visible(2) == ["5", "GPU-1a"]


def test_mirrored_takes_one_worker_that_sees_everything(devices):
    devices(2)
    (environment,) = training.worker_environments(None, "mirrored")
    assert "CUDA_VISIBLE_DEVICES" not in environment
    assert training.worker_environments(1, "mirrored") == [environment]
    with pytest.raises(InvalidValueError, match="workers=2 with distribute='mirrored': one child takes all devices"):
        training.worker_environments(2, "mirrored")
