"""Tests of nas_keras/storage/checkpoints.py, and of searches that go on from a checkpoint."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
from helpers import facts, grid, run_python

import nas_keras as nk
from nas_keras.runner import checkpointing
from nas_keras.storage import checkpoints
from nas_keras.storage.checkpoints import Checkpoint, read_checkpoints, write_checkpoint

_SPACE = grid(5, 5)
_STATE = {
    "num_asked": 3,
    "names": ["a", "b"],
    "none": None,
    "weights": np.array([[1.5, np.nan], [-0.0, 1e-38]], np.float32),
    "odd name/with: signs": np.arange(3, dtype=np.int32),
    "empty": np.zeros((0, 2), np.float64),
    "flag": np.array(True),
}


def _checkpoint(num_told=2):
    return Checkpoint(
        num_told, "0123456789abcdef", dict(_STATE), [{"policy": 1, "actions": [[0, 1]], "log_probs": None}]
    )


def _numbers(folder):
    return [checkpoint.num_told for checkpoint in read_checkpoints(folder)]


@pytest.fixture(name="warnings")
def _warnings(monkeypatch):
    found = []
    monkeypatch.setattr(checkpoints.logging, "warning", lambda text, *values: found.append(text % values))
    return found


def test_what_is_written_is_read_bit_for_bit(tmp_path):
    write_checkpoint(tmp_path / "c", _checkpoint())
    (found,) = read_checkpoints(tmp_path / "c")
    assert found._replace(state=None) == _checkpoint()._replace(state=None)
    assert set(found.state) == set(_STATE)
    for name, value in _STATE.items():
        if isinstance(value, np.ndarray):
            assert isinstance(found.state[name], np.ndarray)  # one without dimensions, too: it will be written again
            assert (found.state[name].dtype, found.state[name].shape) == (value.dtype, value.shape)
            assert found.state[name].tobytes() == value.tobytes()
        else:
            assert found.state[name] == value


def test_a_state_without_arrays_needs_no_file_of_arrays(tmp_path):
    write_checkpoint(tmp_path / "c", _checkpoint()._replace(state={"seen": ["x"]}))
    assert os.listdir(tmp_path / "c" / "batch-000002") == ["checkpoint.json"]
    assert next(read_checkpoints(tmp_path / "c")).state == {"seen": ["x"]}


def test_a_few_are_kept_the_newest_first_and_none_is_no_error(tmp_path):
    assert _numbers(tmp_path / "c") == []
    for num_told in (1, 2, 9, 10, 11):
        write_checkpoint(tmp_path / "c", _checkpoint(num_told))
    assert _numbers(tmp_path / "c") == [11, 10, 9]


@pytest.mark.parametrize("name", ["checkpoint.json", "state.npz"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_a_damaged_one_is_named_and_the_one_before_it_is_taken(tmp_path, warnings, name, damage):
    for num_told in (1, 2):
        write_checkpoint(tmp_path / "c", _checkpoint(num_told))
    path = tmp_path / "c" / "batch-000002" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    changed = {"flip": bytes(data), "cut": bytes(data[:-1]), "empty": b""}
    path.unlink() if damage == "remove" else path.write_bytes(changed[damage])
    assert _numbers(tmp_path / "c") == [1]
    assert len(warnings) == 1 and "batch-000002 cannot be used: " in warnings[0]


def test_every_byte_of_the_description_counts(tmp_path, warnings):
    write_checkpoint(tmp_path / "c", _checkpoint())
    path = tmp_path / "c" / "batch-000002" / "checkpoint.json"
    data = path.read_bytes()
    for place in range(len(data) - 1):  # the last is the end of the line
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert _numbers(tmp_path / "c") == []
    assert len(warnings) == len(data) - 1


def test_one_of_another_version_or_that_reaches_out_of_its_folder_is_not_used(tmp_path, warnings, monkeypatch):
    monkeypatch.setattr(checkpoints, "__version__", "9.9")
    write_checkpoint(tmp_path / "c", _checkpoint(1))
    monkeypatch.undo()
    monkeypatch.setattr(checkpoints.logging, "warning", lambda text, *values: warnings.append(text % values))
    write_checkpoint(tmp_path / "c", _checkpoint(2))
    path = tmp_path / "c" / "batch-000002" / "checkpoint.json"
    description = json.loads(path.read_text())["checkpoint"]
    description["files"] = {"../../secret": "0" * 64}
    text = json.dumps(description, sort_keys=True)
    path.write_text(
        json.dumps({"sha256": checkpoints.hashlib.sha256(text.encode()).hexdigest(), "checkpoint": description})
    )
    assert _numbers(tmp_path / "c") == []
    assert "../../secret is corrupt" in warnings[0] and "it is of version 9.9, format 2, but this is" in warnings[1]


@pytest.mark.usefixtures("always")
def test_a_checkpoint_of_the_format_before_is_left_out_and_the_search_ends_equal(tmp_path, warnings):
    whole = facts(_search("random", tmp_path / "run", budget=12))
    for path in (tmp_path / "run" / "checkpoints").glob("*/checkpoint.json"):
        description = {**json.loads(path.read_text())["checkpoint"], "format": 1}
        digest = checkpoints.hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
        path.write_text(json.dumps({"sha256": digest, "checkpoint": description}))
    assert facts(_search("random", tmp_path / "run", budget=12)) == whole
    assert warnings and all(f", format 1, but this is {nk.__version__}, format 2" in text for text in warnings)


def test_checkpoints_need_no_tensorflow(tmp_path):
    code = """
import pathlib, sys
import numpy as np
from nas_keras.storage.checkpoints import Checkpoint, read_checkpoints, write_checkpoint
folder = pathlib.Path(sys.argv[1])
write_checkpoint(folder, Checkpoint(1, "0" * 16, {"weights": np.arange(6.0)}, []))
print([checkpoint.state["weights"].tolist() for checkpoint in read_checkpoints(folder)], "tensorflow" in sys.modules)
"""
    assert run_python(code, tmp_path).stdout == "[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]] False\n"


class _Counting(nk.Evaluator):
    """The reward is the sum of the choices; stops after `limit` children, as a killed process would."""

    recipe = {"name": "sum"}

    def __init__(self, limit=None, lag=0):
        self.limit, self.lag, self.evaluated = limit, lag, []

    def evaluate(self, jobs):
        for job in jobs:
            if self.limit is not None and len(self.evaluated) >= self.limit:
                raise KeyboardInterrupt
            self.evaluated.append(job.key)
            yield job, nk.Evaluation(float(sum(job.architecture)), seconds=1.0)


def _search(strategy, workdir=None, *, limit=None, lag=0, budget=14):
    result = nk.search(
        _SPACE, _Counting(limit, lag), strategy=strategy, max_evaluations=budget, batch_size=4, seed=3, workdir=workdir
    )
    return result.trials


@pytest.fixture(name="always")
def _always(monkeypatch):
    """A checkpoint after every batch."""
    monkeypatch.setattr(checkpointing, "_SECONDS", 0)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("strategy", "lag"), [(name, 1) for name in nk.strategies.NAMES] + [("random", 0), ("random", 2), ("evolution", 2)]
)
def test_interrupted_after_n_children_and_gone_on_from_the_checkpoint_d_is_the_same(tmp_path, strategy, lag):
    whole = _search(strategy, tmp_path / "whole", lag=lag)
    for n in (9,) if strategy in ("ppo", "reinforce", "ppo_predictor") else range(1, 14, 2):  # tracing takes seconds
        workdir = tmp_path / str(n)
        with pytest.raises(KeyboardInterrupt):
            _search(strategy, workdir, limit=n, lag=lag)
        assert facts(_search(strategy, workdir, lag=lag)) == facts(whole)


@pytest.mark.usefixtures("always")
def test_batches_before_the_checkpoint_are_not_asked_again(tmp_path, monkeypatch):
    _search("random", tmp_path / "run", budget=8)
    asked = []
    ask = nk.strategies.RandomSearch._ask
    monkeypatch.setattr(nk.strategies.RandomSearch, "_ask", lambda self, n, i: asked.append(i) or ask(self, n, i))
    _search("random", tmp_path / "run", budget=16)
    assert asked == [2, 3]


@pytest.mark.usefixtures("always")
def test_while_d_is_gone_through_again_checkpoints_are_made(tmp_path, monkeypatch):
    """A process that is killed again and again before it has caught up gets on all the same."""
    whole = _search("random", tmp_path / "run", budget=16)
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    ask = nk.strategies.RandomSearch._ask

    def ask_twice(self, n, iteration):
        if iteration == 2:
            raise InterruptedError
        return ask(self, n, iteration)

    monkeypatch.setattr(nk.strategies.RandomSearch, "_ask", ask_twice)
    with pytest.raises(InterruptedError):
        _search("random", tmp_path / "run", budget=16)
    assert _numbers(tmp_path / "run" / "checkpoints") == [2, 1]
    asked = []
    monkeypatch.setattr(nk.strategies.RandomSearch, "_ask", lambda self, n, i: asked.append(i) or ask(self, n, i))
    assert facts(_search("random", tmp_path / "run", budget=16)) == facts(whole)
    assert asked == [2, 3]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("lag", [0, 1])
def test_ctrl_c_leaves_a_checkpoint_of_all_that_was_told(tmp_path, lag, monkeypatch):
    monkeypatch.setattr(checkpointing, "_SECONDS", 1_000)
    with pytest.raises(KeyboardInterrupt):
        _search("random", tmp_path / "run", limit=10, lag=lag, budget=25)
    assert _numbers(tmp_path / "run" / "checkpoints") == [2]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("budget", [5, 8])
def test_a_raised_budget_goes_on_as_it_would_without_checkpoints(tmp_path, budget):
    for name in ("with", "without"):
        _search("random", tmp_path / name, budget=budget)
    shutil.rmtree(tmp_path / "without" / "checkpoints")
    assert facts(_search("random", tmp_path / "with")) == facts(_search("random", tmp_path / "without"))


@pytest.mark.usefixtures("always")
def test_a_checkpoint_that_is_ahead_of_d_or_of_another_d_is_not_used(tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(checkpointing.logging, "warning", lambda text, *values: found.append(text % values))
    whole = _search("random", tmp_path / "whole", budget=12)
    for name in ("ahead", "other"):
        shutil.copytree(tmp_path / "whole", tmp_path / name)
    (tmp_path / "ahead" / "dataset" / "trials-000002.tfrecord").unlink()
    assert facts(_search("random", tmp_path / "ahead", budget=12)) == facts(whole)
    assert found == ["The checkpoint after 3 batches belongs to another D and is skipped."]
    shutil.rmtree(tmp_path / "other" / "checkpoints")
    state = nk.strategies.RandomSearch(_SPACE, seed=3).state()
    write_checkpoint(tmp_path / "other" / "checkpoints", Checkpoint(3, "f" * 16, state, []))
    assert facts(_search("random", tmp_path / "other", budget=12)) == facts(whole)
    assert len(found) == 2


@pytest.mark.usefixtures("always")
def test_a_checkpoint_with_another_state_is_not_used_and_leaves_nothing_of_itself_behind(tmp_path, monkeypatch):
    """It says how many batches it was told, which a strategy takes over first, and lacks all the rest."""
    found = []
    monkeypatch.setattr(checkpointing.logging, "warning", lambda text, *values: found.append(text % values))
    _search("evolution", tmp_path / "run", budget=12)
    (newest, *_) = read_checkpoints(tmp_path / "run" / "checkpoints")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    shutil.copytree(tmp_path / "run", tmp_path / "none")
    state = {name: newest.state[name] for name in ("num_asked", "num_told")}
    write_checkpoint(tmp_path / "run" / "checkpoints", newest._replace(state=state))
    from_d, from_both = (_search("evolution", tmp_path / name, budget=20) for name in ("none", "run"))
    assert facts(from_both) == facts(from_d) and len(from_d) > 20
    assert len(found) == 1 and "batches does not fit this strategy: KeyError(" in found[0]


@pytest.mark.usefixtures("always")
def test_the_weights_after_going_on_are_bit_equal(tmp_path):
    def run(workdir, limit=None, budget=14):
        strategy = nk.strategies.PPO(_SPACE, nk.PPOConfig(steps=2, units=4, embedding=2), seed=3)
        evaluator = _Counting(limit, lag=1)
        nk.search(_SPACE, evaluator, strategy=strategy, max_evaluations=budget, batch_size=4, workdir=workdir)
        return strategy.state()

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", limit=9)
    assert any((tmp_path / "cut" / "checkpoints").iterdir())
    resumed = run(tmp_path / "cut")
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        assert np.asarray(value).tobytes() == np.asarray(resumed[name]).tobytes(), name


def test_trials_keep_their_digest_but_for_the_seconds():
    from nas_keras.storage.dataset import Dataset
    from nas_keras.storage.records.origin import Origin

    trial = nk.Trial(0, 0, 0, 1, (1, 2), (-0.5, -0.25), "1,2", False, nk.Evaluation(3.0, seconds=1.0))
    changes = {
        "the same": trial,
        "seconds": dataclasses.replace(trial, evaluation=nk.Evaluation(3.0, seconds=2.0)),
        "reward": dataclasses.replace(trial, evaluation=nk.Evaluation(3.5, seconds=1.0)),
        "actions": dataclasses.replace(trial, actions=(1, 3)),
        "log_probs": dataclasses.replace(trial, log_probs=(-0.5, -0.125)),
        "seed": dataclasses.replace(trial, seed=2),
    }
    digests = {}
    for name, changed in changes.items():
        dataset = Dataset(Origin("s", "r"))
        dataset.append([changed])
        assert dataset.digest(0) == ""
        digests[name] = dataset.digest(1)
    assert digests["the same"] == digests["seconds"] and len(set(digests.values())) == 5
