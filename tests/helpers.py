"""What several tests share: small spaces and images, facts of trials that can be compared, other processes."""

import dataclasses
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

import nas_keras as nk
from nas_keras.spaces.description import describe_space

ROOT = pathlib.Path(__file__).resolve().parent.parent


def grid(*sizes, **settings) -> nk.SearchSpace:
    """A space of numbers: decision i has the choices 0 to sizes[i] - 1, so an encoding decodes to itself."""
    decisions = [nk.Decision(f"d{i}", tuple(range(size))) for i, size in enumerate(sizes)]
    return nk.SearchSpace("grid", decisions, **settings)


def own_space(*choices, name="own", decision="edge", **settings) -> nk.SearchSpace:
    """A space of two decisions, the first with these choices."""
    return nk.SearchSpace(name, [nk.Decision(decision, choices), nk.Decision("last", (0, 1))], **settings)


def described_as_json(space) -> dict:
    """The description of a space as it is read from a file."""
    return json.loads(json.dumps(describe_space(space)))


def job(key="k", architecture=None, seed=0) -> nk.Job:
    return nk.Job(key, (0, 0), architecture, seed)


def facts(trials, *, seconds=False) -> list[tuple]:
    """Everything in trials but their seconds, so that == compares them: a NaN equals a NaN here."""
    trials = list(trials)
    if not seconds:
        trials = [dataclasses.replace(t, evaluation=dataclasses.replace(t.evaluation, seconds=0.0)) for t in trials]
    return list(map(repr, trials))


def num_traces(method) -> int:
    """How often a graph method (`graph.py`) of an object was traced."""
    owner = method.__self__
    return method.function.__get__(owner, type(owner)).experimental_get_tracing_count()


def is_nan(value: float) -> bool:
    return isinstance(value, float) and math.isnan(value)


def tiny_images(count=512, *, side=12, classes=4, test=True) -> nk.Images:
    """Noise, the brighter the larger the label."""
    rng = np.random.default_rng(0)

    def pair(count):
        labels = rng.integers(classes, size=count)
        images = rng.integers(0, 60, size=(count, side, side, 1)) + 60 * labels[:, None, None, None]
        return images.astype(np.uint8), labels

    train, valid, tested = pair(count), pair(128), pair(100)
    return nk.Images.from_arrays(train, valid, test=tested if test else None)


def store_dots(data_dir) -> None:
    """Prepares "dots" in TFDS' own format: images of `tiny_images`, 300 to train and validate, 50 to test."""
    from nas_keras import _tensorflow

    _tensorflow.load_tensorflow()
    import tensorflow_datasets as tfds

    images = tiny_images(count=300)
    tested = [array[:50] for array in images.test()]

    def examples(images, labels):
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield i, {"image": image, "label": int(label)}

    tfds.dataset_builders.store_as_tfds_dataset(
        name="dots",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=images.image_shape, dtype=np.uint8),
                "label": tfds.features.ClassLabel(num_classes=4),
            }
        ),
        split_datasets={"train": examples(images.train_images, images.train_labels), "test": examples(*tested)},
        data_dir=data_dir,
        disable_shuffling=True,
    )


TINY_CHILD = nk.ChildConfig(filters=4, stages=1)
TINY_TRAIN = nk.TrainConfig(batch_size=64)


def python_path(*folders: pathlib.Path) -> str:
    """The PYTHONPATH of a new process: that of the tests, which `make test-fast` sets, then `folders`."""
    return os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), *map(str, folders)]))


def run_python(code: str, *arguments: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess:
    """Runs a program in a new process that finds the repository and these helpers."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": python_path(ROOT, ROOT / "tests"), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_launch(script: str, *arguments: str, timeout: float = 200, **environment: str) -> subprocess.CompletedProcess:
    """Runs a script of launch/ as a user does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "launch" / script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": python_path(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


# Calls the main() of a launch script once for each list of flags: one start of Python and TensorFlow for all of them.
_MANY = """
import contextlib, importlib.util, io, json, sys
from absl import flags
spec = importlib.util.spec_from_file_location("script", sys.argv[1])
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)
answers = []
for arguments in json.loads(sys.argv[2]):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS.flag_values_dict():
        flags.FLAGS[name].unparse()
    flags.FLAGS(["script", *arguments])
    output = io.StringIO()
    error = None
    with contextlib.redirect_stdout(output):
        try:
            script.main()
        except Exception as exception:
            error = [type(exception).__name__, str(exception)]
    answers.append([error, output.getvalue()])
print(json.dumps(answers))
"""


def run_launch_many(script: str, cases: list[list[str]], timeout: float = 200) -> list[tuple]:
    """For each list of flags: (None or the exception's (type, text), what was printed)."""
    done = run_python(_MANY, ROOT / "launch" / script, json.dumps(cases), timeout=timeout)
    assert done.returncode == 0, done.stderr
    return [(error and tuple(error), output) for error, output in json.loads(done.stdout.splitlines()[-1])]


def ask_flags(define: str, *cases: list[str], **environment: str) -> list[str]:
    """What expressions give under flags, in a process of their own since absl's flags are the process's.

    Args:
        define: Python lines that define the flags; they see `nk` and `flags`.
        cases: [expression, flag, ...] each.
        environment: see `run_python`.

    Returns:
        For each case the `repr` of the expression's value, or the error's type and message.
    """
    lines = f"""
import json, sys
from absl import flags
import nas_keras as nk
{define}
answers = []
for expression, *arguments in json.loads(sys.argv[1]):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS.flag_values_dict():
        flags.FLAGS[name].unparse()
    try:
        flags.FLAGS(["script", *arguments])
        answers.append(repr(eval(expression)))
    except Exception as error:
        answers.append(f"{{type(error).__name__}}: {{error}}")
print(json.dumps(answers))
"""
    done = run_python(lines, json.dumps(cases), **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_scalars(folder) -> dict[str, list[tuple[int, float]]]:
    """Tag -> [(step, value), ...] of all event files of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    accumulator = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, float(make_ndarray(event.tensor_proto))) for event in accumulator.Tensors(tag)]
        for tag in accumulator.Tags()["tensors"]
        if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    }


def is_running(pid: int) -> bool:
    """Whether a process is there; one that has ended and that nobody has waited for is not."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(condition, *, seconds: float = 20) -> bool:
    """Whether `condition()` becomes true in time."""
    end = time.monotonic() + seconds
    lacking = os.environ.get("NAS_KERAS_TEST_TENSORFLOW_MARK", "")  # in `make test-fast`; see conftest.py
    while not condition():
        if time.monotonic() > end or os.path.exists(lacking):
            return False
        time.sleep(0.02)
    return True
