"""Tests of children that a user's function builds: trained by real workers, searched, and exported."""

import json

import numpy as np
import pytest
from helpers import facts, run_python, tiny_images

import nas_keras as nk
from nas_keras.results.export_folder import read_exported
from nas_keras.spaces import operations
from nas_keras.storage.run_folder import Workspace

_TRAIN = nk.TrainConfig(batch_size=64)


def _space(**settings):
    decisions = [nk.Decision("what", ("conv", "raises")), nk.Decision("filters", (4, 8))]
    return nk.SearchSpace("own", decisions, **settings)


def _make_build(kernel=3):
    """The function is sent by value, since it is made within another."""

    def build(architecture, input_shape, num_classes):
        import os
        import signal
        import time

        import tf_keras as keras

        what, filters = architecture
        if what == "raises":
            raise ValueError("not possible")
        if what == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "sleeps":
            time.sleep(100)
        images = keras.Input(input_shape)
        x = keras.layers.Rescaling(1 / 255)(images)
        x = keras.layers.Conv2D(filters, kernel, activation="relu", name="mine")(x)
        x = keras.layers.Dropout(0.1)(keras.layers.GlobalMaxPooling2D()(x))
        return keras.Model(images, keras.layers.Dense(num_classes)(x))

    return build


@pytest.fixture(scope="module", name="images")
def _images():
    return tiny_images()


@pytest.fixture(scope="module", name="runs")
def _runs(tmp_path_factory, images):
    """The same search with one worker and with two, the first one exported: (workdir, results, exported)."""
    workdir, space, results = tmp_path_factory.mktemp("own") / "run", _space(), []
    for workers in (1, 2):
        with nk.TrainingEvaluator(images, build=_make_build(), train=_TRAIN, workers=workers) as evaluator:
            settings = {"strategy": "random", "max_evaluations": 4, "batch_size": 2, "seed": 0}
            results.append(nk.search(space, evaluator, workdir=workdir if workers == 1 else None, **settings))
    exported = nk.export_best(workdir, epochs=2, images=images, build=_make_build(), workers=1)
    return workdir, results, exported


def test_d_is_the_same_for_one_worker_and_two(runs):
    _, (one, two), _ = runs
    assert len(one.trials) == 4 and facts(one.trials) == facts(two.trials)


def test_children_that_fail_are_told_apart_and_the_others_are_trained(runs):
    _, (one, _), _ = runs
    status = {trial.actions: trial.evaluation.status for trial in one.trials}
    for filters in (0, 1):
        assert status[0, filters] == "ok"
        assert status[1, filters] == "failed: build=_make_build.<locals>.build raised ValueError: not possible"
    sizes = {trial.actions: trial.evaluation.num_params for trial in one.trials}
    assert sizes[0, 0] == 4 * 9 + 4 + 4 * 4 + 4 and sizes[0, 1] == 8 * 9 + 8 + 8 * 4 + 4
    assert one.best.reward > 0.3  # 0.25 by chance


def test_children_that_hang_or_kill_their_worker_are_failures(images):
    jobs = [nk.Job(what, (), (what, 4), 0) for what in ("sleeps", "dies")]
    with nk.TrainingEvaluator(images, build=_make_build(), workers=1, child_timeout=2) as evaluator:
        status = {job.key: evaluation.status for job, evaluation in evaluator.evaluate(jobs)}
    assert status == {"sleeps": "failed: it took longer than 2 s", "dies": "failed: its worker process died (SIGKILL)"}


def test_the_recipe_holds_the_code_instead_of_a_child(runs):
    config = json.loads((runs[0] / "config.json").read_text())
    recipe = config["fixed"]["recipe"]
    assert set(recipe) == {"data", "train", "distribute", "build_code"}
    assert recipe["build_code"]["kernel in _make_build.<locals>.build"] == "3"


def test_it_is_exported_like_a_cell_under_the_names_of_its_decisions(runs, images):
    workdir, (one, _), (best,) = runs
    assert best.key == best.name == best.title == f"what=conv, filters={4 + 4 * one.best.actions[1]}"
    assert json.loads((workdir / "best" / "children.json").read_text())["children"][0]["name"] == best.name
    code = """
import sys, numpy as np, tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = serve(images=tf.constant(np.load(sys.argv[2])))
print({name: value.shape.as_list() for name, value in sorted(answer.items())})
print((answer["logits"].numpy().argmax(1) == np.load(sys.argv[3])).mean())
"""
    tested, labels = images.test()
    np.save(workdir.parent / "images.npy", tested), np.save(workdir.parent / "labels.npy", labels)
    done = run_python(code, workdir / best.path, workdir.parent / "images.npy", workdir.parent / "labels.npy")
    shapes, accuracy = done.stdout.splitlines()[-2:]
    expected = "{'class': [100], 'class_name': [100], 'logits': [100, 4], 'probabilities': [100, 4]}"
    assert shapes == expected, done.stderr
    assert not (workdir / "best" / "model.keras").exists()
    reason = "`model.keras` was left out: a function of your own builds the network with tf_keras."
    assert reason in (workdir / "best" / "MODEL_CARD.md").read_text()
    assert float(accuracy) == pytest.approx(best.test_accuracy)


def test_a_list_of_an_earlier_version_has_no_names(runs):
    workdir, _, (best,) = runs
    path = workdir / "best" / "children.json"
    text = path.read_text()
    listed = json.loads(text)
    del listed["children"][0]["name"]
    path.write_text(json.dumps(listed))
    try:
        (read,) = read_exported(Workspace(workdir))
    finally:
        path.write_text(text)
    assert (read.name, read.title) == ("", best.key)


def test_other_code_neither_continues_a_run_nor_exports_it(runs, images):
    workdir, _, _ = runs
    with nk.TrainingEvaluator(images, build=_make_build(5), train=_TRAIN, workers=1) as evaluator:
        with pytest.raises(nk.InvalidValueError, match="the build function: kernel in .*build was 3, is 5"):
            nk.search(_space(), evaluator, strategy="random", max_evaluations=4, batch_size=2, workdir=workdir)
    with pytest.raises(nk.InvalidValueError, match="function: kernel in .*build was 3, is 5. An export would"):
        nk.export_best(workdir, images=images, build=_make_build(5))
    with pytest.raises(nk.InvalidValueError, match="were built by a function of yours, whose code has the parts"):
        nk.export_best(workdir, images=images)


def test_an_export_is_refused_without_the_function_decode_of_its_space_and_without_its_objects(tmp_path, images):
    def run(space, folder):
        with nk.TrainingEvaluator(images, build=_make_build(), train=_TRAIN, workers=1) as evaluator:
            made = nk.FunctionEvaluator(lambda architecture: 0.5, recipe=evaluator.recipe)
        nk.search(space, made, strategy="random", max_evaluations=1, workdir=folder)
        nk.export_best(folder, images=images, build=_make_build())

    decoded = _space(decode=lambda actions: ("conv", 4))
    with pytest.raises(nk.InvalidValueError, match=r"its function decode: .*Pass the space of the run: export_b"):
        run(decoded, tmp_path / "decoded")
    named = nk.SearchSpace("own", [nk.Decision("filters", (np.dtype("int8"), np.dtype("int16")))])
    with pytest.raises(nk.InvalidValueError, match=r"the name of the choice dtype\('int8'\) of decision 'filters', bu"):
        run(named, tmp_path / "named")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"child": nk.ChildConfig()},
            r"^child=ChildConfig\(.*\) with build= is not allowed: child is the network",
        ),
        (
            {"build": 3},
            r"^build=3 is not allowed: it must be a function build\(architecture, input_shape",
        ),
        ({"build": None, "version": "1"}, "^version='1' is for build=. Leave it out, or pass build=."),
    ],
)
def test_values_that_cannot_be_used(images, settings, says):
    with pytest.raises(nk.InvalidValueError, match=says):
        nk.TrainingEvaluator(images, **{"build": _make_build(), **settings})


def test_a_version_replaces_the_code(images):
    with nk.TrainingEvaluator(images, build=_make_build(), version="1", workers=1) as evaluator:
        assert evaluator.recipe["build_code"] == {"given version": "1"}


def test_a_registered_operation_that_the_function_may_build_is_part_of_the_recipe(images, monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    nk.register_operation("beside", lambda keras, x, filters: x)
    with nk.TrainingEvaluator(images, build=_make_build(), train=_TRAIN, workers=1) as evaluator:
        evaluator.check(_space())
        assert set(evaluator.recipe) == {"data", "train", "distribute", "build_code", "operation_code"}
        assert set(evaluator.variants[0]) == set(evaluator.recipe)
