"""Tests of nas_keras/evaluators: workers.py, worker.py and worker_process.py.

No TensorFlow here: workers start in a moment.
"""

import concurrent.futures
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from helpers import ROOT, is_running, run_python, wait_until

from nas_keras.errors import DataError, InvalidValueError, NasKerasError
from nas_keras.evaluators.workers import pool as workers
from nas_keras.evaluators.workers import worker
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.evaluators.workers.worker import (
    TaskError,
    WorkerDiedError,
    WorkerOutOfMemoryError,
    WorkerStartError,
    WorkerTimeoutError,
)
from nas_keras.system import cgroups


@pytest.fixture(name="make_pool")
def _make_pool():
    """Makes pools that are closed in the end."""
    pools = []

    def make(setup=lambda: None, *, workers=1, **settings):
        pools.append(WorkerPool(setup, environments=[{}] * workers, **settings))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


# Tasks are functions in functions, so that cloudpickle sends them whole and no worker imports this file.
def _pid():
    def task(state):
        import os

        return os.getpid()

    return task


def _sleep():
    def task(state, seconds=60):
        import time

        time.sleep(seconds)

    return task


def test_a_task_gets_the_state_and_its_arguments(make_pool):
    pool = make_pool(lambda: {"base": 40})
    futures = [pool.submit(lambda state, x: state["base"] + x, x=x) for x in (1, 2)]
    assert [future.result(20) for future in futures] == [41, 42]


def test_no_worker_starts_before_a_task_and_no_more_than_tasks(make_pool):
    pool = make_pool(workers=3)
    assert pool.pids() == []
    pid = pool.submit(_pid()).result(20)
    assert pool.pids() == [pid] and pid != os.getpid()


def test_two_workers_work_at_once(make_pool, tmp_path):
    def meet(state, mine, other):
        import pathlib
        import time

        pathlib.Path(mine).touch()
        end = time.monotonic() + 15
        while not pathlib.Path(other).exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        return os.getpid()

    pool, names = make_pool(workers=2), [str(tmp_path / name) for name in "ab"]
    futures = [pool.submit(meet, mine=names[i], other=names[1 - i]) for i in (0, 1)]
    assert sorted(future.result(20) for future in futures) == sorted(pool.pids())


def test_tasks_from_several_threads_get_their_own_results(make_pool):
    pool, results = make_pool(workers=2), {}

    def ask(i):
        results[i] = pool.submit(lambda state, i: i * i, i=i).result(20)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {i: i * i for i in range(20)}
    assert len(pool.pids()) == 2


def test_each_worker_has_its_environment_over_ours(monkeypatch):
    monkeypatch.setenv("NK_SHARED", "ours")
    monkeypatch.setenv("NK_OWN", "ours")
    pool = WorkerPool(lambda: None, environments=[{"NK_OWN": "theirs"}])
    try:
        assert pool.submit(lambda state: [os.environ["NK_SHARED"], os.environ["NK_OWN"]]).result(20) == [
            "ours",
            "theirs",
        ]
    finally:
        pool.close()


def test_a_worker_inherits_the_descriptors_it_is_given(make_pool, tmp_path):
    path = tmp_path / "file"
    path.write_text("shared")
    with open(path) as file:
        pool = make_pool(pass_fds=[file.fileno()])
        assert pool.submit(lambda state, fd: os.pread(fd, 10, 0), fd=file.fileno()).result(20) == b"shared"


@pytest.mark.parametrize(
    ("death", "says"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"its worker process died \(SIGKILL\)"),
        (lambda: os._exit(3), r"its worker process died \(exit code 3\)"),
    ],
)
def test_a_worker_that_dies_is_replaced(make_pool, death, says):
    pool = make_pool()
    before = pool.submit(_pid()).result(20)
    with pytest.raises(WorkerDiedError, match=f"^{says}$"):
        pool.submit(lambda state, death: death(), death=death).result(20)
    assert pool.pids() == []
    after = pool.submit(_pid()).result(20)
    assert after != before and pool.pids() == [after] and not is_running(before)


def test_a_worker_that_is_killed_between_two_tasks_costs_none(make_pool):
    pool = make_pool()
    pid = pool.submit(_pid()).result(20)
    (worker,) = pool._workers
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not worker.is_running())  # its threads end one after the other
    after = pool.submit(_pid()).result(20)
    assert after != pid and pool.pids() == [after]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_every_process_gets_is_for_the_search_to_answer(make_pool, number):
    """A machine that shuts down sends SIGTERM to all: a worker that ended first would leave a failed child."""
    pool = make_pool()
    pid = pool.submit(lambda state: os.getpid()).result(20)
    os.kill(pid, number)
    assert pool.submit(lambda state: os.getpid()).result(20) == pid


def test_the_last_words_of_a_worker_are_logged(make_pool, monkeypatch):
    def die(state):
        import os

        os.write(2, b"out of luck\n")
        os._exit(1)

    logged = []
    monkeypatch.setattr(worker.logging, "warning", lambda text, *args: logged.append(text % args))
    with pytest.raises(WorkerDiedError):
        make_pool().submit(die).result(20)
    assert logged == ["A worker process died. The end of what it wrote: out of luck"]


def test_a_task_that_overruns_its_time_is_killed_and_the_worker_replaced(make_pool):
    pool = make_pool(timeout=1.5)
    pid = pool.submit(_pid()).result(20)
    with pytest.raises(WorkerTimeoutError, match="^it took longer than 1.5 s$"):
        pool.submit(_sleep()).result(20)
    assert not is_running(pid)
    assert pool.submit(_pid()).result(20) != pid


# Seconds of a task, of its limit, of a pause of both processes, and of a pause of the worker alone.
_PAUSED = """
import os, signal, subprocess, sys, time
from nas_keras.evaluators.workers.pool import WorkerPool
pool = WorkerPool(lambda: None, environments=[{}], timeout=3)
pool.start()
(worker,) = pool.pids()
# Another process stops the worker and this one, and lets both go on after longer than the limit.
sh = f"sleep 0.5; kill -STOP {worker} {os.getpid()}; sleep 4; kill -CONT {worker} {os.getpid()}"
subprocess.Popen(["sh", "-c", sh])
task = lambda state: __import__("time").sleep(2) or "done"
start = time.monotonic()
assert pool.submit(task).result(30) == "done"
assert time.monotonic() - start > 4
# One that is stopped alone does not get ready in time, as one that hangs.
subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -STOP {worker}"])
try:
    pool.submit(task).result(30)
except Exception as error:
    print(type(error).__name__, error)
pool.close()
"""


def test_a_pause_of_all_processes_does_not_count_as_time_of_a_task():
    done = run_python(_PAUSED, timeout=60)
    assert (done.stdout, done.stderr) == ("WorkerTimeoutError it took longer than 3 s\n", "")


def test_an_exception_carries_the_workers_traceback_and_the_worker_stays(make_pool):
    def careless(state):
        return {}["missing key"]

    pool = make_pool()
    pid = pool.submit(_pid()).result(20)
    with pytest.raises(TaskError, match=r"(?s)^Traceback.*in careless.*KeyError: 'missing key'"):
        pool.submit(careless).result(20)
    assert pool.submit(_pid()).result(20) == pid


def test_a_setup_that_fails_ends_every_task_with_its_traceback(make_pool):
    def setup():
        raise OSError("no such device")

    pool = make_pool(setup)
    for _ in range(2):
        with pytest.raises(TaskError, match=r"(?s)^Traceback.*in setup.*OSError: no such device"):
            pool.submit(_pid()).result(20)
    assert pool.pids() == []


def test_a_worker_that_cannot_start_is_no_fault_of_the_tasks(make_pool, monkeypatch):
    monkeypatch.setattr(workers, "_PAUSE_SECONDS", 0.01)
    pool = make_pool(lambda: os._exit(7))
    message = (
        r"^A worker did not start in 3 attempts: its worker process died \(exit code 7\)\. If memory is short, use "
        r"fewer workers\. Then start the same command again: what was computed until now is kept\.$"
    )
    with pytest.raises(WorkerStartError, match=message) as caught:
        pool.submit(_pid()).result(20)
    assert isinstance(caught.value, NasKerasError)
    with pytest.raises(WorkerStartError, match=message):
        make_pool(lambda: os._exit(7)).start()


@pytest.mark.parametrize("starts", ["first", "replacement"])
def test_a_worker_that_is_killed_while_it_starts_is_started_again(make_pool, monkeypatch, tmp_path, starts):
    """As the kernel does where memory is short; also where a worker replaces one that has done its share."""
    monkeypatch.setattr(workers, "_PAUSE_SECONDS", 0.01)
    deaths = tmp_path / "deaths"
    deaths.write_text("xx" if starts == "first" else "")

    def setup():
        import os
        import pathlib
        import signal

        left = pathlib.Path(deaths).read_text()
        if left:
            pathlib.Path(deaths).write_text(left[1:])
            os.kill(os.getpid(), signal.SIGKILL)

    pool = make_pool(setup, tasks_per_worker=1)
    first = pool.submit(_pid()).result(30)
    deaths.write_text("xx")
    assert pool.submit(_pid()).result(30) not in (first, None)
    deaths.write_text("xxx")
    with pytest.raises(WorkerStartError, match=r"3 attempts: its worker process died \(SIGKILL\)\."):
        pool.submit(_pid()).result(30)


def test_a_process_that_cannot_be_created_is_one_sentence(make_pool, monkeypatch):
    def refuse(*args, **kwargs):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(workers, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(worker.subprocess, "Popen", refuse)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    pool = make_pool()
    for _ in range(2):
        with pytest.raises(
            WorkerStartError, match=r"3 attempts: no process can be created \(Resource temporarily unavailable\)\."
        ):
            pool.submit(_pid()).result(20)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_worker_that_does_not_get_ready_is_given_up(make_pool, monkeypatch):
    monkeypatch.setattr(worker, "_START_SECONDS", 0.5)
    monkeypatch.setattr(workers, "_PAUSE_SECONDS", 0.01)
    pool = make_pool(lambda: __import__("time").sleep(60))
    with pytest.raises(WorkerStartError, match="did not start in 3 attempts: it took longer than 0.5 s"):
        pool.submit(_pid()).result(20)


def test_close_does_not_wait_for_another_attempt(make_pool, monkeypatch):
    monkeypatch.setattr(workers, "_PAUSE_SECONDS", 60)
    warned = threading.Event()
    monkeypatch.setattr(workers.logging, "warning", lambda *args: warned.set())
    pool = make_pool(lambda: os._exit(7))
    future = pool.submit(_pid())
    assert warned.wait(20)
    start = time.monotonic()
    pool.close()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(5)
    assert time.monotonic() - start < 5


def test_workers_that_were_started_at_once_stay(make_pool, monkeypatch):
    """The kernel ends a worker with the thread that started it, which therefore has to live as long."""
    monkeypatch.setattr(workers, "_PAUSE_SECONDS", 0.01)
    pool = make_pool(workers=2)
    pool.start()
    pids = pool.pids()
    time.sleep(0.3)
    assert len(pids) == 2 and all(map(is_running, pids))
    assert pool.submit(_pid()).result(20) in pids
    with pytest.raises(WorkerStartError):
        make_pool(lambda: os._exit(7), workers=2).start()


def test_an_error_of_this_package_travels_as_it_is(make_pool):
    def refuse(state):
        from nas_keras.errors import DataError

        raise DataError("a file is damaged")

    def setup():
        from nas_keras.errors import InvalidValueError

        raise InvalidValueError("a value cannot be used")

    with pytest.raises(DataError, match="^a file is damaged$"):
        make_pool().submit(refuse).result(20)
    with pytest.raises(InvalidValueError, match="^a value cannot be used$"):
        make_pool(setup).submit(refuse).result(20)


def test_more_workers_than_descriptors_are_refused(monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda kind: (64, 64))
    with pytest.raises(InvalidValueError, match="^workers=20: this needs [0-9]+ file descriptors, but .* may open 64"):
        WorkerPool(lambda: None, environments=[{}] * 20)


def test_a_worker_is_replaced_after_its_share_of_tasks(make_pool):
    pool = make_pool(tasks_per_worker=2)
    pids = [pool.submit(_pid()).result(20) for _ in range(5)]
    assert pids[0] == pids[1] and pids[2] == pids[3]
    assert len(set(pids)) == 3
    assert pool.pids() == [pids[4]] and not is_running(pids[0])


def _interval():
    """A task that takes a moment: (its worker, when it began, when it ended)."""

    def task(state):
        import os
        import time

        start = time.monotonic()
        time.sleep(0.2)
        return os.getpid(), start, time.monotonic()

    return task


def test_a_task_that_is_to_run_alone_runs_in_a_fresh_worker_while_no_other_does(make_pool):
    pool = make_pool(workers=2)
    before = [pool.submit(_interval()) for _ in range(3)]
    alone = [pool.submit_alone(_interval()) for _ in range(2)]
    after = [pool.submit(_interval()) for _ in range(3)]
    results = [future.result(20) for future in [*before, *alone, *after]]
    for pid, start, end in results[3:5]:
        others = [other for other in results if other != (pid, start, end)]
        assert all(other_end <= start or end <= other_start for _, other_start, other_end in others)
        assert pid not in {other for other, other_start, _ in others if other_start < start}


def test_a_worker_that_the_kernel_killed_for_lack_of_memory_is_told_apart(make_pool, monkeypatch, tmp_path):
    events = tmp_path / "memory.events"  # of a control group, as Linux writes it
    events.write_text("low 0\noom 0\noom_kill 4\noom_group_kill 0\n")
    (tmp_path / "cgroup").write_text("0::/\n")
    monkeypatch.setattr(cgroups, "_PROC", tmp_path / "cgroup")
    monkeypatch.setattr(cgroups, "_MOUNT", tmp_path)
    pool = make_pool()

    def dies(state, events, text):
        import os
        import signal

        with open(events, "w") as file:
            file.write(text)
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerOutOfMemoryError, match="^its worker process was killed for lack of memory$"):
        pool.submit(dies, events=str(events), text="oom_kill 5\n").result(20)
    with pytest.raises(WorkerDiedError, match=r"^its worker process died \(SIGKILL\)$"):
        pool.submit(dies, events=str(events), text="oom_kill 5\n").result(20)
    with pytest.raises(WorkerDiedError, match=r"died \(SIGKILL\)$"):  # a machine that does not say
        pool.submit(dies, events=str(events), text="").result(20)


def test_where_memory_runs_out_the_kernel_takes_a_worker_and_not_the_search(make_pool):
    def score(state, pid):
        import pathlib

        return int(pathlib.Path(f"/proc/{pid}/oom_score").read_text())

    pool = make_pool()
    assert pool.submit(score, pid="self").result(20) > score(None, os.getpid()) + 100


def test_close_kills_what_runs_and_cancels_the_rest(make_pool):
    pool = make_pool()
    pid = pool.submit(_pid()).result(20)
    running, queued = pool.submit(_sleep()), pool.submit(_pid())
    assert wait_until(running.running)
    pool.close()
    assert not is_running(pid)
    with pytest.raises(concurrent.futures.CancelledError):
        running.result(20)
    with pytest.raises(concurrent.futures.CancelledError):
        queued.result(20)
    for use in (lambda: pool.submit(_pid()), pool.start):
        with pytest.raises(InvalidValueError, match=r"^The evaluator is closed: .*\. Make a new one, and "):
            use()
    pool.close()  # once more does no harm


def test_a_task_that_is_cancelled_in_the_queue_is_not_run_and_its_worker_goes_on(make_pool, tmp_path):
    def leave(name):
        def task(state, *, path):
            open(path, "x").close()

        return {"function": task, "path": str(tmp_path / name)}

    pool = make_pool()
    slow = pool.submit(_sleep(), seconds=1.0)
    cancelled, last = (pool.submit(**leave(name)) for name in ("cancelled", "last"))
    assert cancelled.cancel()
    last.result(60)
    assert slow.done() and [path.name for path in tmp_path.iterdir()] == ["last"]


def test_close_while_a_worker_starts_leaves_none(make_pool, monkeypatch):
    started, closing = threading.Event(), threading.Event()
    make_worker, made = workers.Worker, []

    def slow(*args, **kwargs):
        made.append(make_worker(*args, **kwargs))
        started.set()
        assert closing.wait(20)
        return made[0]

    monkeypatch.setattr(workers, "Worker", slow)
    pool = make_pool()
    join = threading.Thread.join

    def join_after_the_worker_is_there(thread, timeout=None):
        closing.set()
        join(thread, timeout)

    future = pool.submit(_sleep())
    assert started.wait(20)
    monkeypatch.setattr(threading.Thread, "join", join_after_the_worker_is_there)
    pool.close()
    assert not is_running(made[0].pid)
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(20)


def test_close_ends_a_worker_that_is_being_set_up(make_pool):
    pool = make_pool(lambda: __import__("time").sleep(60))
    future = pool.submit(_pid())
    assert wait_until(lambda: pool.pids() and is_running(pool.pids()[0]))
    time.sleep(0.5)
    pids, start = pool.pids(), time.monotonic()
    pool.close()
    assert time.monotonic() - start < 5
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(20)
    assert not any(map(is_running, pids)) and pool.pids() == []


def test_no_workers_or_no_tasks_are_refused():
    with pytest.raises(InvalidValueError, match="workers=0 is not allowed: it must be an integer of at least 1."):
        WorkerPool(lambda: None, environments=[])
    with pytest.raises(InvalidValueError, match="tasks_per_worker=0 is not allowed"):
        WorkerPool(lambda: None, environments=[{}], tasks_per_worker=0)


_PARENT = """
import sys, time
from nas_keras.evaluators.workers.pool import WorkerPool
pool = WorkerPool(lambda: None, environments=[{}, {}])
pool.start()
for _ in range(2):
    pool.submit(lambda state: __import__("time").sleep(60))
print(*pool.pids(), flush=True)
if sys.argv[1] != "leave":
    time.sleep(60)
"""


@pytest.mark.parametrize("end", ["stay", "stopped", "leave"])
def test_workers_end_with_their_parent_in_the_middle_of_a_task(end):
    """Also workers that are stopped, which cannot look after themselves."""
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, end], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        if end == "stopped":
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
        if end != "leave":
            assert all(map(is_running, pids))
            parent.kill()
        assert parent.wait(20) == (0 if end == "leave" else -signal.SIGKILL)
    assert wait_until(lambda: not any(map(is_running, pids)))
