"""Searches a space of cells, or any space of networks, then trains the best child longer, tests it once and exports it.

    python launch/search.py --workdir=runs/mnist --max_evaluations=24

A space and networks of your own come from a file (docs/own_network.md):

    python launch/search.py --import=examples/plain_cnn.py --space=plain_cnn --build=build --workdir=runs/plain

Starting the same command again continues the run.
"""

import dataclasses
import os
import time
from typing import Any

from absl import flags

import nas_keras as nk
from nas_keras import strategies
from nas_keras._launch import script
from nas_keras._launch.config_flags import ConfigFlags
from nas_keras._launch.flags import ImageFlags, SpaceFlags, WorkerFlags, check_given, refuse_given
from nas_keras._launch.progress import SearchProgress, describe_images, describe_stored, show_time
from nas_keras._launch.results import describe_best, describe_goal
from nas_keras._launch.user_code import BuildFlags, ImportFlags
from nas_keras._tensorflow import DISTRIBUTE
from nas_keras.children.defaults import FOLLOWING
from nas_keras.children.named_recipes import configs_of, train_config_of
from nas_keras.errors import InvalidValueError, check_at_least, check_choice
from nas_keras.results.export import already_exported
from nas_keras.results.exportable_run import check_exportable
from nas_keras.results.final_training import final_settings
from nas_keras.results.time_budget import TimeBudget
from nas_keras.runner.search import run_search
from nas_keras.runner.settings import Settings, check_settings
from nas_keras.spaces.architecture_names import kind_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.output_files import check_apart
from nas_keras.system.paths import check_loadable

_MISSING_WAYS = ("error", "train")
_FOLLOWS = "follows from the images, and is printed with the reason; a run that is continued keeps its own"

# The space, the strategy and the budget.
_IMPORT = ImportFlags()
_SPACE = SpaceFlags()
_STRATEGY = flags.DEFINE_string("strategy", "ppo", f"Search strategy: {' or '.join(strategies.NAMES)}.")
_STRATEGY_CONFIG = flags.DEFINE_list(
    "strategy_config", [], "Settings of the strategy, key=value,... such as learning_rate=0.01,entropy=0.2."
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the strategy and, with each key, of the children.")
_MAX_EVALUATIONS = flags.DEFINE_integer("max_evaluations", 200, "Distinct cells to evaluate, failures included.")
_MAX_TRIALS = flags.DEFINE_integer(
    "max_trials", None, "Proposals told to the strategy, repeats included. Default: 20 times --max_evaluations."
)
_MAX_MINUTES = flags.DEFINE_float(
    "max_minutes",
    None,
    "Minutes from the start of this command to its end, the final training and the export included. Default: no limit.",
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Cells proposed at once.")
_LAG = flags.DEFINE_integer(
    "lag",
    None,
    "Batches asked for ahead, to keep workers busy. Default: 0 for a table, 1 for training.",
)

# The goal, and what it may cost.
_OBJECTIVE = flags.DEFINE_string(
    "objective",
    "accuracy",
    "What is maximized: accuracy, or accuracy*(params/20000)^-0.07 with params, flops or latency (in milliseconds).",
)
_MAX_PARAMS = flags.DEFINE_integer(
    "max_params", None, "Parameters of the largest child; a larger one is not trained. Default: no limit."
)
_MAX_FLOPS = flags.DEFINE_float(
    "max_flops", None, "Floating-point operations for one image, a multiply-add is two; the same. Default: no limit."
)
_MAX_LATENCY_MS = flags.DEFINE_float(
    "max_latency_ms", None, "Median milliseconds for one image on this machine; the same. Default: no limit."
)

# The source of rewards.
_REWARD = flags.DEFINE_string("reward", "train", "Where a reward comes from: train (a child) or table.")
_TABLE = flags.DEFINE_string("table", None, "Folder of a table of rewards. Default: the one shipped for the space.")
_MISSING = flags.DEFINE_string(
    "missing",
    "error",
    f"If the table lacks a cell: {' or '.join(_MISSING_WAYS)} (by the table's recipe).",
)
_IMAGES = ImageFlags(
    __file__,
    "the copy of MNIST that comes along, else TFDS' own",
    dataset="TFDS name of a data set of image classification, or the path of a prepared folder.",
    folder=True,
    prepare=True,
)
_CHILD = ConfigFlags(nk.ChildConfig, unset={name: _FOLLOWS for name in ("stages", "stem_stride")})
_TRAIN = ConfigFlags(nk.TrainConfig, unset={name: _FOLLOWS for name in ("epochs", "batch_size")})
_BUILD = BuildFlags(
    "Function build(architecture, input_shape, num_classes) of a file of --import that makes a child's whole network. "
    "Default: none; a child is built around a cell."
)
_WORKERS = WorkerFlags("Worker processes; several can share a GPU.")
_DISTRIBUTE = flags.DEFINE_string(
    "distribute", "none", f"{' or '.join(DISTRIBUTE)}: a child on one device, or spread over all GPUs."
)

# The destination of results.
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run, made if it is not there. Required.")
_WARM_START_FROM = flags.DEFINE_string(
    "warm_start_from",
    None,
    "Folder of a run or table of the same recipe, whose rewards are reused; its space may have other choices.",
)
_FINAL_EPOCHS = flags.DEFINE_integer(
    "final_epochs",
    10,
    "Epochs of the best child's final training; 0: no export. Without the flag, three times --epochs if that is more.",
)


def main() -> None:
    """Checks the flags, searches, exports the best child, and prints the results."""
    began = time.monotonic()
    _IMPORT.load()
    space = _SPACE.space()
    options = _strategy_options()
    settings = _check_flags(space, options)
    images = _IMAGES.images() if _needs_images() else None
    build = _BUILD.function()
    configs = _configs(images, build) if _REWARD.value == "train" else None
    with _evaluator(images, configs, settings, build) as evaluator:
        final_epochs = _final_epochs(evaluator, images)
        evaluator.check(space)
        time_budget = _time_budget(began, evaluator, final_epochs)
        _print_plan(space, images, configs, settings, time_budget)
        result = _search(space, evaluator, settings, time_budget)
    _print_result(space, settings, result, images)
    is_exported = _export(space, images, build, result, final_epochs, time_budget)
    _print_places(is_exported)


def _final_epochs(evaluator, images) -> int:
    """The epochs of the final training, 0 for none; by default those of `nk.export_best`."""
    if not _FINAL_EPOCHS.value:
        return 0
    check_exportable(evaluator.recipe, images)
    if flags.FLAGS["final_epochs"].present:
        return _FINAL_EPOCHS.value
    return final_settings(train_config_of(evaluator.recipe, "the recipe of the rewards"), None).epochs


def _time_budget(began: float, evaluator, final_epochs: int) -> TimeBudget | None:
    """The time limit of this command, which was started at `began`; None if it has none."""
    if _MAX_MINUTES.value is None:
        return None
    seconds = 60 * _MAX_MINUTES.value - (time.monotonic() - began)
    epochs = evaluator.recipe.get("train", {}).get("epochs", 1)
    return TimeBudget(seconds, search_epochs=epochs, final_epochs=final_epochs)


def _search(space, evaluator, settings, time_budget: TimeBudget | None):
    progress = SearchProgress(space)
    if time_budget is None:
        return run_search(evaluator, settings, on_batch=progress.on_batch, on_trial=progress.on_trial)

    def on_trial(dataset, trial):
        time_budget.observe(trial)
        progress.on_trial(dataset, trial)

    settings = dataclasses.replace(settings, max_seconds=time_budget.begin_search())
    return run_search(evaluator, settings, on_batch=progress.on_batch, on_trial=on_trial, reserve=time_budget.reserve)


def _export(space, images, build, result, final_epochs: int, time_budget: TimeBudget | None) -> bool:
    """Trains the best child longer and exports it, if that is wanted and possible; returns whether it was."""
    if result.best is None or not final_epochs:
        return False
    epochs, workdir = final_epochs, _WORKDIR.value
    wanted: dict[str, Any] = {"images": images, "space": space, "build": build}
    exported = already_exported(workdir, epochs=epochs, **wanted)
    if exported:
        print(f"\nThe best child is exported already, trained for {epochs} epochs; nothing is trained.")
    else:
        if time_budget is not None:
            epochs = time_budget.epochs_that_fit(result.best)
            print(f"\n{time_budget.describe_final(result.best)}")
            if epochs < final_epochs:
                print(f"Without a limit: launch/export_best.py --workdir={workdir} --epochs={final_epochs}")
        if not epochs:
            return False
        print(f"\nTraining the best child for {epochs} epochs ...", flush=True)
        with show_time("training"):
            exported = nk.export_best(workdir, epochs=epochs, workers=_WORKERS.workers, **wanted)
    print(f"{exported[0].title}: {exported[0].summary}\n{exported[0].comparison}")
    return True


def _strategy_options() -> dict[str, str]:
    options = {}
    for setting in _STRATEGY_CONFIG.value:
        name, equals, value = setting.partition("=")
        if not equals or name in options:
            raise InvalidValueError(
                f"--strategy_config={setting!r} is not allowed: write key=value,..., each key once."
            )
        options[name] = value
    return options


def _check_flags(space: nk.SearchSpace, options: dict[str, str]) -> Settings:
    """Refuses what can be refused before an image is read; returns the settings of the search."""
    check_given("workdir", "the folder of the run", "runs/mnist")
    check_at_least("final_epochs", _FINAL_EPOCHS.value, 0)
    if _MAX_MINUTES.value is not None:
        check_at_least("max_minutes", _MAX_MINUTES.value, 0.01, integer=False)
    if _FINAL_EPOCHS.value:
        nk.TrainConfig(epochs=_FINAL_EPOCHS.value)
    _CHILD.make()
    _TRAIN.make()
    _limits()
    check_choice("distribute", _DISTRIBUTE.value, DISTRIBUTE)
    check_choice("missing", _MISSING.value, _MISSING_WAYS)
    check_choice("reward", _REWARD.value, ("train", "table"))
    _WORKERS.check()
    _IMAGES.check()
    _check_that_flags_agree()
    read = [("table", _TABLE.value), ("warm_start_from", _WARM_START_FROM.value)]
    read += [("data_dir", _IMAGES.data_dir.value), ("images", _IMAGES.folder_of_images.value)]
    check_apart(folders={"workdir": _WORKDIR.value}, read=read)
    settings = check_settings(
        space,
        strategy=_STRATEGY.value,
        strategy_config=options,
        max_evaluations=_MAX_EVALUATIONS.value,
        max_trials=_MAX_TRIALS.value,
        max_seconds=None,
        batch_size=_BATCH_SIZE.value,
        lag=_LAG.value,
        seed=_SEED.value,
        workdir=_WORKDIR.value,
        warm_start_from=_WARM_START_FROM.value,
        objective=_OBJECTIVE.value,
    )
    if _FINAL_EPOCHS.value:
        check_loadable("workdir", settings.workspace.root)
    return settings


def _check_that_flags_agree() -> None:
    """Refuses flags that would be ignored."""
    if _REWARD.value == "train":
        refuse_given(("table", "missing"), "is for --reward=table; leave it out, or ask for the table.")
        if _BUILD.function():
            refuse_given(_CHILD.names, "is for children around cells; --build makes the whole network. Leave it out.")
        return
    refuse_given(
        (*_TRAIN.names, *_CHILD.names, "build", "child_timeout", "distribute"),
        "is for --reward=train; a table's children were trained already. Leave it out, or train.",
    )
    _table()
    if not _needs_images():
        refuse_given(
            ("dataset", "data_dir", "images", "download", "image_size", "valid", "test", "split_seed", "memory_limit")
            + ("workers",),
            "is for children that are trained, and --reward=table --final_epochs=0 trains none. Leave it out.",
        )


def _needs_images() -> bool:
    return bool("train" in (_REWARD.value, _MISSING.value) or _FINAL_EPOCHS.value)


def _configs(images, build) -> nk.SuggestedConfigs:
    """The settings of child and training: the flags, and what follows from the images for those that are not given."""
    given, stored, workspace = {**_CHILD.given(), **_TRAIN.given()}, {}, Workspace(_WORKDIR.value)
    recipe = ((workspace.read_config() or {}).get("fixed") or {}).get("recipe")
    if isinstance(recipe, dict) and "train" in recipe:  # else the search refuses to continue the run
        stored = dataclasses.asdict(train_config_of(recipe, workspace.config))
        if "child" in recipe:
            stored |= dataclasses.asdict(configs_of(recipe, workspace.config)[0])
    kept = {name: value for name, value in stored.items() if name in FOLLOWING and name not in given}
    suggested = nk.suggest_configs(images, **{**_CHILD.values(), **_TRAIN.values(), **kept})
    reasons = {name: "the run was begun with it" for name in kept}
    reasons = {**suggested.reasons, **reasons}
    if build:  # makes the whole network
        reasons = {name: reason for name, reason in reasons.items() if hasattr(suggested.train, name)}
    return suggested._replace(reasons=reasons)


def _limits() -> nk.Limits:
    return nk.Limits(max_params=_MAX_PARAMS.value, max_flops=_MAX_FLOPS.value, max_latency_ms=_MAX_LATENCY_MS.value)


def _evaluator(images, configs: nk.SuggestedConfigs | None, settings: Settings, build) -> nk.Evaluator:
    limits, measure_latency = _limits(), "latency_ms" in settings.objective.costs
    if configs is not None:
        return nk.TrainingEvaluator(
            images,
            child=None if build else configs.child,
            build=build,
            train=configs.train,
            workers=_WORKERS.workers,
            distribute=_DISTRIBUTE.value,
            child_timeout=_WORKERS.child_timeout,
            limits=limits,
            measure_latency=measure_latency,
        )
    table = _table()
    if _MISSING.value == "error":
        return nk.TableEvaluator(table, limits=limits)
    recipe = nk.TableEvaluator(table).recipe
    check_exportable(recipe, images)
    child, train = configs_of(recipe, table)
    otherwise = nk.TrainingEvaluator(
        images,
        child=child,
        train=train,
        workers=_WORKERS.workers,
        distribute=recipe.get("distribute", "none"),
        limits=limits,
        measure_latency=measure_latency,
    )
    return nk.TableEvaluator(table, otherwise=otherwise, limits=limits)


def _table() -> str:
    return _TABLE.value or _SPACE.shipped_table(_IMAGES.testdata)


def _print_plan(
    space, images, configs: nk.SuggestedConfigs | None, settings: Settings, time_budget: TimeBudget | None
) -> None:
    cells = f"up to {_MAX_EVALUATIONS.value:,} {kind_of(space)} of the {space.name} space ({space.size:,} encodings)"
    how = "whose rewards are read from a table"
    if configs is not None:
        how = f"each trained for {configs.train.epochs} epoch(s)"
        how += f" on {len(images.train_labels):,} images of {images.name}"
    print(f"Searching with {_STRATEGY.value}, seed {_SEED.value}: {cells}, {how}.", flush=True)
    if configs is not None and configs.reasons:
        print("Settings that no flag gives:")
        values = {**dataclasses.asdict(configs.child), **dataclasses.asdict(configs.train)}
        for name, reason in configs.reasons.items():
            print(f"  {_CHILD.name(name) or _TRAIN.name(name)}={values[name]}: {reason}", flush=True)
    for line in describe_goal(settings.objective.text, _limits()):
        print(line, flush=True)
    if time_budget is not None:
        print(time_budget.describe(), flush=True)
    if images is not None:
        print(describe_images(images), flush=True)
    stored = describe_stored(Workspace(_WORKDIR.value))
    if stored:
        print(stored, flush=True)


def _print_result(space, settings: Settings, result, images) -> None:
    repeats = sum(trial.cached for trial in result.trials)
    print(
        f"\n{result.num_evaluations} of {space.size:,} {kind_of(space)} evaluated; {repeats} of {len(result.trials)} "
        f"proposals were repeats, at no cost. Stopped by: {result.stopped}."
    )
    if not result.top(1) and result.stopped == "max_seconds":
        print(f"No child was finished within --max_minutes={_MAX_MINUTES.value:g}. Give it more, or smaller children.")
        return
    num_images = None if images is None else len(images.valid_labels)
    for line in describe_best(space, result, settings.objective.text, num_images):
        print(line)


def _print_places(is_exported: bool) -> None:
    print(f"\nThe run:       {_WORKDIR.value} (dataset/ holds every trial; WORKSPACE.md describes the folder)")
    if is_exported:
        print(f"The network:   {os.path.join(_WORKDIR.value, 'best', 'saved_model')}")
    print(f"Curves:        tensorboard --logdir={os.path.join(_WORKDIR.value, 'tensorboard')}")


if __name__ == "__main__":
    script.run(main)
