"""Tests of nas_keras/results/alarms.py: the alarms of runs on disk."""

import dataclasses

import pytest
from helpers import ROOT

import nas_keras as nk
from nas_keras.results.alarms import alarms_of
from nas_keras.storage.run_folder import Workspace


def _search(workdir, function, **settings):
    space = nk.spaces.large(1)
    settings = {"strategy": "random", "max_evaluations": 8, "batch_size": 4, **settings}
    nk.search(space, nk.FunctionEvaluator(function), workdir=workdir, **settings)
    return nk.load_run(workdir)


def test_the_alarms_that_d_shows(tmp_path):
    run = _search(tmp_path, lambda cell: nk.Evaluation.failure("no"))
    (alarm,) = alarms_of(run)
    assert (alarm.name, alarm.iteration) == ("most children fail", 1)


@pytest.mark.parametrize(("num_images", "names"), [(None, []), ("many", []), (1000, ["within noise"])])
def test_the_alarm_about_noise_needs_the_number_of_images(num_images, names, tmp_path):
    run = _search(tmp_path, lambda cell: nk.Evaluation(0.5, valid_accuracy=0.5))
    run.config["environment"] = {"validation_images": num_images}
    assert [alarm.name for alarm in alarms_of(run)] == names


def test_entropy_and_kl_are_those_of_tensorboard(tmp_path):
    run = nk.load_run(ROOT / "testdata" / "runs" / "large3_ppo")
    assert alarms_of(run) == []
    workspace = Workspace(tmp_path)
    from nas_keras._tensorflow import tf

    writer = tf.summary.create_file_writer(str(workspace.tensorboard))
    with writer.as_default():
        for step in range(10):
            tf.summary.scalar("policy/kl", 3.0 if step > 3 else 0.5, step=step)
    writer.close()
    (alarm,) = alarms_of(dataclasses.replace(run, path=tmp_path))
    assert (alarm.name, alarm.iteration) == ("large KL", 8)
    for path in workspace.tensorboard.iterdir():
        path.write_bytes(b"damaged")
    assert alarms_of(dataclasses.replace(run, path=tmp_path)) == []
