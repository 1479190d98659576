"""Tests of nas_keras/_launch/space_flags.py."""

from helpers import ROOT, ask_flags

_TESTDATA = str(ROOT / "testdata")
_DEFINE = "from nas_keras._launch.space_flags import SpaceFlags; space = SpaceFlags({})"


def test_a_space():
    names = "(space.space().name, space.arguments())"
    assert ask_flags(
        _DEFINE.format(""),
        [names],
        [names, "--space=large"],
        [names, "--space=large", "--num_nodes=2"],
        [names, "--num_nodes=2"],
        [names, "--space=huge"],
        ["space.space().name", "--space=large", "--num_nodes=5"],
    ) == [
        "('small', ['--space=small'])",
        "('large3', ['--space=large', '--num_nodes=3'])",
        "('large2', ['--space=large', '--num_nodes=2'])",
        "InvalidValueError: --num_nodes=2 is for --space=large; the small space has two.",
        "InvalidValueError: space='huge' is unknown. Allowed: small, large.",
        "'large5'",
    ]


def test_a_space_that_is_too_large_for_a_table():
    (answer,) = ask_flags(_DEFINE.format("for_table=True"), ["space.space()", "--space=large", "--num_nodes=5"])
    assert answer.endswith("--num_nodes=5: 7,864,320 encodings are too many for a table; use 1 to 4 nodes.")


def test_the_table_of_a_space():
    table = f"space.shipped_table({_TESTDATA!r})"
    elsewhere = "space.shipped_table('/nowhere/testdata')"
    shipped, none, missing = ask_flags(
        _DEFINE.format(""), [table], [table, "--space=large", "--num_nodes=8"], [elsewhere]
    )
    assert shipped == repr(f"{_TESTDATA}/rewards/mnist_small")
    assert none.startswith("InvalidValueError: --reward=table needs --table: no table is shipped for --space=large --n")
    says = "The tables that come with nas_keras are missing: /nowhere/testdata/rewards is not there. Install nas_keras"
    assert missing.startswith(f"InvalidValueError: {says} again")
