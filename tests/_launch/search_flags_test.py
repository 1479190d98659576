"""Tests of nas_keras/_launch/search_flags.py."""

from helpers import ask_flags

_DEFINE = """
from nas_keras._launch.search_flags import SearchFlags

search = SearchFlags()
space = nk.spaces.small()

def settings(*fields, read=()):
    made = search.settings(space, read)
    return [getattr(made, field) for field in fields]
"""


def test_flags_become_settings(tmp_path):
    run = f"--workdir={tmp_path / 'run'}"
    fields = "settings('strategy', 'seed', 'max_evaluations', 'max_trials', 'max_seconds', 'batch_size', 'lag')"
    assert ask_flags(
        _DEFINE,
        [fields, run],
        [fields, run, "--strategy=random", "--seed=7", "--max_evaluations=3", "--batch_size=2", "--lag=1"],
        ["settings('strategy_config')[0].learning_rate", run, "--strategy_config=learning_rate=0.5,steps=2"],
        ["settings('objective')[0].text", run, "--objective=accuracy*(params/10)^-1"],
        ["search.workdir", run],
        ["search.workdir"],
    ) == [
        "['ppo', 0, 200, 4000, None, 8, None]",
        "['random', 7, 3, 60, None, 2, 1]",
        "0.5",
        "'accuracy*(params/10)^-1'",
        repr(str(tmp_path / "run")),
        "''",
    ]


def test_limits():
    assert ask_flags(_DEFINE, ["search.limits().to_json()"], ["search.limits().to_json()", "--max_params=9"]) == [
        "None",
        "{'max_params': 9}",
    ]


def test_what_is_wrong_without_a_look_at_the_space():
    check, run, small = "search.check()", "--workdir=run", "--max_params=0"
    twice, no_value = "--strategy_config=steps=1,steps=2", "--strategy_config=steps"
    cases = [[check, run], [check], [check, run, twice], [check, no_value], [check, run, small]]
    assert ask_flags(_DEFINE, *cases) == [
        "None",
        "InvalidValueError: --workdir is missing: name the folder of the run, such as --workdir=runs/mnist.",
        "InvalidValueError: --strategy_config='steps=2' is not allowed: write key=value,..., each key once.",
        "InvalidValueError: --strategy_config='steps' is not allowed: write key=value,..., each key once.",
        "InvalidValueError: max_params=0 is not allowed: it must be an integer of at least 1.",
    ]


def test_a_run_is_not_written_into_what_it_reads(tmp_path):
    run = f"--workdir={tmp_path}"
    table, warm = ask_flags(
        _DEFINE,
        [f"settings(read=[('table', {str(tmp_path)!r})])", run],
        ["settings()", run, f"--warm_start_from={tmp_path}"],
    )
    assert table.startswith(f"InvalidValueError: {run} is what --table={tmp_path} reads")
    assert warm.startswith(f"InvalidValueError: {run} is what --warm_start_from={tmp_path} reads")
