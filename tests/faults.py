"""Processes that are killed, interrupted, or refused by the disk, and what they leave; for kill_test and machine_test.

`Processes` starts one Python that imports TensorFlow once and forks a process for each run: a start takes a fifth of a
second instead of five, and is a real process all the same, with an exit code or the signal that ended it. A run is one
of `PROGRAMS`, called as a launch script is.

The points at which a run is killed, or told that the disk is full, are found by the hooks of Python's audit (PEP 578):
each file opened for writing, rename, removal and folder made or removed in the workdir. At each flush to disk there are
two: the file as it is, and cut to half, as what was not flushed may be after a crash.
"""

import dataclasses
import errno
import itertools
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from helpers import ROOT, TINY_CHILD, TINY_TRAIN, facts, python_path, tiny_images

import nas_keras as nk
from nas_keras.strategies import Strategy

SPACE = nk.spaces.small()


class Chain(Strategy):
    """Proposes what depends on all that it was told, in order: a batch told twice, or not at all, shows in the next."""

    def __init__(self, *, seed=0):
        super().__init__(SPACE, seed=seed)
        self._weights = np.zeros((2, 8), np.float64)

    def _ask(self, n, iteration):
        rng = np.random.default_rng([self.seed, iteration, int(np.abs(self._weights).sum() * 1e6)])
        return nk.Proposals(rng.integers(8, size=(n, 2)).astype(np.int32))

    def _tell(self, trials, iteration):
        for trial in trials:
            self._weights = 0.9 * self._weights + trial.reward / (1 + iteration)

    def _state(self):
        return {"weights": self._weights.copy(), "note": "told in order"}

    def _restore(self, state):
        self._weights = state["weights"].copy()


def write_function_table(path: pathlib.Path) -> pathlib.Path:
    """A table of rewards of every cell."""
    from nas_keras.storage.table_writer import write_table

    trials = [
        nk.Trial(i, 0, 0, 0, encoding, (), SPACE.key(encoding), False, nk.Evaluation(((7 * i) % 64) / 64))
        for i, encoding in enumerate(SPACE.enumerate())
    ]
    write_table(path, trials, space=SPACE, recipe={"function": "f"})
    return path


# --- What runs ----------------------------------------------------------------------------------------------------


def _strategy(name: str) -> Strategy:
    if name == "chain":
        return Chain()
    return nk.strategies.PPO(SPACE, nk.PPOConfig(steps=2, units=4, embedding=2), seed=0)


def _search(evaluator, strategy: Strategy, state: str, checkpoint_seconds: float, **settings) -> None:
    """A search; what the strategy knows in the end goes to the file `state`."""
    from nas_keras.runner import checkpointing, loop

    checkpointing._SECONDS, loop._PENDING_SECONDS = checkpoint_seconds, 0.0
    nk.search(SPACE, evaluator, strategy=strategy, **settings)
    with open(state, "wb") as file:
        for name, value in sorted(strategy.state().items()):
            file.write(f"{name} {np.asarray(value).tobytes().hex()}\n".encode())


def search_table(*, table, workdir, state, strategy="chain", max_trials=20, checkpoint_seconds=0.0, clock=False):
    """A search on a table; with `clock`, time jumps by a day at every look."""
    if clock:
        start, looks = time.time(), []

        def jump():
            looks.append(None)
            return start + (-1) ** len(looks) * 86_400 * len(looks)

        time.time = jump
        time.time_ns = lambda: int(jump() * 1e9)
    settings = {"max_evaluations": 1_000, "max_trials": max_trials, "batch_size": 4, "workdir": workdir}
    _search(nk.TableEvaluator(table), _strategy(strategy), state, checkpoint_seconds, **settings)


def _training(log: str, workers: int) -> nk.Evaluator:
    """Trains real children; `log` gets a line when one is sent to a worker and when it is safe."""
    from nas_keras.evaluators.training import TrainingEvaluator
    from nas_keras.storage.dataset import Dataset

    def note(what):
        with open(log, "a") as file:
            file.write(what + "\n")
            file.flush()
            os.fsync(file.fileno())

    submit, add_pending = TrainingEvaluator._submit, Dataset.add_pending

    def noted_submit(self, job, is_retry):
        note(f"sent {job.key} {job.seed}")
        return submit(self, job, is_retry)

    def noted_add_pending(self, trial):
        add_pending(self, trial)
        note(f"safe {trial.key} {trial.seed}")

    TrainingEvaluator._submit, Dataset.add_pending = noted_submit, noted_add_pending
    return nk.TrainingEvaluator(tiny_images(128), child=TINY_CHILD, train=TINY_TRAIN, workers=workers)


def search_training(*, log, workdir, state, max_evaluations=6, workers=1):
    """A search that trains."""
    with _training(log, workers) as evaluator:
        settings = {"max_trials": max_evaluations, "max_evaluations": max_evaluations, "batch_size": 2}
        _search(evaluator, nk.strategies.RandomSearch(SPACE), state, 0.0, workdir=workdir, **settings)


def precompute_table(*, log, workdir, workers=1, cells=3):
    """A table of tiny trainings."""
    from nas_keras.results.precompute import precompute

    def note(done, total, job, evaluation):
        if job:
            with open(log, "a") as file:
                file.write(f"safe {job.key} {job.seed}\n")

    keys = {SPACE.key(actions): actions for actions in itertools.islice(SPACE.enumerate(), cells)}
    with _training(log, workers) as evaluator:
        precompute(SPACE, evaluator, pathlib.Path(workdir), seeds=1, keys=keys, on_job=note)


def export(*, workdir):
    """The export of a search's best child."""
    nk.export_best(workdir, epochs=1, images=tiny_images(128), space=SPACE, workers=1)


def sleep_through_interrupts(*, workdir):
    """Loses the interruption, as code that Python calls in the wrong place does."""
    from nas_keras._launch import script as _script

    _script._GRACE_SECONDS = 1.0
    pathlib.Path(workdir).mkdir()
    (pathlib.Path(workdir) / "ready").touch()
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            pass


PROGRAMS = {
    program.__name__: program
    for program in (search_table, search_training, precompute_table, export, sleep_through_interrupts)
}


# --- What happens to it -------------------------------------------------------------------------------------------


class _Points:
    """Kills this process at a point, or from there on tells it that the disk is full; writes down all it passes.

    The point is given by its number, or as (kind, n): the n-th of that kind, from 0.
    """

    def __init__(self, workdir: str, log: str, at: int | list | None, how: str):
        self._workdir, self._log, self._at, self._how = workdir, open(log, "w"), at, how
        self._kind, self._left = at if isinstance(at, list) else (None, None)
        self._count = 0
        self._inside = False  # a hook, whose own files do not count

    def install(self) -> None:
        sys.addaudithook(self._audit)
        fsync = os.fsync

        def flush(descriptor):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if os.path.isfile(path) and os.path.getsize(path) > 1:
                self._pass("half of a file", path, cut=True)
            self._pass("flush", path)
            fsync(descriptor)

        os.fsync = flush

    def _audit(self, event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, (str, bytes)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self._pass("open", os.fsdecode(path))
        elif event == "os.rename":
            self._pass("rename", os.fsdecode(arguments[1]))
        elif event in ("os.remove", "os.rmdir", "os.mkdir"):
            path, folder = os.fsdecode(arguments[0]), arguments[-1]
            if folder != -1:
                path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
            self._pass(event.removeprefix("os."), path)

    def _pass(self, what: str, path: str, *, cut: bool = False) -> None:
        path = os.path.abspath(path)
        if self._inside or not f"{path}/".startswith(f"{self._workdir}/"):
            return
        self._inside = True
        try:
            point = f"{what} {os.path.relpath(path, self._workdir)}"
            self._log.write(f"{point}\n")
            self._log.flush()
            if self._kind == kind_of(point):
                if self._left == 0:
                    self._at, self._kind = self._count, None
                else:
                    self._left -= 1
            count, self._count = self._count, self._count + 1
            if not isinstance(self._at, int) or count < self._at or (cut and count != self._at):
                return
            if cut:
                os.truncate(path, os.path.getsize(path) // 2)
            if self._how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        finally:
            self._inside = False


def kind_of(point: str) -> str:
    """Points of one kind differ in their numbers only: the n-th shard, a child's pending file."""
    return re.sub(r"\d", "0", re.sub("[0-9a-f]{32}", "KEY", point))


@dataclasses.dataclass
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code, or minus the number of the signal that killed it.
        output: what it wrote to stderr.
        seconds: from the start, or from the signal if one was sent, to its end.
        points: what it passed, if points were asked for.
        orphans: processes that it had started and that were there a second after its end.
    """

    code: int
    output: str
    seconds: float
    points: list[str]
    orphans: list[int]


class Processes:
    """Forks a process for each run; a context manager."""

    def __enter__(self):
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "PYTHONPATH": python_path(ROOT, ROOT / "tests")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exception_info):
        self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()

    def run(self, program: str, fault: dict[str, Any] | None = None, **arguments: Any) -> Ended:
        """Runs a program to its end.

        Args:
            program: a name of `PROGRAMS`.
            fault: what happens to it, all optional. `points`: write down what it passes; at number `at` of them, or at
                (kind, n), it ends as `how` says: by "kill", or since the disk is "full" from there on. `signal`: this
                one is sent `delay` seconds after `word` stands `lines` times in the file `log`, or after `files` files
                match `pattern` in the workdir. `file_size`: no file may become larger, in bytes. `user`: it runs as
                this one.
            arguments: of the program.
        """
        self._server.stdin.write(json.dumps([program, fault or {}, arguments], default=str) + "\n")
        self._server.stdin.flush()
        return Ended(**json.loads(self._server.stdout.readline()))


def serve() -> None:
    """The server: reads runs from stdin, answers on stdout."""
    _import_everything()
    for line in sys.stdin:
        program, fault, arguments = json.loads(line)
        sys.stdout.write(json.dumps(dataclasses.asdict(_fork(program, fault, arguments))) + "\n")
        sys.stdout.flush()
    os._exit(0)  # TensorFlow takes a second to leave


def _import_everything() -> None:
    from nas_keras import _tensorflow  # noqa: F401
    from nas_keras._launch import script as _script  # noqa: F401

    _tensorflow.load_tensorflow()
    import nas_keras.evaluators.training
    import nas_keras.results.export
    import nas_keras.results.precompute
    import nas_keras.strategies.ppo.ppo  # noqa: F401


def _fork(program: str, fault: dict[str, Any], arguments: dict[str, Any]) -> Ended:
    with tempfile.TemporaryDirectory() as folder:
        output, points = os.path.join(folder, "output"), os.path.join(folder, "points")
        os.close(os.open(points, os.O_CREAT))
        os.chmod(folder, 0o777)
        start = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _be(program, fault, arguments, output, points)
        found = set()
        if "signal" in fault:
            _wait_to_strike(pid, fault, arguments)
            found = set(_children(pid))
            start = time.monotonic()
            os.kill(pid, fault["signal"])
        _, status = os.waitpid(pid, 0)
        seconds = time.monotonic() - start
        end = time.monotonic() + 1
        while (orphans := [child for child in found if _is_running(child)]) and time.monotonic() < end:
            time.sleep(0.01)
        return Ended(
            os.waitstatus_to_exitcode(status),
            pathlib.Path(output).read_text(errors="replace"),
            seconds,
            pathlib.Path(points).read_text().splitlines(),
            orphans,
        )


def _be(program: str, fault: dict[str, Any], arguments: dict[str, Any], output: str, points: str) -> None:
    """The process that runs a program; it does not return."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.dup2(os.open(output, os.O_CREAT | os.O_WRONLY), 2)
        from nas_keras._launch import script as _script

        signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in a shell's background would ignore it
        if "file_size" in fault:
            resource.setrlimit(resource.RLIMIT_FSIZE, (fault["file_size"],) * 2)
        if "user" in fault:
            os.setgid(fault["user"])
            os.setuid(fault["user"])
        if "points" in fault:
            _Points(arguments["workdir"], points, fault.get("at"), fault.get("how", "kill")).install()
        sys.argv = [program]
        _script.run(lambda: PROGRAMS[program](**arguments))
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait_to_strike(pid: int, fault: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Waits for the moment; if the process ends before it, so be it."""

    def is_reached() -> bool:
        if "lines" in fault:
            log = pathlib.Path(arguments["log"])
            return log.exists() and log.read_text().count(fault.get("word", "")) >= fault["lines"]
        return len(list(pathlib.Path(arguments["workdir"]).glob(fault["pattern"]))) >= fault["files"]

    while not is_reached() and _is_running(pid):
        time.sleep(0.002)
    time.sleep(fault.get("delay", 0))


def _is_running(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int]:
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def count_trainings(log: pathlib.Path) -> int:
    """Children that are safe; none of them may have been sent to a worker again once it was."""
    safe = set()
    for line in log.read_text().splitlines():
        what, child = line.split(" ", 1)
        assert not (what == "sent" and child in safe), child
        if what == "safe":
            safe.add(child)
    return len(safe)


def say(text: str) -> None:
    """Prints a figure of the long tests, which run with -s."""
    sys.stdout.write(f"\n{text}\n")


# --- What it leaves -----------------------------------------------------------------------------------------------


def outcome(workdir: pathlib.Path, state: pathlib.Path | None = None) -> dict[str, Any]:
    """All that must be equal, whatever happened: D but for the seconds, the best cell, what the strategy knows."""
    from nas_keras.storage.checkpoints import read_checkpoints
    from nas_keras.storage.dataset import Dataset
    from nas_keras.storage.recipe import fingerprint
    from nas_keras.storage.records.origin import Origin
    from nas_keras.storage.run_folder import Workspace

    workspace = Workspace(workdir)
    config = workspace.read_config()
    origin = Origin(SPACE.fingerprint, fingerprint(config["fixed"]["recipe"]), tuple(config["variants"]))
    dataset = Dataset(origin, workspace, read_only=True)
    checkpoint = next(read_checkpoints(workspace.checkpoints))
    return {
        "D": facts(dataset.trials),
        "rewards": [trial.reward for trial in dataset.trials],
        "best": dataset.best.key,
        "checkpoint": (checkpoint.num_told, checkpoint.digest, checkpoint.open),
        "weights": {name: np.asarray(value).tobytes() for name, value in checkpoint.state.items()},
        "state": state and state.read_bytes(),
        "left over": sorted(
            path.relative_to(workdir).as_posix()
            for path in workdir.rglob("*")
            if path.parent.name == "pending" or path.name.startswith(".")
        ),
    }


if __name__ == "__main__":
    serve()
