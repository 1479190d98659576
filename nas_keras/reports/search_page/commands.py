"""The commands that reproduce searches, longer trainings of their best cells, and a table."""

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterable
from typing import Any

from nas_keras import spaces
from nas_keras._tensorflow import NONE
from nas_keras.children.build import ChildConfig
from nas_keras.children.defaults import FOLLOWING
from nas_keras.children.train_config import TrainConfig, flag_name
from nas_keras.data.sources import is_loadable
from nas_keras.reports.search_page.facts import RunFacts
from nas_keras.reports.table_facts import table_command
from nas_keras.results.runs import Run
from nas_keras.runner.settings import TRIALS_PER_EVALUATION
from nas_keras.spaces.cell_names import HUMAN_TITLES
from nas_keras.storage.recipe import BUILD, OPERATIONS
from nas_keras.storage.table import Table
from nas_keras.strategies import NAMES, config_of

_CONFIGS = {"child": ChildConfig, "train": TrainConfig}  # by the part of a recipe


def all_commands(facts: RunFacts, trained: pathlib.Path | None, table: pathlib.Path | None) -> list[str]:
    """The commands that make the figures of a page anew; a comment in place of one that there is not."""
    commands = [search_command(run) for run in facts.runs]
    if trained and facts.trained:
        commands.append(_train_command(facts, facts.trained, trained))
    if table and facts.table and (fill := table_command(facts.table, pathlib.Path(_place(table)))):
        taken = ",".join(_place(run.path) for run in facts.runs)
        if facts.human:
            commands.append(f"{fill} --cells={_names(facts.human.values())}")
        commands.append(f"{fill} --take_from={shlex.quote(taken)}")
    return commands


def search_command(run: Run) -> str:
    """The command that repeats a search, or a comment that says why there is none.

    The command contains everything that differs from a default of `launch/search.py`, so that it writes the same
    `config.json`.
    """
    reason = _made_in_python(run)
    if reason:
        return f"# No command repeats {_place(run.path)}: {reason}."
    fixed, recipe, source, budget = run.fixed, run.fixed["recipe"], run.config["source"], run.config["budget"]
    defaults = dataclasses.asdict(config_of(run.strategy, {}))
    settings = {name: value for name, value in fixed["strategy"]["config"].items() if defaults[name] != value}
    flags: dict[str, Any] = {**_space_flags(run), "strategy": run.strategy}
    if "table" in source:
        flags |= {"reward": "table", "table": _place(source["table"]), "missing": "train" if _trains(run) else None}
    else:
        flags |= _config_flags(recipe, is_mnist=_follows_mnist(source))
        flags["distribute"] = _unless(recipe.get("distribute", NONE), NONE)
    if is_loadable(source):
        flags |= _image_flags(source)
    flags |= {
        "objective": run.objective,
        **(fixed.get("limits") or {}),
        "max_evaluations": budget["max_evaluations"],
        "max_trials": _unless(budget.get("max_trials"), TRIALS_PER_EVALUATION * budget["max_evaluations"]),
        "batch_size": fixed["batch_size"],
        "strategy_config": ",".join(f"{name}={value}" for name, value in settings.items()) or None,
        "lag": fixed["lag"],
        "seed": fixed["seed"],
        "final_epochs": 0,
        "workdir": _place(run.path),
    }
    given = [shlex.quote(f"--{name}={value}") for name, value in flags.items() if value is not None]
    return " ".join(["python launch/search.py", *given])


def _program(run: Run) -> dict[str, Any]:
    """The user's files that a run imported, and the names of its space and function in them; {} if it had none."""
    program = run.config.get("program")
    return program if isinstance(program, dict) and isinstance(program.get("files"), list) else {}


def _space_flags(run: Run) -> dict[str, Any]:
    program, name = _program(run), re.fullmatch(r"(small|large)(\d*)", run.space.name)
    files = ",".join(map(_place, program.get("files", []))) or None
    if name and _is_built_in(run):
        return {"import": files, "space": name[1], "num_nodes": name[2] or None, "build": program.get("build")}
    return {"import": files, "space": program["space"], "build": program.get("build")}


def _is_built_in(run: Run) -> bool:
    name = run.space.name
    return bool(re.fullmatch(r"small|large\d+", name)) and spaces.by_name(name).fingerprint == run.space.fingerprint


def _made_in_python(run: Run) -> str | None:
    """The reason why the flags of `launch/search.py` cannot express a search; None if they can."""
    fixed, source, program = run.fixed, run.config.get("source"), _program(run)
    if not isinstance(source, dict) or not (is_loadable(source) or "table" in source):
        return "it was made in Python, on arrays or with a function of its own, which no flag can name"
    if not program.get("space") and not _is_built_in(run):
        return "there is no flag for its space"
    if run.strategy not in NAMES:
        return f"{run.strategy} is not the name of a strategy"
    if not set(fixed["strategy"]["config"]) <= set(dataclasses.asdict(config_of(run.strategy, {}))):
        return "this version has other settings of its strategy"
    if run.objective and not run.objective.startswith("accuracy*("):
        return "its objective is a function"
    if fixed.get("warm_start"):
        return "it had a warm start, whose folder its configuration does not name"
    if "folder" in source and source.get("name") != pathlib.Path(source["folder"]).name:
        return "there is no flag for the name of its images"
    if "table" in source:
        return (
            None if not _trains(run) or is_loadable(source) else "children that its table lacked were trained on arrays"
        )
    return _without_flag(fixed["recipe"], program)


def _without_flag(recipe: dict[str, Any], program: dict[str, Any]) -> str | None:
    """The reason why no flags give a recipe of trained children; None if they do."""
    if (BUILD in recipe and not program.get("build")) or (OPERATIONS in recipe and not program):
        return "the file with its code is not recorded"
    if not set(recipe) <= {"data", "child", "train", "distribute", BUILD, OPERATIONS}:
        return "there is no flag for some parts of its recipe"
    for part, config in _CONFIGS.items():
        usual = dataclasses.asdict(config())
        # A flag turns 1 into 1.0 where the setting is a fraction, and that is another recipe.
        values = recipe.get(part, {}).items()
        others = [n for n, value in values if n not in usual or type(value) is not type(usual[n])]
        if others:
            return f"there is no flag for {', '.join(others)} of its recipe's {part}"
    return None


def _config_flags(recipe: dict[str, Any], *, is_mnist: bool) -> dict[str, Any]:
    """The flags of child and training: what differs from the defaults, or what would follow from other images."""
    found = {}
    for part, config in _CONFIGS.items():
        for field in dataclasses.fields(config) if part in recipe else ():
            value = recipe[part].get(field.name, field.default)
            is_needed = field.name == "epochs" or (field.name in FOLLOWING and not is_mnist)
            found[flag_name(field)] = value if is_needed else _unless(value, field.default)
    return found


def _follows_mnist(source: dict[str, Any]) -> bool:
    """Whether the defaults that follow from the images are those of MNIST, which are the dataclasses' own."""
    return source.get("dataset") == "mnist" and not source.get("image_size")


def _trains(run: Run) -> bool:
    """Returns whether the search trained children, possibly only those that a table lacked."""
    return bool(run.config.get("environment"))


def _image_flags(source: dict[str, Any]) -> dict[str, Any]:
    size = source.get("image_size")
    image_size = ",".join(map(str, size)) if size else None
    if "folder" in source:
        splits = {"valid": 0.1, "test": 0.1, "seed": 0}  # flag or key of the source -> default of the flag
        drawn = {name: _unless(source.get(name), default) for name, default in splits.items()}
        return {
            "images": _place(source["folder"]),
            "image_size": image_size,
            "valid": drawn["valid"],
            "test": drawn["test"],
            "split_seed": drawn["seed"],
        }
    if "prepared" in source:
        return {"dataset": source["prepared"], "image_size": image_size}
    dataset, folder = source["dataset"], source.get("data_dir")
    if dataset == "mnist" and folder and pathlib.Path(folder).name == "testdata":  # the copy in this repository
        dataset = folder = None
    elif "version" in source:
        dataset = f"{dataset}:{source['version']}"
    return {"dataset": dataset, "data_dir": folder, "image_size": image_size}


def _place(path: str | pathlib.Path) -> str:
    """A path as a person would type it: relative if it lies below the current folder."""
    path, here = pathlib.Path(path), pathlib.Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _unless(value: Any, default: Any) -> Any:
    """The value, or None if it is the default, which needs no flag."""
    return None if value == default else value


def _names(titles: Iterable[str]) -> str:
    """The names that flags use for cells that people designed, given their titles."""
    by_title = {title: name for name, title in HUMAN_TITLES.items()}
    return ",".join(by_title[title] for title in titles)


def _train_command(facts: RunFacts, longer: Table, trained: pathlib.Path) -> str:
    """The command that trains these cells longer."""
    train = longer.recipe.get("train", {})
    keys = {standing.key for standing in facts.standings}
    top = 0
    while all(len(best := run.top(top + 1)) > top and best[-1].key in keys for run in facts.runs):
        top += 1
    human = _names(title for key, title in facts.human.items() if key in keys)
    paths = ",".join(_place(run.path) for run in facts.runs)
    source = facts.runs[0].config.get("source")
    recipe = facts.runs[0].fixed["recipe"]
    usual = {field.name: field for field in dataclasses.fields(TrainConfig)}
    before = {name: recipe["train"].get(name, field.default) for name, field in usual.items()}
    after = {name: train.get(name, field.default) for name, field in usual.items()}
    is_named = isinstance(source, dict) and (is_loadable(source) or "table" in source)
    if not is_named or not set(train) <= set(usual):
        return f"# {trained} was made in Python: its searches name no data set, or a setting has no flag."
    others = [name for name in usual if before[name] != after[name] and name not in ("epochs", "shift")]
    return (
        f"python launch/train_child.py --from={shlex.quote(paths)} --top={max(top, 1)}"
        + (f" --cells={human}" if human else "")
        + f" --epochs={train.get('epochs')} --shift={train.get('shift')} "
        + "".join(f"--{flag_name(usual[name])}={after[name]} " for name in others)
        + f"--seeds={max(standing.num_trainings for standing in facts.standings)} "
        f"--table={shlex.quote(_place(trained))}"
    )
