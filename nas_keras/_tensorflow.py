"""TensorFlow for this package: one lazy `tf`, the choice of Keras, a quiet import, and `tf.distribute` strategies.

TF-Agents and TensorFlow Probability need Keras 2 (the package `tf_keras`). `tf.keras` is Keras 2 only if
`TF_USE_LEGACY_KERAS=1` is in the environment before the first `import tensorflow`. Every module therefore writes

    from nas_keras._tensorflow import tf

at its top and uses `tf` as usual. TensorFlow itself is imported when the first attribute of `tf` is used, so a module
that mentions it costs nothing to import, and a process with the wrong Keras fails there with one clear sentence.
"""

import contextlib
import functools
import glob
import importlib.util
import os
import sys
import tempfile
import types
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas_keras.errors import DependencyError, InvalidValueError, check_choice
from nas_keras.system.descriptors import memory_file, open_standard_streams

# What `pip install --no-deps` needs to install for PPO; requirements-tf-agents.txt names the same.
TF_AGENTS = "tf-agents==0.19.0 gym==0.23.0 gym-notices==0.1.0 gin-config==0.5.0"


def prefer_legacy_keras() -> None:
    """Makes a TensorFlow that is imported later use Keras 2. `nas_keras/__init__.py` calls this first."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # The controller and the children may share a GPU, so no process may take all of its memory at once.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def load_tensorflow():
    """Imports TensorFlow, quietly, and returns the module.

    Raises:
        DependencyError: if TensorFlow is missing, or comes with Keras 3 in this process.
    """
    open_standard_streams()
    if "tensorflow" not in sys.modules:
        # Silences C++ log messages after the import, unless the user has chosen a level.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
        with _quiet_stderr() as show:
            _import_tensorflow()
            import tensorflow as tf

            # On a machine without a GPU, CUDA's complaint that it finds none is noise.
            if not tf.config.list_physical_devices("GPU") and glob.glob("/dev/nvidia[0-9]*"):
                show()
    import tensorflow as tf

    if not tf.keras.Model.__module__.startswith("tf_keras"):
        raise DependencyError(
            f"tf.keras is Keras {tf.keras.__version__} in this process, but TF-Agents needs Keras 2 (tf_keras). Import "
            "nas_keras before tensorflow, or set TF_USE_LEGACY_KERAS=1 in the environment before Python starts."
        )
    return tf


class _LazyTensorFlow(types.ModuleType):
    """A stand-in for the module `tensorflow`, which it imports when its first attribute is used."""

    _load = staticmethod(functools.cache(lambda: load_tensorflow()))

    def __getattr__(self, name: str):
        return getattr(self._load(), name)


if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = _LazyTensorFlow("tensorflow")


def check_tf_agents() -> None:
    """Raises DependencyError unless TF-Agents and what it imports are installed; imports nothing.

    From Python 3.12 on, installing nas_keras leaves them out. TF-Agents 0.19 pins releases that need an older Python
    and that it does not use, such as pygame 2.1.3, and a list of dependencies cannot say `--no-deps`.
    """
    missing = [name for name in ("tf_agents", "gym", "gin") if importlib.util.find_spec(name) is None]
    if missing:
        raise DependencyError(
            f"PPO needs TF-Agents, but {' and '.join(missing)} cannot be imported: pip install --no-deps {TF_AGENTS}"
        )


def load_tf_agents():
    """Imports TF-Agents after TensorFlow and returns the module, without gym's notice on stderr.

    Raises:
        DependencyError: if TF-Agents or TensorFlow is missing, or TensorFlow comes with Keras 3 in this process.
    """
    check_tf_agents()
    load_tensorflow()
    # gym 0.23, which any part of TF-Agents imports, prints a notice by way of this module.
    if "gym" not in sys.modules:
        notices = types.ModuleType("gym_notices.notices")
        notices.notices = {}
        sys.modules.setdefault("gym_notices.notices", notices)
    with warnings.catch_warnings():
        # Python shows what it finds in TF-Agents' sources unless the installation compiled them beforehand.
        warnings.simplefilter("ignore", SyntaxWarning)
        import tf_agents.agents.ppo.ppo_clip_agent

    return tf_agents


def _import_tensorflow() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError:  # absl.testing, which TensorFlow imports, needs the name of a folder, but writes nothing
        os.environ.setdefault("TEST_TMPDIR", os.sep)
    try:
        import tensorflow  # noqa: F401
    except ModuleNotFoundError as error:
        raise DependencyError("nas_keras needs TensorFlow: pip install 'tensorflow==2.21.*'") from error


@contextlib.contextmanager
def _quiet_stderr():
    """Holds back what is written to file descriptor 2; shows it if asked to or if the block fails.

    TensorFlow writes start-up messages from C++, before any log level can be set.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):  # a program may replace or close it
        sys.stderr.flush()
    with memory_file() as held_back:
        stderr = os.dup(2)
        os.dup2(held_back.fileno(), 2)

        def show():
            held_back.seek(0)
            os.write(stderr, held_back.read())

        try:
            yield show
        except BaseException:
            show()
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


NONE, MIRRORED = "none", "mirrored"
DISTRIBUTE = (NONE, MIRRORED)


def make_distribution(name: str = NONE):
    """Returns the `tf.distribute.Strategy` called `name`.

    Args:
        name: "none" is one device, the first GPU or else the CPU; "mirrored" spreads one model over all GPUs, or else
            over the logical CPUs that the process has configured.

    Raises:
        InvalidValueError: for another name, or "mirrored" with fewer than two devices.
    """
    check_choice("distribute", name, DISTRIBUTE)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    names = [f"{device.device_type}:{i}" for i, device in enumerate(devices)]
    if name == NONE:
        # TensorFlow's default strategy uses the first GPU or else the CPU. OneDeviceStrategy does too, but wraps a data
        # set in an iterator with autotune on, whatever the data set's options. Closing that iterator waits for a thread
        # whose sleep doubles: a fit of 23 s returned after 43 s.
        return tf.distribute.get_strategy()
    if len(names) < 2:
        raise InvalidValueError(
            f"distribute='mirrored' spreads one child over several devices, but there is only {names[0]}. "
            "Use distribute='none'."
        )
    return tf.distribute.MirroredStrategy(names)


def apply_gradients(optimizer, gradients: Sequence, variables: Sequence) -> None:
    """Applies one replica's gradients, summed over all replicas. Call it in replica context, inside a `tf.function`.

    With one replica there is nothing to sum, but the optimizer would still call `all_reduce`, which registers a custom
    gradient for each traced graph. TensorFlow's global registry never releases a gradient, and the gradient holds its
    graph, so each search of a process would leak about 5 MiB.

    Args:
        optimizer: a legacy Keras optimizer.
        gradients: gradients of the variables, dense tensors.
        variables: the variables.
    """
    num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    pairs = zip(gradients, variables, strict=True)
    optimizer.apply_gradients(pairs, experimental_aggregate_gradients=num_replicas > 1)
