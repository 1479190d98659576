"""Searches a space of cells, or any space of networks, then trains the best child longer, tests it once and exports it.

    python launch/search.py --workdir=runs/mnist --max_evaluations=24

A space and networks of your own come from a file (docs/own_network.md):

    python launch/search.py --import=examples/plain_cnn.py --space=plain_cnn --build=build --workdir=runs/plain

Starting the same command again continues the run.
"""

import dataclasses
import threading
import time
from typing import Any

from absl import flags

import nas_keras as nk
from nas_keras._launch import plan, results, script
from nas_keras._launch.final_flags import FinalFlags
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.reward_flags import RewardFlags
from nas_keras._launch.search_flags import SearchFlags
from nas_keras._launch.space_flags import SpaceFlags
from nas_keras._launch.user_code import ImportFlags
from nas_keras.results.export import already_exported
from nas_keras.results.time_budget import TimeBudget
from nas_keras.runner.search import run_search
from nas_keras.runner.settings import Settings
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.paths import check_loadable
from nas_keras.system.words import counted

_IMPORT = ImportFlags()
_SPACE = SpaceFlags()
_SEARCH = SearchFlags()
_IMAGES = ImageFlags(
    __file__,
    "the copy of MNIST that comes along, else TFDS' own",
    dataset="TFDS name of a data set of image classification, or the path of a prepared folder.",
    folder=True,
    prepare=True,
)
_REWARD = RewardFlags(_SPACE, _IMAGES)
_FINAL = FinalFlags()
_EXPORTING = threading.Event()  # for what an interrupt says
_QUIET = flags.DEFINE_boolean("quiet", False, "Show no progress while children are trained.")


def main() -> None:
    """Checks the flags, searches, exports the best child, and prints the results."""
    began = time.monotonic()
    _IMPORT.load()
    settings = _check_flags()
    images = _IMAGES.images() if _REWARD.may_train or _FINAL.exports else None
    configs = _REWARD.configs(images, Workspace(_SEARCH.workdir))
    needs_latency = "latency_ms" in settings.objective.costs
    with _REWARD.evaluator(images, configs, _SEARCH.limits(), measure_latency=needs_latency) as evaluator:
        build = _REWARD.build(evaluator.recipe) if _FINAL.exports else None
        final_epochs = _FINAL.epochs(evaluator, images, build)
        evaluator.check(settings.space)
        time_budget = _FINAL.time_budget(began, evaluator, images, build)
        _print_plan(settings, images, configs, time_budget)
        result = _search(evaluator, settings, time_budget)
    max_minutes = _FINAL.max_minutes
    end = results.describe_end(settings.space, result, settings.objective.text, images, max_minutes=max_minutes)
    print("", *end, sep="\n")
    is_exported = False
    if result.best and final_epochs:
        wanted = {"images": images, "space": settings.space, "build": build, **_FINAL.arguments}
        is_exported = _export(wanted, result, final_epochs, time_budget)
    print("", *results.describe_places(_SEARCH.workdir, is_exported=is_exported), sep="\n")


def _check_flags() -> Settings:
    """Refuses what can be refused before an image is read; returns the settings of the search."""
    space = _SPACE.space()
    _SEARCH.check()
    _FINAL.check()
    _REWARD.check(exports=_FINAL.exports)
    settings = _SEARCH.settings(space, read=_REWARD.read())
    if _FINAL.exports:
        check_loadable("workdir", settings.workspace.root)
    return settings


def _print_plan(
    settings: Settings,
    images: nk.Images | None,
    configs: nk.SuggestedConfigs | None,
    time_budget: TimeBudget | None,
) -> None:
    epochs = None if configs is None else configs.train.epochs
    lines = [plan.describe_search(settings, images, epochs)]
    lines += [] if configs is None else _REWARD.describe(configs)
    lines += plan.describe_goal(settings.objective.text, _SEARCH.limits())
    lines += plan.describe_circumstances(settings.workspace, images, time_budget)
    print(*lines, sep="\n", flush=True)


def _search(evaluator: nk.Evaluator, settings: Settings, time_budget: TimeBudget | None) -> nk.SearchResult:
    progress = not _QUIET.value
    if time_budget is None:
        return run_search(evaluator, settings, progress=progress)
    settings = dataclasses.replace(settings, max_seconds=time_budget.begin_search())
    return run_search(
        evaluator,
        settings,
        on_trial=lambda _, trial: time_budget.observe(trial),
        reserve=time_budget.reserve,
        progress=progress,
    )


def _export(wanted: dict[str, Any], result, final_epochs: int, time_budget: TimeBudget | None) -> bool:
    """Trains the best child longer and exports it, if the time allows it; returns whether it is exported."""
    epochs, workdir = final_epochs, _SEARCH.workdir
    exported = already_exported(workdir, epochs=epochs, **wanted)
    if exported:
        print(f"\nThe best child is exported already, trained for {counted(epochs, 'epoch')}; nothing is trained.")
    else:
        if time_budget is not None:
            epochs = time_budget.epochs_that_fit(result.best)
            print(f"\n{time_budget.describe_final(result.best)}")
            if epochs < final_epochs:
                command = f"launch/export_best.py --workdir={workdir} --epochs={final_epochs}{_FINAL.text}"
                print(f"Without a limit: {command}")
        if not epochs:
            return False
        print(f"\nTraining the best child for {counted(epochs, 'epoch')} ...", flush=True)
        progress = not _QUIET.value
        _EXPORTING.set()
        exported = nk.export_best(workdir, epochs=epochs, workers=_REWARD.workers, progress=progress, **wanted)
    print(f"{exported[0].title}: {exported[0].summary}\n{exported[0].comparison}")
    return True


if __name__ == "__main__":
    script.run(main, interrupted=lambda: script.TRAINING_CONTINUES if _EXPORTING.is_set() else script.CONTINUES)
