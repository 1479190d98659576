"""The one place that chooses Keras for the process; checked at first use, not at import.

TF-Agents and TensorFlow Probability need Keras 2 (the package `tf_keras`), which `tf.keras` becomes only when
`TF_USE_LEGACY_KERAS=1` stands in the environment before the first `import tensorflow`. Every module of this package
gets TensorFlow from here, so that a process with the wrong Keras hears of it in one sentence.
"""

import contextlib
import glob
import os
import sys
import tempfile
import types

from nas_keras.descriptors import memory_file, open_standard_streams
from nas_keras.errors import DependencyError


def prefer_legacy_keras() -> None:
    """Asks TensorFlow, not yet imported, for Keras 2. Called first thing in `nas_keras/__init__.py`."""
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
        # C++ notes of a later moment; a user's own setting wins.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
        with _quiet_stderr() as show:
            _import_tensorflow()
            import tensorflow as tf

            # On a machine with no GPU at all, CUDA's complaint that it finds none is noise.
            if not tf.config.list_physical_devices("GPU") and glob.glob("/dev/nvidia[0-9]*"):
                show()
    import tensorflow as tf

    if not tf.keras.Model.__module__.startswith("tf_keras"):
        raise DependencyError(
            f"tf.keras is Keras {tf.keras.__version__} in this process, but TF-Agents needs Keras 2 (tf_keras). Import "
            "nas_keras before tensorflow, or set TF_USE_LEGACY_KERAS=1 in the environment before Python starts."
        )
    return tf


def load_tf_agents():
    """Imports TF-Agents after TensorFlow and returns the module, without gym's notice on stderr."""
    load_tensorflow()
    # gym 0.23, which any part of TF-Agents imports, prints a notice by way of this module.
    if "gym" not in sys.modules:
        notices = types.ModuleType("gym_notices.notices")
        notices.notices = {}
        sys.modules.setdefault("gym_notices.notices", notices)
    import tf_agents

    return tf_agents


def _import_tensorflow() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError:  # absl.testing, which TensorFlow imports, asks for such a folder but writes nothing there
        os.environ.setdefault("TEST_TMPDIR", os.sep)
    try:
        import tensorflow  # noqa: F401
    except ModuleNotFoundError as error:
        raise DependencyError("nas_keras needs TensorFlow: pip install 'tensorflow==2.21.*'") from error


@contextlib.contextmanager
def _quiet_stderr():
    """Holds back what is written to file descriptor 2, below Python; shows it if asked to or if the block fails.

    TensorFlow writes its start-up notes before any log level can be set.
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
