"""Searches a space of cells, then trains the best child longer, tests it once and exports it.

    python launch/search.py --workdir=runs/mnist --max_evaluations=24

Starting the same command again continues the run.
"""

import dataclasses
import os

from absl import flags

import nas_keras as nk
from nas_keras import strategies
from nas_keras._launch import script
from nas_keras._launch.flags import ImageFlags, SpaceFlags, WorkerFlags, check_given, refuse_given
from nas_keras._launch.progress import SearchProgress, describe_stored, show_time
from nas_keras._tensorflow import DISTRIBUTE
from nas_keras.children.named_recipes import configs_of
from nas_keras.children.train_config import PRECISIONS
from nas_keras.errors import InvalidValueError, check_at_least, check_choice
from nas_keras.results.exportable_run import check_exportable
from nas_keras.results.time_budget import TimeBudget
from nas_keras.runner.search import run_search
from nas_keras.runner.settings import Settings, check_settings
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.output_files import check_apart
from nas_keras.system.paths import check_loadable

_MISSING_WAYS = ("error", "train")

# The space, the strategy and the budget.
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
    "the repository's testdata for mnist, else TFDS' own",
    dataset="TFDS name of a data set of image classification.",
    prepare=True,
)
_EPOCHS = flags.DEFINE_integer("epochs", 1, "Epochs that a child is trained for its reward.")
_FILTERS = flags.DEFINE_integer("filters", 16, "Filters of a child's first stage; doubled in each further one.")
_WORKERS = WorkerFlags("Worker processes; several can share a GPU.")
_PRECISION = flags.DEFINE_string(
    "precision",
    "float32",
    f"Floating-point type of a child: {', '.join(PRECISIONS)}. The mixed ones are for GPUs.",
)
_JIT_COMPILE = flags.DEFINE_boolean("jit_compile", False, "Compile the training step with XLA. For GPUs.")
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
_FINAL_EPOCHS = flags.DEFINE_integer("final_epochs", 10, "Epochs of the best child's final training; 0: no export.")


def main() -> None:
    """Checks the flags, searches, exports the best child, and prints the results."""
    space = _SPACE.space()
    options = _strategy_options()
    child, train, settings = _check_flags(space, options)
    time_budget = _time_budget(train)
    images = _IMAGES.images() if _needs_images() else None
    with _evaluator(images, child, train) as evaluator:
        if _FINAL_EPOCHS.value:
            check_exportable(evaluator.recipe, images)
        evaluator.check(space)
        _print_plan(space, images, time_budget)
        result = _search(space, evaluator, settings, time_budget)
    _print_result(space, result)
    is_exported = _export(space, images, result, time_budget)
    _print_places(is_exported)


def _time_budget(train) -> TimeBudget | None:
    if _MAX_MINUTES.value is None:
        return None
    return TimeBudget(60 * _MAX_MINUTES.value, search_epochs=train.epochs, final_epochs=_FINAL_EPOCHS.value)


def _search(space, evaluator, settings, time_budget: TimeBudget | None):
    progress = SearchProgress(space)
    if time_budget is None:
        return run_search(evaluator, settings, on_batch=progress.on_batch, on_trial=progress.on_trial)

    def on_trial(dataset, trial):
        time_budget.observe(trial)
        progress.on_trial(dataset, trial)

    settings = dataclasses.replace(settings, max_seconds=time_budget.begin_search())
    return run_search(evaluator, settings, on_batch=progress.on_batch, on_trial=on_trial, reserve=time_budget.reserve)


def _export(space, images, result, time_budget: TimeBudget | None) -> bool:
    """Trains the best child longer and exports it, if that is wanted and possible; returns whether it was."""
    if result.best is None or not _FINAL_EPOCHS.value:
        return False
    epochs, workdir = _FINAL_EPOCHS.value, _WORKDIR.value
    if time_budget is not None:
        epochs = time_budget.epochs_that_fit(result.best)
        print(f"\n{time_budget.describe_final(result.best)}")
        if epochs < _FINAL_EPOCHS.value:
            print(f"Without a limit: launch/export_best.py --workdir={workdir} --epochs={_FINAL_EPOCHS.value}")
    if not epochs:
        return False
    print(f"\nTraining the best child for {epochs} epochs ...", flush=True)
    with show_time("training"):
        (exported,) = nk.export_best(workdir, epochs=epochs, images=images, space=space, workers=_WORKERS.workers)
    print(f"{space.decode(result.best.actions)}: {exported.summary}")
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


def _check_flags(space: nk.SearchSpace, options: dict[str, str]) -> tuple[nk.ChildConfig, nk.TrainConfig, Settings]:
    """Refuses what can be refused before an image is read; returns the settings of a child and of the search."""
    check_given("workdir", "the folder of the run", "runs/mnist")
    check_at_least("final_epochs", _FINAL_EPOCHS.value, 0)
    if _MAX_MINUTES.value is not None:
        check_at_least("max_minutes", _MAX_MINUTES.value, 0.01, integer=False)
    if _FINAL_EPOCHS.value:
        nk.TrainConfig(epochs=_FINAL_EPOCHS.value)
    child = nk.ChildConfig(filters=_FILTERS.value)
    train = nk.TrainConfig(epochs=_EPOCHS.value, precision=_PRECISION.value, jit_compile=_JIT_COMPILE.value)
    check_choice("distribute", _DISTRIBUTE.value, DISTRIBUTE)
    check_choice("missing", _MISSING.value, _MISSING_WAYS)
    check_choice("reward", _REWARD.value, ("train", "table"))
    _WORKERS.check()
    _IMAGES.image_size()
    _check_that_flags_agree()
    read = [("table", _TABLE.value), ("warm_start_from", _WARM_START_FROM.value), ("data_dir", _IMAGES.data_dir.value)]
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
    )
    if _FINAL_EPOCHS.value:
        check_loadable("workdir", settings.workspace.root)
    return child, train, settings


def _check_that_flags_agree() -> None:
    """Refuses flags that would be ignored."""
    if _REWARD.value == "train":
        refuse_given(("table", "missing"), "is for --reward=table; leave it out, or ask for the table.")
        return
    refuse_given(
        ("epochs", "filters", "child_timeout", "distribute", "precision", "jit_compile"),
        "is for --reward=train; a table's children were trained already. Leave it out, or train.",
    )
    _table()
    if not _needs_images():
        refuse_given(
            ("dataset", "data_dir", "download", "image_size", "workers"),
            "is for children that are trained, and --reward=table --final_epochs=0 trains none. Leave it out.",
        )


def _needs_images() -> bool:
    return bool("train" in (_REWARD.value, _MISSING.value) or _FINAL_EPOCHS.value)


def _evaluator(images, child, train) -> nk.Evaluator:
    if _REWARD.value == "train":
        return nk.TrainingEvaluator(
            images,
            child=child,
            train=train,
            workers=_WORKERS.workers,
            distribute=_DISTRIBUTE.value,
            child_timeout=_WORKERS.child_timeout,
        )
    table = _table()
    if _MISSING.value == "error":
        return nk.TableEvaluator(table)
    recipe = nk.TableEvaluator(table).recipe
    check_exportable(recipe, images)
    child, train = configs_of(recipe, table)
    otherwise = nk.TrainingEvaluator(
        images,
        child=child,
        train=train,
        workers=_WORKERS.workers,
        distribute=recipe.get("distribute", "none"),
    )
    return nk.TableEvaluator(table, otherwise=otherwise)


def _table() -> str:
    return _TABLE.value or _SPACE.shipped_table(_IMAGES.testdata)


def _print_plan(space, images, time_budget: TimeBudget | None) -> None:
    cells = f"up to {_MAX_EVALUATIONS.value:,} cells of the {space.name} space ({space.size:,} encodings)"
    how = "whose rewards are read from a table"
    if _REWARD.value == "train":
        how = f"each trained for {_EPOCHS.value} epoch(s) on {len(images.train_labels):,} images of {images.name}"
    print(f"Searching with {_STRATEGY.value}, seed {_SEED.value}: {cells}, {how}.", flush=True)
    if time_budget is not None:
        print(time_budget.describe(), flush=True)
    stored = describe_stored(Workspace(_WORKDIR.value))
    if stored:
        print(stored, flush=True)


def _print_result(space, result) -> None:
    repeats = sum(trial.cached for trial in result.trials)
    print(
        f"\n{result.num_evaluations} of {space.size:,} cells evaluated; {repeats} of {len(result.trials)} proposals "
        f"were repeats, at no cost. Stopped by: {result.stopped}."
    )
    if not result.top(1) and result.stopped == "max_seconds":
        print(f"No child was finished within --max_minutes={_MAX_MINUTES.value:g}. Give it more, or smaller children.")
        return
    print("Best cells by validation accuracy:")
    for trial in result.top(5):
        print(f"  {trial.reward:.2%}  {space.decode(trial.actions)}")


def _print_places(is_exported: bool) -> None:
    print(f"\nThe run:       {_WORKDIR.value} (dataset/ holds every trial; WORKSPACE.md describes the folder)")
    if is_exported:
        print(f"The network:   {os.path.join(_WORKDIR.value, 'best', 'saved_model')}")
    print(f"Curves:        tensorboard --logdir={os.path.join(_WORKDIR.value, 'tensorboard')}")


if __name__ == "__main__":
    script.run(main)
