"""Tests of nas_keras/system/descriptors.py. What depends on closed standard streams runs in processes of its own."""

import os
import resource
import subprocess
import sys
import tempfile

import pytest
from helpers import ROOT, python_path, run_python

from nas_keras.errors import InvalidValueError
from nas_keras.system import descriptors

# Everything in one process: a search whose D is read again, TensorFlow, and workers that inherit images.
_SEARCH = """
import os, sys
import nas_keras as nk
from nas_keras.evaluators.workers.shared_arrays import SharedArrays
import numpy as np
shared = SharedArrays({"a": np.arange(3)})
assert shared.fd > 2
print("to stdout", flush=True)
print("to stderr", file=sys.stderr, flush=True)
os.write(1, b"to stdout, from a library")
os.write(2, b"to stderr, from a library")
assert sys.stdin.read() == ""
space = nk.SearchSpace("plain", [nk.Decision("a", range(8)), nk.Decision("b", range(8))])
settings = dict(strategy="ppo", max_evaluations=16, workdir=sys.argv[1])
nk.search(space, nk.FunctionEvaluator(lambda c: c[0] / 8), **settings)
assert len(nk.search(space, nk.FunctionEvaluator(lambda c: c[0] / 8), **settings).trials) >= 16
open(sys.argv[1] + ".done", "w").close()
"""


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>&-"])
def test_a_search_runs_with_closed_standard_streams(tmp_path, closed):
    workdir = tmp_path / "run"
    open_ones = {} if closed.startswith("<") else {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" "$2" {closed}', sys.executable, _SEARCH, str(workdir)],
        env={**os.environ, "PYTHONPATH": python_path(ROOT)},
        timeout=120,
        check=True,
        **open_ones,
    )
    assert (tmp_path / "run.done").exists()


def test_streams_that_are_open_stay_as_they_are(capfd):
    before = [os.fstat(descriptor) for descriptor in range(3)], sys.stdin, sys.stdout, sys.stderr
    descriptors.open_standard_streams()
    assert before == ([os.fstat(descriptor) for descriptor in range(3)], sys.stdin, sys.stdout, sys.stderr)


def test_a_stream_that_python_lacks_is_opened(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    descriptors.open_standard_streams()
    sys.stdout.write("nowhere")
    sys.stderr.write("nowhere")
    assert sys.stdin.read() == ""


def test_a_memory_file_needs_no_folder(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    with descriptors.memory_file() as file:
        file.write(b"text")
        file.seek(0)
        assert file.read() == b"text"
        assert os.fstat(file.fileno()).st_nlink == 0


def test_the_limit_on_descriptors_is_raised_as_far_as_the_system_allows(monkeypatch):
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (64, 96))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: raised.append(limits))
    monkeypatch.setattr(descriptors, "_count_open", lambda: 10)
    descriptors.reserve_descriptors(22, purpose="workers=2")
    assert raised == []
    descriptors.reserve_descriptors(54, purpose="workers=2")
    assert raised == [(96, 96)]
    message = (
        r"^workers=2: this needs 97 file descriptors, but this process may open 96\. "
        r"Raise the limit with `ulimit -n`, or use fewer workers\.$"
    )
    with pytest.raises(InvalidValueError, match=message):
        descriptors.reserve_descriptors(55, purpose="workers=2")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY,) * 2)
    descriptors.reserve_descriptors(10**6, purpose="workers=2")
    assert len(raised) == 1


def test_windows_is_refused_in_one_sentence():
    """It lacks `resource` and `fcntl`; whichever is imported first, the last line of the traceback is the sentence."""
    done = run_python("import sys; sys.modules['resource'] = sys.modules['fcntl'] = None\nimport nas_keras")
    assert done.returncode == 1 and "During handling" not in done.stderr and "direct cause" not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "nas_keras.errors.DependencyError: nas_keras runs on Linux, and this Python has no module `resource`. "
        "On Windows, install nas_keras in WSL, the Windows Subsystem for Linux."
    )


def test_the_import_works_with_what_macos_has():
    """It has no memfd_create, no sched_getaffinity, no /proc, and another `sys.platform`."""
    code = """
import os, sys
for name in ("memfd_create", "sched_getaffinity", "sched_setaffinity", "posix_fadvise", "posix_fallocate", "O_TMPFILE"):
    if hasattr(os, name):
        delattr(os, name)
import nas_keras as nk
from nas_keras.system import cgroups, descriptors
assert len(vars(nk.spaces.small())) and cgroups.available_cores() >= 1
with descriptors.memory_file() as file:
    file.write(b"a")
result = nk.search(nk.spaces.small(), nk.FunctionEvaluator(lambda c: 0.5), strategy="random", max_evaluations=3)
assert result.num_evaluations == 3
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
