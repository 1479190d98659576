"""The command that repeats a search: what its configuration says, as flags of `launch/search.py`."""

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Mapping
from typing import Any

from nas_keras import spaces
from nas_keras._tensorflow import NONE
from nas_keras.children.build import ChildConfig
from nas_keras.children.defaults import FOLLOWING
from nas_keras.children.train_config import TrainConfig, flag_name
from nas_keras.data.sources import is_loadable
from nas_keras.results.runs import Run
from nas_keras.runner.settings import TRIALS_PER_EVALUATION
from nas_keras.storage.recipe import BUILD, OPERATIONS
from nas_keras.strategies import NAMES, config_of

_CONFIGS = {"child": ChildConfig, "train": TrainConfig}  # by the part of a recipe
_PARTS = {"data", "distribute", *_CONFIGS, BUILD, OPERATIONS}  # of a recipe that flags can give
_SPLITS = {"valid": 0.1, "test": 0.1, "split_seed": 0}  # flags of a folder of images, with their defaults


class _NoFlagError(Exception):
    """What no flag can say, as a sentence about the search."""


def search_command(run: Run) -> str:
    """The command that repeats a search, or a comment that says why there is none.

    The command contains everything that differs from a default of `launch/search.py`, so that it writes the same
    `config.json`.
    """
    fixed, source, budget = run.fixed, run.config.get("source"), run.config["budget"]
    try:
        if not is_loadable(source) and "table" not in (source or {}):
            raise _NoFlagError("it was made in Python, on arrays or with a function of its own, which no flag can name")
        flags = {
            **_space_flags(run),
            **_reward_flags(run),
            **_goal_flags(run),
            "max_evaluations": budget["max_evaluations"],
            "max_trials": _unless(budget.get("max_trials"), TRIALS_PER_EVALUATION * budget["max_evaluations"]),
            **_strategy_flags(run),
            **{name: fixed[name] for name in ("batch_size", "lag", "seed")},
            "final_epochs": 0,
            "workdir": _place(run.path),
        }
    except _NoFlagError as reason:
        return f"# No command repeats {_place(run.path)}: {reason}."
    given = [shlex.quote(f"--{name}={value}") for name, value in flags.items() if value is not None]
    return " ".join(["python launch/search.py", *given])


def _space_flags(run: Run) -> dict[str, Any]:
    """The space, and the user's files that define it."""
    program, space = _program(run), run.space
    flags = {"import": ",".join(map(_place, program.get("files", []))) or None, "space": program.get("space")}
    name = re.fullmatch(r"(small|large)(\d*)", space.name)
    if name and spaces.by_name(space.name).fingerprint == space.fingerprint:
        flags |= {"space": name[1], "num_nodes": name[2] or None}
    elif not flags["space"]:
        raise _NoFlagError("there is no flag for its space")
    return {**flags, "build": program.get("build")}


def _program(run: Run) -> dict[str, Any]:
    """The user's files that a run imported, and the names of its space and function in them; {} if it had none."""
    program = run.config.get("program")
    return program if isinstance(program, dict) and isinstance(program.get("files"), list) else {}


def _reward_flags(run: Run) -> dict[str, Any]:
    """Where rewards come from: a table, or trained children and their settings; and the images."""
    source = run.config["source"]
    if "table" not in source:
        return {**_recipe_flags(run.fixed["recipe"], source, _program(run)), **_image_flags(source)}
    flags = {"reward": "table", "table": _place(source["table"])}
    if not run.config.get("environment"):  # nothing was trained
        return flags | (_image_flags(source) if is_loadable(source) else {})
    if not is_loadable(source):
        raise _NoFlagError("children that its table lacked were trained on arrays")
    return {**flags, "missing": "train", **_image_flags(source)}


def _recipe_flags(recipe: dict[str, Any], source: dict[str, Any], program: dict[str, Any]) -> dict[str, Any]:
    """The settings of children and their training that are not the default, or would follow from other images."""
    if (BUILD in recipe and not program.get("build")) or (OPERATIONS in recipe and not program):
        raise _NoFlagError("the file with its code is not recorded")
    if not set(recipe) <= _PARTS:
        raise _NoFlagError("there is no flag for some parts of its recipe")
    # The defaults that follow from the images are the dataclasses' own for MNIST only.
    is_mnist = source.get("dataset") == "mnist" and not source.get("image_size")
    always = ("epochs",) if is_mnist else FOLLOWING
    flags = {}
    for part, config in _CONFIGS.items():
        usual, values = dataclasses.asdict(config()), recipe.get(part, {})
        # A flag turns 1 into 1.0 where the setting is a fraction, and that is another recipe.
        if others := [n for n, value in values.items() if n not in usual or type(value) is not type(usual[n])]:
            raise _NoFlagError(f"there is no flag for {', '.join(others)} of its recipe's {part}")
        for field in dataclasses.fields(config) if part in recipe else ():
            value = values.get(field.name, field.default)
            flags[flag_name(field)] = value if field.name in always else _unless(value, field.default)
    return {**flags, "distribute": _unless(recipe.get("distribute", NONE), NONE)}


def _image_flags(source: Mapping[str, Any]) -> dict[str, Any]:
    size = source.get("image_size")
    image_size = {"image_size": ",".join(map(str, size)) if size else None}
    if "folder" in source:
        if source.get("name") != pathlib.Path(source["folder"]).name:
            raise _NoFlagError("there is no flag for the name of its images")
        drawn = {flag: _unless(source.get(flag.removeprefix("split_")), usual) for flag, usual in _SPLITS.items()}
        return {"images": _place(source["folder"]), **image_size, **drawn}
    if "prepared" in source:
        return {"dataset": source["prepared"], **image_size}
    dataset, folder = source["dataset"], source.get("data_dir")
    if dataset == "mnist" and folder and pathlib.Path(folder).name == "testdata":  # the copy in this repository
        return image_size
    dataset += f":{source['version']}" if "version" in source else ""
    return {"dataset": dataset, "data_dir": folder, **image_size}


def _goal_flags(run: Run) -> dict[str, Any]:
    if run.objective and not run.objective.startswith("accuracy*("):
        raise _NoFlagError("its objective is a function")
    return {"objective": run.objective, **(run.fixed.get("limits") or {})}


def _strategy_flags(run: Run) -> dict[str, Any]:
    if run.strategy not in NAMES:
        raise _NoFlagError(f"{run.strategy} is not the name of a strategy")
    if run.fixed.get("warm_start"):
        raise _NoFlagError("it had a warm start, whose folder its configuration does not name")
    usual, config = dataclasses.asdict(config_of(run.strategy, {})), run.fixed["strategy"]["config"]
    if not set(config) <= set(usual):
        raise _NoFlagError("this version has other settings of its strategy")
    settings = [f"{name}={value}" for name, value in config.items() if usual[name] != value]
    return {"strategy": run.strategy, "strategy_config": ",".join(settings) or None}


def _place(path: str | pathlib.Path) -> str:
    """A path as a person would type it: relative if it lies below the current folder."""
    path, here = pathlib.Path(path), pathlib.Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _unless(value: Any, default: Any) -> Any:
    """The value, or None if it is the default, which needs no flag."""
    return None if value == default else value
