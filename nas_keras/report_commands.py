"""How the figures on a page of searches were made: recipes, machine, and the commands that make them again."""

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterable

from nas_keras.cell_names import HUMAN_TITLES
from nas_keras.markdown import code, escape, make_table
from nas_keras.report_run_facts import RunFacts
from nas_keras.report_sections import flatten, table_command
from nas_keras.runs import Run
from nas_keras.strategies import NAMES, config_of


def how_it_was_made(facts: RunFacts, trained: pathlib.Path | None, table: pathlib.Path | None, command: str) -> str:
    """Recipes, machine and commands."""
    first = facts.runs[0]
    rows = [[code(name), escape(flatten(value))] for name, value in first.fixed["recipe"].items()]
    rows += [[code(f"machine: {n}"), escape(flatten(v))] for n, v in first.config.get("environment", {}).items()]
    if facts.trained:
        rows.append([code("longer: train"), escape(flatten(facts.trained.recipe.get("train", {})))])
    commands = [_search_command(run) for run in facts.runs]
    if facts.trained:
        commands.append(_train_command(facts, trained))
    if facts.table and (fill := table_command(facts.table, table)):
        taken = ",".join(str(run.path) for run in facts.runs)
        if facts.human:
            commands.append(f"{fill} --cells={_names(facts.human.values())}")
        commands.append(f"{fill} --take_from={shlex.quote(taken)}")
    texts = [" ".join(line.split()).replace("```", "") for line in [*commands, command] if line]
    return "\n\n".join(
        ["## How this was made", make_table(["recipe ", "value "], rows), "\n".join(["```sh", *texts, "```"])]
    )


def _space_flags(run: Run) -> str:
    name = re.fullmatch(r"(small|large)(\d*)", run.space.name)
    return f"--space={name[1]}" + (f" --num_nodes={name[2]}" if name[2] else "")


def _search_command(run: Run) -> str:
    fixed, train = run.fixed, run.fixed["recipe"].get("train", {})
    settings = fixed["strategy"]["config"]
    if run.strategy in NAMES:  # else it was an object of the user's
        defaults = dataclasses.asdict(config_of(run.strategy, {}))
        settings = {name: value for name, value in settings.items() if defaults.get(name) != value}
    options = ",".join(f"{name}={value}" for name, value in settings.items())
    return (
        f"python launch/search.py {_space_flags(run)} --strategy={run.strategy} --epochs={train.get('epochs', 1)} "
        f"--max_evaluations={run.config['budget']['max_evaluations']} --batch_size={fixed['batch_size']} "
        + (f"--strategy_config={options} " if options else "")
        + f"--lag={fixed['lag']} --seed={fixed['seed']} --final_epochs=0 --workdir={shlex.quote(str(run.path))}"
    )


def _names(titles: Iterable[str]) -> str:
    """What flags call the cells that people designed."""
    by_title = {title: name for name, title in HUMAN_TITLES.items()}
    return ",".join(by_title[title] for title in titles)


def _train_command(facts: RunFacts, trained: pathlib.Path) -> str:
    """The command that trains these cells longer."""
    train = facts.trained.recipe.get("train", {})
    keys = {standing.key for standing in facts.standings}
    top = 0
    while all(len(run.best(top + 1)) > top and run.best(top + 1)[-1].key in keys for run in facts.runs):
        top += 1
    human = _names(title for key, title in facts.human.items() if key in keys)
    paths = ",".join(str(run.path) for run in facts.runs)
    return (
        f"python launch/train_child.py --from={shlex.quote(paths)} --top={max(top, 1)}"
        + (f" --cells={human}" if human else "")
        + f" --epochs={train.get('epochs')} --shift={train.get('shift')} "
        f"--seeds={max(standing.count for standing in facts.standings)} --table={shlex.quote(str(trained))}"
    )
