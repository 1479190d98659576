"""The option --without-tensorflow, by which `make test-fast` skips every test that needs TensorFlow.

No list says which tests these are. A stand-in for TensorFlow (`without_tensorflow/`) comes first on the path and skips
the test that imports it. If a process that a test has started imports it, the process ends, and the failure of the test
counts as skipped.
"""

import os
import pathlib
import sys
import tempfile

import pytest
from browser import browser_fixture, page_fixture  # noqa: F401  (fixtures)

_MARK = "NAS_KERAS_TEST_TENSORFLOW_MARK"  # environment variable: the file that a started process creates
_STAND_IN = pathlib.Path(__file__).parent / "without_tensorflow"
_needing: set[pathlib.Path] = set()  # test files that have started a process which imports TensorFlow


def pytest_addoption(parser):
    parser.addoption("--without-tensorflow", action="store_true", help="skip every test that imports TensorFlow")


def pytest_configure(config):
    if config.getoption("--without-tensorflow"):
        sys.path.insert(0, str(_STAND_IN))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_STAND_IN), os.environ.get("PYTHONPATH")]))
        os.environ[_MARK] = os.path.join(tempfile.gettempdir(), f"nas_keras_tensorflow_{os.getpid()}")


def pytest_runtest_makereport(item, call):
    """Turns failures into skips in a test file whose processes needed TensorFlow; their fixtures may be shared."""
    if not item.config.getoption("--without-tensorflow"):
        return
    mark = pathlib.Path(os.environ[_MARK])
    if mark.exists():
        mark.unlink()
        _needing.add(item.path)
    if call.excinfo is not None and item.path in _needing:
        try:
            pytest.skip("a process needed TensorFlow")
        except pytest.skip.Exception as skipped:
            call.excinfo = pytest.ExceptionInfo.from_exception(skipped)
