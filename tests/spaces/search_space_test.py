"""Tests of nas_keras/spaces/search_space.py."""

import numpy as np
import pytest

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.search_space import Decision, SearchSpace

_EDGE = Decision("edge", ("none", "skip", "conv"))
_WIDTH = Decision("width", (16, 32))


@pytest.fixture(name="space")
def _space():
    return SearchSpace("plain", [_EDGE, _WIDTH])


def test_size_and_number_of_choices(space):
    assert space.num_choices == (3, 2)
    assert space.size == 6
    assert space.num_keys == 6
    assert repr(space) == "SearchSpace('plain', T=2, size=6)"


def test_enumerate_changes_the_last_decision_fastest(space):
    assert list(space.enumerate()) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]


def test_enumerate_is_lazy():
    huge = SearchSpace("huge", [Decision(f"d{i}", tuple(range(10))) for i in range(100)])
    assert huge.size == 10**100
    encodings = huge.enumerate(distinct=True)
    assert next(encodings) == (0,) * 100
    assert next(encodings) == (0,) * 99 + (1,)


def test_decode_gives_the_chosen_values_in_the_order_of_the_decisions(space):
    assert space.decode((2, 0)) == ("conv", 16)


@pytest.mark.parametrize("actions", [[1, 1], (1, 1), np.array([1, 1], np.int32), np.array([1, 1], np.uint8)])
def test_a_encoding_may_be_a_list_tuple_or_array_of_integers(space, actions):
    assert space.check(actions) == (1, 1)
    assert all(type(action) is int for action in space.check(actions))
    assert space.decode(actions) == ("skip", 32)
    assert space.key(actions) == "1,1"


def test_encode_is_the_inverse_of_decode(space):
    assert [space.encode(space.decode(actions)) for actions in space.enumerate()] == list(space.enumerate())


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(("conv",), id="too short"),
        pytest.param(("conv", 16, 16), id="too long"),
        pytest.param(("conv", 64), id="unknown value"),
        pytest.param(5, id="no sequence"),
    ],
)
def test_encode_refuses_what_is_not_in_the_space(space, architecture):
    with pytest.raises(InvalidValueError) as caught:
        space.encode(architecture)
    assert f"{architecture!r} does not fit space 'plain'" in str(caught.value)


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param((0,), id="too short"),
        pytest.param((0, 0, 0), id="too long"),
        pytest.param([[0, 0]], id="a batch"),
        pytest.param((0.0, 1.0), id="floats"),
        pytest.param((True, False), id="booleans"),
        pytest.param("00", id="text"),
        pytest.param(None, id="None"),
        pytest.param([[0], [0, 1]], id="ragged"),
    ],
)
@pytest.mark.parametrize("method", ["check", "decode", "key"])
def test_what_is_no_encoding_is_refused(space, method, actions):
    with pytest.raises(InvalidValueError) as caught:
        getattr(space, method)(actions)
    assert str(caught.value) == (
        f"actions={actions!r} is not an encoding of space 'plain', which takes 2 integers, one for each decision."
    )


@pytest.mark.parametrize("actions", [(0, 2), (3, 0), (-1, 0), (0, -1)])
def test_an_action_out_of_range_is_refused_with_the_range(space, actions):
    with pytest.raises(InvalidValueError) as caught:
        space.key(actions)
    bad = 0 if actions[0] not in range(3) else 1
    name, last = [("edge", 2), ("width", 1)][bad]
    assert str(caught.value) == f"Action {actions[bad]} is out of range: decision {name!r} has choices 0 to {last}."


def test_a_key_function_makes_encodings_equal():
    space = SearchSpace("pairs", [_WIDTH, Decision("other", (16, 32))], key=lambda actions: str(sorted(actions)))
    assert space.key((0, 1)) == space.key((1, 0)) == "[0, 1]"
    assert list(space.enumerate()) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert list(space.enumerate(distinct=True)) == [(0, 0), (0, 1), (1, 1)]
    assert space.num_keys is None  # nobody counted
    assert SearchSpace("pairs", [_WIDTH], key=str, num_keys=2).num_keys == 2


def test_decode_and_encode_can_be_the_users():
    space = SearchSpace("sum", [_WIDTH, _EDGE], decode=lambda a: sum(a), encode=lambda total: (0, total))
    assert space.decode(np.array([1, 2])) == 3
    assert space.encode(2) == (0, 2)


def test_a_decision_takes_a_list_and_keeps_a_tuple():
    assert Decision("d", ["a", None, 1, 1.5]).choices == ("a", None, 1, 1.5)


_NAME = "A decision's name must be a non-empty string of printable characters,"


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        pytest.param("d", "abc", "choices of decision 'd' must be a tuple or list, not 'abc'.", id="text"),
        pytest.param("d", {1, 2}, "choices of decision 'd' must be a tuple or list, not {1, 2}.", id="set"),
        pytest.param("d", 3, "choices of decision 'd' must be a tuple or list, not 3.", id="number"),
        pytest.param(
            "", (1,), "A decision's name must be a non-empty string of printable characters, not ''.", id="no name"
        ),
        pytest.param(
            7,
            (1,),
            "A decision's name must be a non-empty string of printable characters, not 7.",
            id="name is a number",
        ),
        pytest.param("d", (), "Decision 'd' has no choices: give at least one.", id="no choice"),
        pytest.param("d", (1, 2, 1), "Decision 'd' has equal choices: (1, 2, 1). Name each once.", id="equal"),
    ],
)
def test_an_impossible_decision_is_refused(name, choices, message):
    with pytest.raises(InvalidValueError) as caught:
        Decision(name, choices)
    assert str(caught.value) == message


@pytest.mark.parametrize("decisions", [[], ["edge"], [_EDGE, ("none", "skip")]])
def test_a_space_takes_decisions_only(decisions):
    with pytest.raises(InvalidValueError) as caught:
        SearchSpace("s", decisions)
    assert str(caught.value) == f"decisions must be a non-empty list of nk.Decision, not {decisions!r}."


def test_two_decisions_of_one_name_are_refused():
    with pytest.raises(InvalidValueError) as caught:
        SearchSpace("s", [_EDGE, _WIDTH, Decision("edge", (1,))])
    assert str(caught.value) == (
        "Two decisions of space 's' have the same name: ['edge', 'width', 'edge']. Rename one."
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(SearchSpace("other", [_EDGE, _WIDTH]), id="name"),
        pytest.param(SearchSpace("plain", [_WIDTH, _EDGE]), id="order of decisions"),
        pytest.param(SearchSpace("plain", [_EDGE]), id="a decision less"),
        pytest.param(SearchSpace("plain", [_EDGE, Decision("w", (16, 32))]), id="a decision's name"),
        pytest.param(SearchSpace("plain", [_EDGE, Decision("width", (32, 16))]), id="order of choices"),
        pytest.param(SearchSpace("plain", [_EDGE, Decision("width", (16, "32"))]), id="type of a choice"),
    ],
)
def test_another_space_has_another_fingerprint(space, other):
    assert other.fingerprint != space.fingerprint


def test_a_fingerprint_is_the_same_in_every_process(space):
    # printf '["plain", [["edge", ["'"'none'"'", ...]], ["width", ["16", "32"]]]]' | sha256sum
    assert space.fingerprint == "d3191bec26fdd6e2"
    assert SearchSpace("plain", (_EDGE, Decision("width", [16, 32])), key=str).fingerprint == space.fingerprint
