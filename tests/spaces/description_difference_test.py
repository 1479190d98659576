"""Tests of nas_keras/spaces/description_difference.py."""

import pytest
from helpers import described_as_json, grid, own_space

import nas_keras as nk
from nas_keras.spaces.description import describe_space
from nas_keras.spaces.description_difference import choice_places, space_difference

_LARGE = nk.spaces.large(2, operations=("conv_3x3", "mine"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (own_space("a", "b"), own_space("a", "b", "c"), "decision 'edge': choice 'c' is new"),
        (own_space("a", "b"), own_space("b"), "decision 'edge': choice 'a' is gone"),
        (own_space("a", "b"), own_space("c"), "decision 'edge': choice 'a', 'b' is gone, 'c' is new"),
        (
            own_space("a", "b"),
            own_space("b", "a"),
            "decision 'edge': choices in the order 'a', 'b' before, 'b', 'a' now",
        ),
        (own_space(3), own_space("3"), "decision 'edge': choice 3 is gone, '3' is new"),
        (own_space("a"), own_space("a", name="new"), "name 'own' before, 'new' now"),
        (own_space("a"), own_space("a", decision="op"), "decision 'edge' is gone; decision 'op' is new"),
        (grid(9), grid(2), "decision 'd0': choice 2, 3, 4, 5, 6 and 2 more is gone"),
        (nk.spaces.large(1), _LARGE, "name 'large1' before, 'large2' now"),
        (own_space("a"), own_space("a", decode=lambda a: 1), "its function decode: <lambda> is new"),
        (
            own_space("a", key=lambda a: "1"),
            own_space("a", key=lambda a: "2"),
            "its function key: <lambda> has changed",
        ),
        (own_space("a"), own_space("a"), ""),
    ],
    ids=lambda value: None,
)
def test_what_differs_is_said_by_name(old, new, says):
    said = space_difference(described_as_json(old), describe_space(new))
    assert said.startswith(says) and bool(said) == bool(says)


def test_of_an_older_description_a_built_in_space_is_known_and_another_one_is_not():
    small = {"name": "small", "fingerprint": nk.spaces.small().fingerprint}
    assert space_difference(small, describe_space(own_space("a"))).startswith("name 'small' before, 'own' now")
    older = {"name": "own", "fingerprint": "feed"}
    said = space_difference(older, describe_space(own_space("a")))
    assert said.startswith("own (feed) before, own (") and said.endswith("were not recorded")


def test_choices_are_found_by_name_in_another_space():
    old, new = described_as_json(own_space("a", "b", "c")), described_as_json(own_space("c", "d", "a"))
    assert choice_places(old, new) == [[2, None, 0], [0, 1]]
    reordered = {**new, "decisions": new["decisions"][::-1]}  # another tuple is another architecture
    for other in (
        reordered,
        described_as_json(own_space("a", name="new")),
        described_as_json(own_space("a", decode=lambda a: 1)),
        described_as_json(grid(2)),
    ):
        assert choice_places(old, other) is None
        assert choice_places(other, old) is None
