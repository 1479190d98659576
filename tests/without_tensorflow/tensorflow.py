"""A stand-in for TensorFlow in `make test-fast`, ahead of it on the path; importing it ends the test as skipped."""

import os
import pathlib
import sys

REASON = "needs TensorFlow"

if "pytest" in sys.modules:
    import pytest

    pytest.skip(REASON, allow_module_level=True)
# In a process that a test has started, which cannot skip the test itself: conftest.py looks for the file.
pathlib.Path(os.environ["NAS_KERAS_TEST_TENSORFLOW_MARK"]).touch()
os._exit(77)
