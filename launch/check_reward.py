r"""Checks the reward of a search: does its short training rank cells as a longer training does?

    python launch/check_reward.py --workdir=runs/mnist --longer=runs/mnist_longer --cells=20 --epochs=10

It trains cells that are spread over the rewards of the search for longer, and reports Spearman's rank correlation of
the reward with the accuracy after the longer training, whether the reward can be trusted, and how many epochs would be
enough. The same command continues an interrupted check. With a table of longer trainings as --longer, nothing is
trained:

    python launch/check_reward.py --workdir=testdata/rewards/mnist_large3 --longer=testdata/runs/large3_trained
"""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Iterator

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.flag_checks import check_given, refuse_given
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.progress import show_jobs
from nas_keras._launch.user_code import BuildFlags, ImportFlags
from nas_keras._launch.worker_flags import WorkerFlags
from nas_keras._tensorflow import NONE
from nas_keras.children.named_recipes import train_config_of
from nas_keras.children.network import CellNetwork
from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.evaluators.network_check import network_of
from nas_keras.reports import reward_check
from nas_keras.results.exportable_run import check_exportable
from nas_keras.results.precompute import precompute
from nas_keras.results.runs import Run
from nas_keras.storage.table import is_table
from nas_keras.system.output_files import check_apart
from nas_keras.system.words import counted
from nas_keras.trial import Trial

_IMPORT = ImportFlags()
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the search, or of a table of rewards. Required.")
_LONGER = flags.DEFINE_string(
    "longer",
    None,
    "Folder of the longer trainings, made if it is not there: a table for each number of epochs. Or a table of longer "
    "trainings, as train_child.py makes it: then nothing is trained. Required.",
)
_CELLS = flags.DEFINE_integer("cells", 20, "Cells that are trained longer, spread over the rewards.")
_EPOCHS = flags.DEFINE_integer("epochs", 10, "Epochs of the longest training.")
_MAX_MINUTES = flags.DEFINE_float(
    "max_minutes", None, "Minutes after which no further child is awaited; what is finished is kept. Default: no limit."
)
_IMAGES = ImageFlags(__file__, "where the search had it, or the repository's testdata", folder=True)
_BUILD = BuildFlags(
    "Function of a file of --import that built the children. Default: the one with the code of the run."
)
_WORKERS = WorkerFlags()


class _OutOfTimeError(Exception):
    """The time of --max_minutes is over."""


def main() -> None:
    """Checks the flags, trains what is missing, and prints the agreement."""
    _IMPORT.load()
    longer = _check_flags()
    run = nk.load_run(_WORKDIR.value)
    if is_table(longer):
        refuse_given(
            ("cells", "epochs", "max_minutes"), "is for training, and --longer is a table already. Leave it out."
        )
        _report(run, {0: _accuracies(nk.load_run(longer, space=run.space))})
        return
    if run.is_table:
        raise InvalidValueError(f"--workdir={_WORKDIR.value} is a table, for which --longer must be a table too.")
    first = train_config_of(_trained_recipe(run), run.path).epochs
    check_at_least("epochs", _EPOCHS.value, first + 1)
    cells = reward_check.spread_cells(run.trials, _CELLS.value)
    rungs = [_EPOCHS.value, *reward_check.rungs_between(first, _EPOCHS.value)]
    print(
        f"{len(cells)} cells, trained for {' and '.join(map(str, rungs))} epochs; the search had {first}.", flush=True
    )
    found = _train(run, cells, rungs, longer)
    _report(run, found)


def _check_flags() -> pathlib.Path:
    check_given("workdir", "the folder of the search", "runs/mnist")
    check_given("longer", "the folder of the longer trainings", "runs/mnist_longer")
    check_at_least("cells", _CELLS.value, reward_check.FEWEST)
    check_at_least("epochs", _EPOCHS.value, 2)
    if _MAX_MINUTES.value is not None:
        check_at_least("max_minutes", _MAX_MINUTES.value, 0.01, integer=False)
    _WORKERS.check()
    _IMAGES.check()
    check_apart(folders={"longer": _LONGER.value}, read=[("workdir", _WORKDIR.value)])
    return pathlib.Path(_LONGER.value)


def _trained_recipe(run: Run) -> dict:
    recipe = run.fixed["recipe"]
    check_exportable(recipe)
    return recipe


def _train(run: Run, cells: list[Trial], rungs: list[int], folder: pathlib.Path) -> dict[int, dict[str, float]]:
    """Trains the cells for each number of epochs, the longest first; returns epochs -> key -> accuracy."""
    recipe, found = run.fixed["recipe"], {}
    build = _BUILD.function_of(recipe)
    network, train = network_of(recipe, build, run.path), train_config_of(recipe, run.path)
    images = _IMAGES.images_of_run(run.config)
    check_exportable(recipe, images)
    keys = {trial.key: trial.actions for trial in cells}
    deadline = None if _MAX_MINUTES.value is None else time.monotonic() + 60 * _MAX_MINUTES.value
    for epochs in rungs:
        table = folder / f"epochs_{epochs}"
        evaluator = nk.TrainingEvaluator(
            images,
            child=network.child if isinstance(network, CellNetwork) else None,
            build=build,
            train=dataclasses.replace(train, epochs=epochs),
            workers=_WORKERS.workers,
            distribute=recipe.get("distribute", NONE),
            child_timeout=_WORKERS.child_timeout,
        )
        with evaluator, contextlib.suppress(_OutOfTimeError), _jobs_until(deadline) as on_job:
            precompute(run.space, evaluator, table, seeds=1, keys=keys, on_job=on_job)
        accuracies = _accuracies(nk.load_run(table, space=run.space)) if is_table(table) else {}
        found[epochs] = {key: accuracies[key] for key in keys if key in accuracies}
    return {epochs: values for epochs, values in found.items() if len(values) >= reward_check.FEWEST}


@contextlib.contextmanager
def _jobs_until(deadline: float | None) -> Iterator:
    """Yields the callback of `precompute` that shows its progress and raises once the time is over."""
    with show_jobs() as show:

        def on_job(done, total, job, evaluation):
            show(done, total, job, evaluation)
            if deadline is not None and time.monotonic() > deadline and done < total:
                print(f"The time of --max_minutes is over: {done} of {total} are trained. The same command continues.")
                raise _OutOfTimeError

        yield on_job


def _accuracies(run: Run) -> dict[str, float]:
    """Key -> validation accuracy of what succeeded; of a table the mean over its trainings."""
    return {t.key: t.evaluation.valid_accuracy for t in run.top(len(run.trials))}


def _report(run: Run, found: dict[int, dict[str, float]]) -> None:
    """Prints how the rewards agree with the longer trainings."""
    if not found:
        raise InvalidValueError("Too few longer trainings are finished. Start the same command again.")
    rewards = {trial.key: trial.reward for trial in run.top(len(run.trials))}
    longest = max(found)
    agreed = reward_check.agreement(rewards, found[longest])
    name = f"the accuracy after {counted(longest, 'epoch')}" if longest else "the accuracy after the longer training"
    print(f"Rank correlation (Spearman) of the reward with {name}: {agreed}.")
    print(reward_check.verdict(agreed))
    if len(found) > 1:
        agreements, enough = reward_check.enough_epochs(found)
        for epochs, one in agreements.items():
            print(f"After {counted(epochs, 'epoch')}, with that after {longest}: {one}.")
        said = f"{counted(enough, 'epoch')} would be enough" if enough < longest else "None of these is enough"
        print(f"{said}: enough is a correlation of at least {reward_check.ENOUGH} with {counted(longest, 'epoch')}.")


if __name__ == "__main__":
    script.run(main)
