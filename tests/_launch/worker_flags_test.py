"""Tests of nas_keras/_launch/worker_flags.py."""

from helpers import ask_flags

_DEFINE = """
from nas_keras._launch.worker_flags import WorkerFlags

workers = WorkerFlags()
"""


def test_workers():
    values = "(workers.check(), workers.workers, workers.child_timeout)"
    assert ask_flags(_DEFINE, [values], [values, "--workers=2", "--child_timeout=5"]) == [
        "(None, None, None)",
        "(None, 2, 5.0)",
    ]
    refused = ask_flags(_DEFINE, [values, "--workers=0"], [values, "--child_timeout=0.1"])
    assert refused[0].startswith("InvalidValueError: workers=0 is not allowed")
    assert refused[1].startswith("InvalidValueError: child_timeout=0.1 is not allowed")
