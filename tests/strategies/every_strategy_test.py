"""What every strategy of the table promises, whatever it does inside."""

import dataclasses
import io
import json

import numpy as np
import pytest
from helpers import facts, grid

import nas_keras as nk
from nas_keras import strategies

NAN = float("nan")
_NAMES = pytest.mark.parametrize("name", strategies.NAMES)
_ODD = {"one encoding": grid(1, 1), "100 decisions": grid(*[3] * 100), "1,000 choices": grid(2, 1_000)}


def _make(name, space, seed=0):
    return strategies.make_strategy(name, space, seed=seed)


def _trials(space, proposals, reward, start=0):
    log_probs = proposals.log_probs
    return [
        nk.Trial(
            trial=start + i,
            iteration=0,
            policy_version=0,
            seed=0,
            actions=actions,
            log_probs=() if log_probs is None else tuple(log_probs[i].tolist()),
            key=space.key(actions),
            cached=False,
            evaluation=nk.Evaluation(reward(actions)),
        )
        for i, actions in enumerate(map(tuple, proposals.actions.tolist()))
    ]


def _run(strategy, reward, batches, size=6):
    """Asks and tells; returns what was proposed."""
    asked = []
    for _ in range(batches):
        proposals = strategy.ask(size)
        asked.append(proposals.actions.tolist())
        strategy.tell(_trials(strategy.space, proposals, reward))
    return asked


def _some_reward(actions):
    """Numbers of no pattern; one in six fails."""
    number = sum((i + 3) * 7 ** (a % 11) for i, a in enumerate(actions)) % 101
    return NAN if number < 17 else -number / 10


def _through_files(state):
    """The state as it comes back from an .npz file without pickle, and a JSON file."""
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as loaded:
        arrays = dict(loaded)
    rest = {name: value for name, value in state.items() if name not in arrays}
    return {**arrays, **json.loads(json.dumps(rest, allow_nan=False))}


def _assert_equal(state, other):
    assert state.keys() == other.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@_NAMES
@pytest.mark.parametrize("space", _ODD.values(), ids=_ODD.keys())
def test_odd_spaces(name, space):
    strategy = _make(name, space)
    for told in range(3):
        proposals = strategy.ask(5)
        actions, log_probs = proposals
        is_spent = space.size == 1 and name in ("random", "progressive") and told > 0  # they propose no key twice
        assert (0 if is_spent else 1) <= len(actions) <= (0 if is_spent else 5)
        assert actions.dtype == np.int32 and actions.shape[1:] == (len(space.decisions),)
        assert (actions >= 0).all() and (actions < space.num_choices).all()
        if log_probs is not None:
            assert log_probs.dtype == np.float32 and log_probs.shape == actions.shape and (log_probs <= 1e-6).all()
        if len(actions):
            strategy.tell(_trials(space, proposals, _some_reward))
    assert all(np.isfinite(value) for value in strategy.metrics.values())


@_NAMES
def test_failures_are_never_propagated(name):
    """Failures first, then some, then failures again: numbers stay finite and proposals go on."""
    space = grid(8, 8, 8)
    strategy = _make(name, space)
    for reward in (lambda actions: NAN, _some_reward, lambda actions: NAN, _some_reward, _some_reward):
        asked = _run(strategy, reward, batches=2)
        assert all(len(batch) == 6 for batch in asked)
        assert all(np.isfinite(value) for value in strategy.metrics.values())
    for key, value in strategy.state().items():
        if key not in ("rewards", "memory_0_r"):  # these are what was told
            is_number = isinstance(value, (np.ndarray, float))
            assert not is_number or np.isfinite(value).all(), key


@_NAMES
@pytest.mark.parametrize("scale", [1e39, 1e300, 1e-300])
def test_rewards_of_any_size_are_learned_from(name, scale):
    strategy = _make(name, grid(*[4] * 6))
    with np.errstate(all="raise", under="ignore"):
        for batch in range(12):
            proposals = strategy.ask(8)
            assert len(proposals.actions) and (proposals.log_probs is None or np.isfinite(proposals.log_probs).all())
            reward = (lambda actions: NAN if sum(actions) == 9 else scale * sum(actions)) if batch else lambda _: NAN
            strategy.tell(_trials(strategy.space, proposals, reward, start=8 * batch))
    assert all(np.isfinite(value) for value in strategy.metrics.values())


@_NAMES
def test_the_seed_decides_everything_and_a_state_continues_where_it_was_taken(name):
    space = nk.spaces.large(3)
    first, second = _make(name, space, seed=3), _make(name, space, seed=3)
    asked = _run(first, _some_reward, batches=4)
    open_batch = first.ask(5)  # asked and not yet told, as it is with a lag
    state = first.state()
    kept = _through_files(state)
    first.tell(_trials(space, open_batch, _some_reward))
    goes_on = _run(first, _some_reward, batches=4)
    _assert_equal(kept, state)  # what was learned since has not changed it

    # Another object of this seed proposes the same, asked for the same.
    assert _run(second, _some_reward, batches=4) == asked
    np.testing.assert_array_equal(second.ask(5).actions, open_batch.actions)
    _assert_equal(second.state(), state)

    # A third one, of another history, goes on as the first did.
    third = _make(name, space, seed=3)
    third.tell(_trials(space, third.ask(3), _some_reward))
    third.restore(kept)
    third.tell(_trials(space, open_batch, _some_reward))
    assert _run(third, _some_reward, batches=4) == goes_on
    _assert_equal(third.state(), first.state())
    assert third.metrics == first.metrics

    other = _make(name, grid(9, 9, 9), seed=4), _make(name, grid(9, 9, 9), seed=5)
    assert other[0].ask(8).actions.tolist() != other[1].ask(8).actions.tolist()


@_NAMES
def test_a_space_that_is_known_ends_the_search(name):
    """Six keys, or, where nobody knows how many there are, whatever comes first."""
    evaluator = nk.FunctionEvaluator(sum)
    result = nk.search(grid(2, 3), evaluator, strategy=name, max_evaluations=50, batch_size=4)
    assert (result.stopped, result.num_evaluations) == ("space exhausted", 6)

    keys_unknown = grid(2, 3, key=lambda actions: str(sum(actions)))
    result = nk.search(keys_unknown, evaluator, strategy=name, max_evaluations=5, batch_size=4, max_trials=30)
    assert result.num_evaluations <= 4 and len(result.trials) <= 30
    if name in ("random", "progressive"):
        assert (result.stopped, len(result.trials)) == ("nothing proposed", 4)
    else:
        assert (result.stopped, len(result.trials)) == ("max_trials", 30)


@pytest.mark.parametrize("name", [name for name in strategies.NAMES if name != "ppo"])  # runner/search_test.py has it
def test_an_interrupted_search_ends_with_the_same_d(tmp_path, name):
    space = nk.spaces.large(2)
    calls = []

    def reward(cell):
        calls.append(cell)
        if len(calls) == 17:
            raise InterruptedError
        return _some_reward(map(ord, cell.key))

    def search(folder):
        evaluator = nk.FunctionEvaluator(reward, recipe={"some": "reward"})
        return nk.search(space, evaluator, strategy=name, max_evaluations=30, lag=1, seed=2, workdir=tmp_path / folder)

    with pytest.raises(InterruptedError):
        search("interrupted")
    again, straight = search("interrupted"), search("straight")
    assert facts(again.trials) == facts(straight.trials)
    assert again.num_evaluations == 30


@pytest.mark.parametrize("name", ["random", "evolution", "progressive"])
@pytest.mark.parametrize("space", [nk.spaces.large(3), grid(7, 7, 7, 7, 7)], ids=["cells", "encodings"])
def test_the_first_proposals_are_the_same_however_many_are_asked_for(name, space):
    """A policy's are not: its batch is drawn as a whole."""
    few, many = _make(name, space), _make(name, space)
    for _ in range(6):
        proposals = many.ask(8)
        assert few.ask(3).actions.tolist() == proposals.actions[:3].tolist()
        trials = _trials(space, proposals, _some_reward)
        few.tell(trials)
        many.tell(trials)
        if name == "random":
            few.restore(many.state())  # it goes by what it was asked for: what it was told says nothing to it


@_NAMES
def test_settings_and_the_first_state_are_plain(name):
    strategy = _make(name, grid(3))
    state = _through_files(strategy.state())
    strategy.restore(state)
    _assert_equal(strategy.state(), state)
    settings = dataclasses.asdict(strategy.config)
    assert json.loads(json.dumps(settings)) == settings
    assert strategies.config_of(name, {setting: str(value) for setting, value in settings.items()}) == strategy.config
