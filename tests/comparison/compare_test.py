"""Tests of nas_keras/comparison/compare.py: what counts as an evaluation, seeds, processes."""

import contextlib
import dataclasses
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import ROOT, wait_until

import nas_keras as nk
from nas_keras.comparison.compare import _CurveSearcher, compare
from nas_keras.comparison.contenders import Contender, parse_contenders
from nas_keras.comparison.problems import ArrayEvaluator, Problem, Source
from nas_keras.comparison.synthetic import grid, make_synthetic
from nas_keras.strategies import RandomSearch

SOURCE = Source("synthetic", "pairwise-2x8-0")


class _Scripted(RandomSearch):
    """Proposes given batches, then nothing."""

    def __init__(self, space, batches):
        super().__init__(space)
        self._batches = batches

    def _ask(self, n, iteration):
        batches = self._batches[iteration : iteration + 1]
        return nk.Proposals(np.array(batches[0] if batches else [], np.int32).reshape(-1, 1)[:n])

    def _tell(self, trials, iteration):
        pass


@dataclasses.dataclass(frozen=True)
class _ScriptedContender:
    batches: tuple
    label = "scripted"
    batch_size = None

    def make(self, problem, seed):
        del seed
        return _Scripted(problem.space, self.batches)


def test_a_curve_counts_distinct_evaluations():
    rewards = np.array([1.0, 5.0, np.nan, 3.0, 9.0, 2.0])
    problem = Problem(grid("g", [6]), ArrayEvaluator(rewards), rewards)
    searcher = _CurveSearcher(problem, max_evaluations=5, batch_size=3, longer={})
    # Key 0 twice in a batch, and again later, counts once; key 2 fails, which is an evaluation that finds nothing.
    (curve,) = searcher.search(_ScriptedContender(((0, 0, 2), (0, 3))), [0])
    assert curve.tolist() == [1, 1, 3, 3, 3]  # nothing was proposed after three: it stays where it was
    (curve,) = searcher.search(_ScriptedContender(((2,), (5, 4, 0), (1, 3))), [0])
    assert curve.tolist() == [1, 2, 9, 9, 9]  # until something succeeds, the worst of the table


def test_seeds_are_those_of_single_searches():
    compared = compare(SOURCE, parse_contenders("evolution,random"), num_seeds=3, max_evaluations=20, processes=1)
    space, table = make_synthetic("pairwise-2x8-0")
    for name, curves in compared.curves.items():
        for seed in range(3):
            found = nk.search(space, ArrayEvaluator(table), strategy=name, seed=seed, max_evaluations=20)
            rewards = [trial.reward for trial in found.trials if not trial.cached]
            assert curves[seed].tolist() == np.maximum.accumulate(rewards).tolist()
    assert compared.regret("random").shape == (3, 20)
    assert (np.diff(compared.regret("random")) <= 0).all()


def test_a_reference_is_given_three_times_the_evaluations():
    sizes = {"num_seeds": 2, "max_evaluations": 6, "processes": 1}
    contenders = parse_contenders("random,evolution")
    compared = compare(SOURCE, contenders, reference="evolution", **sizes)
    assert {label: curve.shape for label, curve in compared.curves.items()} == {"random": (2, 6), "evolution": (2, 18)}
    alone = compare(SOURCE, contenders, **sizes)
    assert (compared.curves["evolution"][:, :6] == alone.curves["evolution"]).all()
    assert (compared.reference, alone.reference) == ("evolution", None)


def test_processes_find_the_same_and_report_as_they_go():
    counts = []
    settings = {"num_seeds": 5, "max_evaluations": 12, "batch_size": 4}
    contenders = [Contender("random"), Contender("evolution", (("population", "4"),))]
    alone = compare(SOURCE, contenders, processes=1, **settings)
    together = compare(SOURCE, contenders, processes=2, on_searches=counts.append, **settings)
    assert sum(counts) == 10 and len(counts) == 4  # 3 and 2 seeds of each
    for label in ("random", "evolution:population=4"):
        assert (alone.curves[label] == together.curves[label]).all()


@pytest.mark.parametrize("name", ["num_seeds", "max_evaluations", "batch_size", "processes"])
def test_settings_that_cannot_be(name):
    settings = {"num_seeds": 1, "max_evaluations": 1, name: 0}
    with pytest.raises(nk.InvalidValueError, match="=0 is not allowed: it must be an integer of at least 1"):
        compare(SOURCE, [Contender("random")], **settings)


def test_a_comparison_of_nothing():
    with pytest.raises(nk.InvalidValueError, match="There is no strategy to compare"):
        compare(SOURCE, [], num_seeds=1, max_evaluations=1)


_LONG = """
from nas_keras.comparison.compare import compare
from nas_keras.comparison.contenders import parse_contenders
from nas_keras.comparison.problems import Source
contenders = parse_contenders("ppo")
compare(Source("synthetic", "pairwise-8x3-0"), contenders, num_seeds=1_000, max_evaluations=5_000, processes=2)
"""


def _children(pid):
    """Processes that a process has started, whatever became of it since: pid -> when they began."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found[path.parent] = fields[19]
    return found


def _has_tensorflow(path):
    with contextlib.suppress(OSError):
        return "libtensorflow_framework" in (path / "maps").read_text()
    return False


def _is_running(path, began):
    with contextlib.suppress(OSError):
        fields = (path / "stat").read_text().rpartition(")")[2].split()
        return fields[19] == began and fields[0] != "Z"
    return False


def test_processes_that_search_end_with_the_one_that_started_them():
    parent = subprocess.Popen([sys.executable, "-c", _LONG], cwd=ROOT)
    try:
        assert wait_until(lambda: sum(map(_has_tensorflow, _children(parent.pid))) == 2, seconds=100)
        time.sleep(5)  # TensorFlow is there; soon they search, and hear of nothing else until they are done
        children = _children(parent.pid)
    finally:
        parent.kill()
        parent.wait()
    assert wait_until(lambda: not any(_is_running(*child) for child in children.items()), seconds=60)


def test_ctrl_c_ends_a_comparison_and_its_processes_at_once():
    parent = subprocess.Popen(
        [sys.executable, "-c", _LONG],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # Tests in the background of a shell would hand on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with parent:
        assert wait_until(lambda: sum(map(_has_tensorflow, _children(parent.pid))) == 2, seconds=100)
        children, start = _children(parent.pid), time.monotonic()
        parent.send_signal(signal.SIGINT)
        _, errors = parent.communicate(timeout=60)
        assert time.monotonic() - start < 5
    assert errors.rstrip().endswith("KeyboardInterrupt") and "semaphore" not in errors
    assert not any(_is_running(*child) for child in children.items())
