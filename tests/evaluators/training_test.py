"""Tests of nas_keras/evaluators/training.py, with real workers on a tiny data set."""

import concurrent.futures
import dataclasses
import importlib

import numpy as np
import pytest
from helpers import TINY_CHILD, TINY_TRAIN, facts, grid, is_nan, is_running, tiny_images

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.children.named_recipes import settings_of
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators import training
from nas_keras.evaluators.workers import devices
from nas_keras.evaluators.workers.shared_arrays import attach
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell
from nas_keras.storage.recipe import fingerprint

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


def _is_greedy(keras, x, filters):
    import tensorflow as tf

    class Greedy(keras.layers.Layer):
        def call(self, t, training=False):
            side = tf.where(tf.shape(t)[0] > 32, 2**24, 1) if training else 1
            return t + 0 * tf.reduce_max(tf.random.uniform([side, side]))

    return Greedy()(x)


def _is_nan(keras, x, filters):
    return keras.layers.Lambda(lambda t: t * float("nan"))(x)


def _variable(state, *, name):
    import os

    return os.environ[name]


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
        builders = {
            "sleeps": _sleeps,
            "dies": _dies,
            "huge": _is_huge,
            "greedy": _is_greedy,
            "nan": _is_nan,
            "grows": _grows,
        }
        # oneDNN's allocator waits ten seconds before it gives up.
        patch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
        patch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
        for name, builder in builders.items():
            # Not by their place in this file, which no worker can import: sent whole, as those of a script are.
            builder.__module__ = "__main__"
            nk.register_operation(name, builder)
        one = nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1, child_timeout=2)
        two = nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=2)

    def evaluate_one(name):
        ((_, results[name]),) = one.evaluate([nk.Job(name, (), Cell.chain(name), 0)])

    with one, two, concurrent.futures.ThreadPoolExecutor() as threads:
        memory = [nk.Job(name, (), Cell.chain(name), 0) for name in ("huge", "greedy")]
        by_two = threads.submit(lambda: {job.key: e for job, e in two.evaluate([*memory, *GOOD[::-1]])})
        results["recipe with half the batch"] = two.variants[0]
        evaluate_one("sleeps")
        results["workers after sleeps"] = one._pool.pids()
        one._pool._timeout = 100  # for what must not be cut off on a busy machine
        evaluate_one("dies")
        results["workers after dies"] = one._pool.pids()
        evaluate_one("nan")
        with pytest.raises(InvalidValueError) as results["grows"]:
            evaluate_one("grows")
        results["one worker"] = {job.key: evaluation for job, evaluation in one.evaluate(GOOD)}
        results["two workers"] = by_two.result()
        results |= {name: results["two workers"].pop(name) for name in ("huge", "greedy")}
        results["pids"] = [*one._pool.pids(), *two._pool.pids()]
    results["after close"] = [is_running(pid) for pid in results["pids"]]
    with pytest.raises(InvalidValueError) as results["closed"]:
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


def test_a_child_that_ran_out_of_memory_is_tried_with_half_the_batch_under_a_recipe_of_its_own(results):
    recipe = results["recipe with half the batch"]
    assert recipe["train"] == {**settings_of(TINY_TRAIN), "batch_size": 32}
    assert results["greedy"].status == "ok" and results["greedy"].reward > 0.2
    assert results["greedy"].recipe == results["huge"].recipe == fingerprint(recipe)
    assert {e.recipe for e in results["two workers"].values()} == {""}


def test_an_operation_that_is_refused_ends_the_search_with_its_error(results):
    assert str(results["grows"].value).startswith(
        "Operation 'grows' turned shape (None, 6, 6, 4) into (None, 12, 12, 4)"
    )


def test_close_ends_the_workers(results):
    assert len(results["pids"]) == 2 and results["after close"] == [False] * 2
    assert "The evaluator is closed" in str(results["closed"].value)


def test_workers_never_see_the_test_split():
    images = tiny_images(count=64, test=False)
    images = dataclasses.replace(images, load_test=lambda: pytest.fail("the test split was read"))
    with nk.TrainingEvaluator(images, child=TINY_CHILD, workers=1) as evaluator:
        layout = evaluator._pool.shared.layout
        assert list(layout) == ["train_images", "train_labels", "valid_images", "valid_labels"]
        np.testing.assert_array_equal(attach(evaluator._pool.shared.fd, layout)["valid_images"], images.valid_images)


def test_the_recipe_says_all_that_a_reward_depends_on(images):
    with nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        recipe = evaluator.recipe
        assert evaluator.lag == 1 and evaluator.source == {"class_names": ["0", "1", "2", "3"]}
    assert recipe["data"] == {"name": "arrays", "digest": images.digest, "num_classes": 4}
    assert recipe["child"] == settings_of(TINY_CHILD) and recipe["train"] == settings_of(TINY_TRAIN)
    assert recipe["distribute"] == "none" and set(recipe) == {"data", "child", "train", "distribute"}
    with nk.TrainingEvaluator(images) as defaults:
        assert defaults.recipe["child"] == settings_of(nk.ChildConfig())
        assert defaults.recipe["train"] == settings_of(nk.TrainConfig())


def test_the_environment_is_noted(images):
    with nk.TrainingEvaluator(images, workers=1) as evaluator:
        assert evaluator.environment["tensorflow"] == _tensorflow.load_tensorflow().__version__
        assert evaluator.environment["threads_per_worker"] == 1
        assert evaluator.environment["processor"] == devices.processor() != ""


def test_a_run_that_goes_on_takes_the_kernels_it_began_with_and_says_what_else_changed(images, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    warnings = []
    monkeypatch.setattr(training.logging, "warning", lambda text, *values: warnings.append(text % values))
    with nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        began = {**evaluator.environment, "onednn": "0"}
        evaluator.resume({**began, "tensorflow": "2.15.1"})
        assert evaluator.environment == began  # the version is what it is
        assert evaluator._pool.submit(_variable, name="TF_ENABLE_ONEDNN_OPTS").result(timeout=60) == "0"
    assert [text for text in warnings if "steps" not in text] == [
        "The run began with TF_ENABLE_ONEDNN_OPTS=0, which is restored for its workers.",
        "Rewards may differ in their last digits from the recorded ones: tensorflow was 2.15.1, is "
        f"{began['tensorflow']}.",
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"workers": 0}, "workers=0 is not allowed: it must be an integer of at least 1"),
        ({"workers": 1.5}, "workers=1.5 is not allowed"),
        ({"train": nk.TrainConfig(shift=12)}, "shift=12 .--shift. is not allowed for images of 12x12 pixels"),
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


@pytest.mark.slow
def test_a_search_has_the_same_d_with_1_2_and_4_workers(images):
    def search(workers):
        with nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=workers) as evaluator:
            return nk.search(nk.spaces.large(3), evaluator, max_evaluations=24, batch_size=4).trials

    one, two, four = (facts(search(workers)) for workers in (1, 2, 4))
    assert len(one) >= 24 and one == two == four


def test_jobs_that_nobody_waits_for_are_cancelled(images):
    """Otherwise the worker would train them all before the jobs of the next search."""
    futures = []
    with nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        submit = evaluator._jobs._submit

        def note(*arguments):
            futures.append(submit(*arguments))
            return futures[-1]

        evaluator._jobs._submit = note
        jobs = [nk.Job(f"{i}", (), Cell.chain("conv_3x3"), i) for i in range(6)]
        answers = evaluator.evaluate(jobs)
        job, _ = next(answers)
        answers.close()
        answers = evaluator.evaluate(jobs)
        next(answers)
        evaluator.cancel(
            [jobs[4], nk.Job("not asked for", (), Cell.chain("conv_3x3"), 4)]
        )  # as a search with a lag does
        assert [future.cancelled() for future in futures[9:]] == [False, True, False]
        evaluator.cancel(jobs)
        assert [future.cancelled() for future in futures[9:]] == [True, True, True]
        answers.close()
        ((again, evaluation),) = evaluator.evaluate(jobs[-1:])
    assert (job, again) == (jobs[0], jobs[-1]) and not evaluation.failed
    # The worker may have begun the next ones before the first evaluation was read.
    assert [future.cancelled() for future in [*futures[3:6], futures[-1]]] == [True, True, True, False]


def test_a_search_with_a_closed_evaluator_is_refused_before_its_folder_is_made(images, tmp_path):
    evaluator = nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1)
    evaluator.close()
    with pytest.raises(InvalidValueError, match="^The evaluator is closed: its worker processes have ended. Make"):
        nk.search(nk.spaces.small(), evaluator, max_evaluations=1, workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_worker_that_would_train_with_other_values_of_a_users_module_is_refused(tmp_path, monkeypatch):
    """A worker imports the module itself, where the value is the one in the file."""
    (tmp_path / "operations_of_mine.py").write_text(
        "KERNEL = 3\n\n\ndef own(keras, x, filters):\n"
        "    return keras.layers.Conv2D(filters, KERNEL, padding='same')(x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    mine = importlib.import_module("operations_of_mine")
    mine.KERNEL = 5
    nk.register_operation("own", mine.own)
    with nk.TrainingEvaluator(tiny_images(), child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        with pytest.raises(InvalidValueError, match="^Operation 'own' reads other values .* KERNEL in own was 5, is 3"):
            evaluator.start()
