"""A run that is killed, by a real SIGKILL, and started again ends as if nothing had happened.

Here in short: a few random moments, one point of each kind. `make test-faults` takes 50 and every point.
"""

import random
import shutil
import signal

import numpy as np
import pytest
from faults import Processes, count_trainings, kind_of, outcome, say, write_function_table
from helpers import read_scalars

from nas_keras import _tensorflow

_RENAMED = (
    "config.json",
    "pending/KEY.tfrecord",
    "dataset/trials-000000.tfrecord",
    "checkpoints/batch-000000",
)


@pytest.fixture(scope="module", name="processes")
def _processes():
    with Processes() as processes:
        yield processes


@pytest.fixture(scope="module", name="table")
def _table(tmp_path_factory):
    return write_function_table(tmp_path_factory.mktemp("table") / "table")


@pytest.fixture(scope="module", name="whole")
def _whole(processes, table, tmp_path_factory):
    """Undisturbed runs: (strategy, trials) -> what they end with, and the points that they pass."""
    made = {}

    def run(strategy, max_trials):
        if (strategy, max_trials) not in made:
            folder = tmp_path_factory.mktemp("whole")
            arguments = _arguments(folder, table, strategy, max_trials)
            ended = processes.run("search_table", {"points": True}, **arguments)
            assert (ended.code, ended.output) == (0, "")
            made[strategy, max_trials] = outcome(folder / "run", folder / "state"), ended.points
        return made[strategy, max_trials]

    return run


def _arguments(folder, table, strategy, max_trials):
    return {
        "table": table,
        "workdir": folder / "run",
        "state": folder / "state",
        "strategy": strategy,
        "max_trials": max_trials,
    }


def _kill_at_random(processes, table, whole, folder, *, strategy, max_trials, kills, seed=0):
    """Starts runs again and again until so many kills have hit; each run, killed or not, ends as `whole` did."""
    chance, survived, runs = random.Random(seed), 0, 0
    while True:
        runs += 1
        (folder / str(runs)).mkdir()
        arguments = _arguments(folder / str(runs), table, strategy, max_trials)
        code = None
        while code != 0:
            fault = None
            if survived < kills:
                shards = len(list((arguments["workdir"] / "dataset").glob("trials-*")))
                # Some moment of the next three batches, or of the start before them.
                files = shards + chance.randrange(4)
                fault = {
                    "signal": signal.SIGKILL,
                    "pattern": "dataset/trials-*",
                    "files": files,
                    "delay": chance.random() * (1.0 if files == shards else 0.03),
                }
            ended = processes.run("search_table", fault, **arguments)
            code = ended.code
            assert code in (0, -signal.SIGKILL) and ended.output == "", ended.output
            survived += code != 0
        assert outcome(arguments["workdir"], arguments["state"]) == whole
        if survived >= kills:
            return survived


def test_killed_at_random_moments(processes, table, whole, tmp_path):
    expected, _ = whole("chain", 80)
    kills = _kill_at_random(processes, table, expected, tmp_path, strategy="chain", max_trials=80, kills=8)
    assert kills == 8
    # TensorBoard may have lost points, but shows no other ones.
    curves = [set(read_scalars(folder / "run" / "tensorboard")["reward/mean"]) for folder in tmp_path.iterdir()]
    assert all(0 < len(curve) <= 20 and curve <= _points_of(expected) for curve in curves)


def _points_of(outcome):
    """(batch, mean reward) of each batch."""
    means = np.array(outcome["rewards"], np.float32).reshape(-1, 4).mean(axis=1)
    return set(enumerate(means.tolist()))


def test_killed_while_ppo_learns(processes, table, whole, tmp_path):
    expected, _ = whole("ppo", 40)
    kills = _kill_at_random(processes, table, expected, tmp_path, strategy="ppo", max_trials=40, kills=1)
    assert kills == 1


def test_killed_at_a_point_of_each_kind(processes, table, whole, tmp_path):
    """One kill after the other in the same run, as long as it passes such a point; then in a new one."""
    expected, points = whole("chain", 40)
    kinds = list(dict.fromkeys(map(kind_of, points)))
    assert {f"rename {name}" for name in _RENAMED} <= {*kinds}
    survived, runs, code = 0, 0, 0
    while survived < len(kinds):
        if code == 0:
            runs += 1
            assert runs < 20, kinds[survived]
            (tmp_path / str(runs)).mkdir()
            arguments = _arguments(tmp_path / str(runs), table, "chain", 40)
        fault = {"points": True, "at": [kinds[survived], 0], "how": "kill"}
        ended = processes.run("search_table", fault, **arguments)
        code = ended.code
        assert code in (0, -signal.SIGKILL) and ended.output == "", ended.output
        if code == 0:  # it passed no such point any more; a new run does
            assert outcome(arguments["workdir"], arguments["state"]) == expected
        survived += code != 0
    assert processes.run("search_table", **arguments).code == 0
    assert outcome(arguments["workdir"], arguments["state"]) == expected


def _train(processes, folder, chance, *, kills, max_evaluations):
    """Kills a search that trains, each time a moment after another child is safe; gives what it leaves."""
    folder.mkdir()
    arguments = {"log": folder / "log", "workdir": folder / "run", "state": folder / "state"}
    arguments["max_evaluations"] = max_evaluations
    for kill in range(kills):
        fault = {"signal": signal.SIGKILL, "word": "safe", "lines": kill + 1, "delay": chance.random() * 0.5}
        ended = processes.run("search_training", fault, **arguments)
        unexpected = [line for line in ended.output.splitlines() if "A child is trained for only" not in line]
        assert (ended.code, unexpected, ended.orphans) == (-signal.SIGKILL, [], [])
    assert processes.run("search_training", **arguments).code == 0
    assert count_trainings(folder / "log") == max_evaluations
    return outcome(folder / "run", folder / "state")


@pytest.fixture(scope="module", name="trained")
def _trained(processes, tmp_path_factory):
    """An undisturbed search that trains 6 children: its folder, and what is in it."""
    folder = tmp_path_factory.mktemp("trained") / "whole"
    return folder / "run", _train(processes, folder, random.Random(0), kills=0, max_evaluations=6)


def test_no_finished_child_is_trained_twice_and_none_is_lost(processes, tmp_path):
    _train(processes, tmp_path / "killed", random.Random(0), kills=1, max_evaluations=4)


# --- At length ----------------------------------------------------------------------------------------------------


@pytest.mark.faults
@pytest.mark.parametrize(("strategy", "max_trials"), [("chain", 160), ("ppo", 160)])
def test_killed_at_50_random_moments(processes, table, whole, tmp_path, strategy, max_trials):
    expected, _ = whole(strategy, max_trials)
    settings = {"strategy": strategy, "max_trials": max_trials}
    kills = _kill_at_random(processes, table, expected, tmp_path, **settings, kills=50, seed=1)
    assert kills == 50
    say(f"{kills} kills at random moments survived ({strategy})")


@pytest.mark.faults
def test_killed_at_every_point(processes, table, whole, tmp_path):
    expected, points = whole("chain", 20)
    for number, point in enumerate(points):
        (tmp_path / str(number)).mkdir()
        arguments = _arguments(tmp_path / str(number), table, "chain", 20)
        ended = processes.run("search_table", {"points": True, "at": number, "how": "kill"}, **arguments)
        assert (ended.code, ended.output) == (-signal.SIGKILL, ""), point
        assert ended.points == points[: number + 1]
        ended = processes.run("search_table", **arguments)
        assert ended.code == 0, (point, ended.output)
        assert outcome(arguments["workdir"], arguments["state"]) == expected, point
    say(f"{len(points)} kills survived, one at each write, flush, rename and removal of a run")


@pytest.mark.faults
def test_killed_after_each_child_the_run_is_the_same(processes, trained, tmp_path):
    for seed in range(3):
        killed = _train(processes, tmp_path / str(seed), random.Random(seed), kills=5, max_evaluations=6)
        assert killed == trained[1]
    say("15 kills of a search that trains survived; no child was trained twice")


@pytest.mark.faults
def test_killed_at_every_point_of_an_export(processes, trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "whole")
    ended = processes.run("export", {"points": True}, workdir=tmp_path / "whole")
    assert (ended.code, ended.output) == (0, "")
    whole, points = _exported(tmp_path / "whole"), ended.points
    assert {"rename best/saved_model", "rename best/children.json"} <= {*points}
    for number in range(len(points)):
        workdir = tmp_path / str(number)
        shutil.copytree(trained[0], workdir)
        killed = processes.run("export", {"points": True, "at": number, "how": "kill"}, workdir=workdir)
        assert (killed.code, killed.orphans) == (-signal.SIGKILL, []), points[number]
        assert processes.run("export", workdir=workdir).code == 0, points[number]
        assert _exported(workdir) == whole, points[number]
        shutil.rmtree(workdir)
    say(f"{len(points)} kills survived, one at each write, flush, rename and removal of an export")


@pytest.mark.faults
def test_an_export_without_room_says_so_and_can_be_repeated(processes, trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "run")
    ended = processes.run("export", {"file_size": 100_000}, workdir=tmp_path / "run")  # the images have room
    assert ended.code == 2 and "Traceback" not in ended.output
    place = tmp_path / "run" / "best" / ".export.tmp"
    assert f"Error: {place} cannot be written: File too large. Make room there" in ended.output
    assert processes.run("export", workdir=tmp_path / "run").code == 0
    assert _exported(tmp_path / "run")


def _exported(workdir):
    """What is said of the exported children, and the weights of the best."""
    reader = _tensorflow.load_tensorflow().train.load_checkpoint(
        str(workdir / "best" / "saved_model" / "variables" / "variables")
    )
    names = [name for name in reader.get_variable_to_shape_map() if name != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert names
    weights = {name: np.asarray(reader.get_tensor(name)).tobytes() for name in names}
    files = sorted(path.relative_to(workdir).as_posix() for path in (workdir / "best").rglob("*"))
    return (workdir / "best" / "children.json").read_text(), weights, files
