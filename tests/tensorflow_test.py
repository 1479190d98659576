"""Tests of nas_keras/_tensorflow.py. What depends on the first import of TensorFlow runs in a process of its own."""

import os
import sys

import pytest
from helpers import ROOT, python_path, run_launch, run_python

from nas_keras import _tensorflow as _keras
from nas_keras.errors import DependencyError


def test_legacy_keras_is_asked_for_unless_the_user_has_chosen(monkeypatch):
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    _keras.prefer_legacy_keras()
    assert (os.environ["TF_USE_LEGACY_KERAS"], os.environ["TF_FORCE_GPU_ALLOW_GROWTH"]) == ("1", "false")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    _keras.prefer_legacy_keras()
    assert os.environ["TF_USE_LEGACY_KERAS"] == "0"


def test_tensorflow_comes_with_keras_2_and_silently():
    code = """
import nas_keras as nk
from nas_keras import _tensorflow as _keras
tf = _keras.load_tensorflow()
assert tf.keras.Model.__module__.startswith("tf_keras")
assert _keras.load_tensorflow() is tf
assert _keras.load_tf_agents().__name__ == "tf_agents"
import tf_agents.agents.ppo.ppo_clip_agent, gym
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tensorflow_is_imported_when_an_attribute_of_tf_is_first_used():
    code = """
import sys
from nas_keras._tensorflow import tf
assert "tensorflow" not in sys.modules
assert tf.constant(2).numpy() == 2 and tf.keras is sys.modules["tensorflow"].keras
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_process_with_keras_3_is_told_what_to_do():
    code = """
import tensorflow as tf
assert tf.keras.__version__.startswith("3.")
import nas_keras as nk
nk.spaces.small().decode([0, 1])
try:
    nk.build_child(nk.cells.vgg(), input_shape=(8, 8, 1), num_classes=2)
except ImportError as error:
    print(error)
try:
    nk.strategies.PPO
except nk.NasKerasError as error:
    print(error)
"""
    done = run_python(code, TF_CPP_MIN_LOG_LEVEL="2", TF_USE_LEGACY_KERAS="")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and lines[0] == lines[1]
    assert lines[0].startswith("tf.keras is Keras 3.")
    assert lines[0].endswith(
        "in this process, but TF-Agents needs Keras 2 (tf_keras). Import nas_keras before tensorflow, or set "
        "TF_USE_LEGACY_KERAS=1 in the environment before Python starts."
    )


def test_a_launch_script_with_keras_3_ends_with_one_sentence(tmp_path):
    command = ["--reward=table", "--max_evaluations=8", "--final_epochs=0", f"--workdir={tmp_path / 'run'}"]
    done = run_launch("search.py", *command, TF_USE_LEGACY_KERAS="0")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: tf.keras is Keras 3.") and done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_launch_script_without_tf_agents_ends_with_one_sentence(tmp_path):
    """From Python 3.12 on, `pip install .` leaves TF-Agents out."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys; sys.modules['tf_agents'] = None")
    says = f"PPO needs TF-Agents, but tf_agents cannot be imported: pip install --no-deps {_keras.TF_AGENTS}"
    for flags in (["--reward=table", "--final_epochs=0"], ["--data_dir=testdata", "--strategy=ppo_predictor"]):
        path = python_path(hidden, ROOT)
        done = run_launch("search.py", *flags, f"--workdir={tmp_path / 'run'}", PYTHONPATH=path)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Error: {says}\n")
    assert not (tmp_path / "run").exists()
    done = run_python("import nas_keras as nk\nnk.strategies.PPO", PYTHONPATH=path)
    assert done.stderr.endswith(f"nas_keras.errors.DependencyError: {says}\n")


def test_the_sentence_installs_the_pinned_tf_agents():
    lines = (ROOT / "requirements-tf-agents.txt").read_text().splitlines()
    assert _keras.TF_AGENTS.split() == [line for line in lines if not line.startswith("#")]
    assert f"pip install --no-deps {_keras.TF_AGENTS}\n" in (ROOT / "docs" / "install.md").read_text()


def test_tensorflow_is_imported_without_a_temporary_folder():
    code = """
import os, tempfile
tempfile._candidate_tempdir_list = lambda: ["/nowhere"]
from nas_keras import _tensorflow as _keras
assert _keras.load_tensorflow().constant(2).numpy() == 2
assert "TEST_TMPDIR" in os.environ
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_process_without_tensorflow_is_told_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)

    class Hides:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "tensorflow":
                raise ModuleNotFoundError(name)

    monkeypatch.setattr(sys, "meta_path", [Hides, *sys.meta_path])
    with pytest.raises(DependencyError, match=r"^nas_keras needs TensorFlow: pip install 'tensorflow==2.21.\*'$"):
        _keras.load_tensorflow()


def test_tensorflow_is_imported_where_stderr_cannot_be_flushed(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with _keras._quiet_stderr():
        pass
    closed = open(os.devnull, "w")
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    with _keras._quiet_stderr():
        pass


def test_what_is_held_back_is_dropped_shown_on_request_and_shown_on_failure(capfd):
    with _keras._quiet_stderr():
        os.write(2, b"noise\n")
    assert capfd.readouterr().err == ""
    with _keras._quiet_stderr() as show:
        os.write(2, b"wanted\n")
        show()
    assert capfd.readouterr().err == "wanted\n"
    with pytest.raises(OSError, match="broken"), _keras._quiet_stderr():
        os.write(2, b"why\n")
        raise OSError("broken")
    assert capfd.readouterr().err == "why\n"
    os.write(2, b"as before\n")
    assert capfd.readouterr().err == "as before\n"
