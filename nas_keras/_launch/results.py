"""The results of a search as lines of text: the best cells, what they cost, the Pareto front, and where it all is."""

import math
import os
from collections.abc import Sequence
from typing import Any

from nas_keras.children.caveats import guessing_accuracy, standard_error
from nas_keras.data.images import Images
from nas_keras.results.pareto import pareto
from nas_keras.results.tabular.rows import is_missing
from nas_keras.runner.result import SearchResult
from nas_keras.spaces.architecture_names import kind_of, name_architecture
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import OK, Evaluation, Trial

_NUM_SHOWN = 5


def show_value(evaluation: Evaluation, num_images: int | None = None) -> str:
    """Returns the accuracy in percent, followed by the reward if an objective made another number of it.

    Args:
        evaluation: one that succeeded.
        num_images: number of validation images, to show the standard error of the accuracy; None: without it.
    """
    is_accuracy = math.isnan(evaluation.valid_accuracy) or evaluation.valid_accuracy == evaluation.reward
    accuracy = evaluation.reward if is_accuracy else evaluation.valid_accuracy
    shown = _with_error(accuracy, num_images) if num_images else f"{accuracy:.2%}"
    return shown + ("" if is_accuracy else f" (objective {evaluation.reward:.4g})")


def describe_accuracies(found: Any, images: Images) -> str:
    """Returns the accuracies of a trained child with their standard errors, and that of guessing, as two sentences.

    Args:
        found: its `valid_accuracy`, `test_accuracy` (None or NaN without a test split) and `num_params`.
        images: the images on which it was measured.
    """
    tested = found.test_accuracy is not None and not math.isnan(found.test_accuracy)
    labels = images.test()[1] if tested else images.valid_labels
    test = f"test {_with_error(found.test_accuracy, len(labels))}" if tested else "no test split"
    return (
        f"validation {_with_error(found.valid_accuracy, len(images.valid_labels))}, {test} ({found.num_params:,} "
        f"parameters). Guessing gets {guessing_accuracy(labels, images.num_classes):.2%} right."
    )


def describe_end(
    space: SearchSpace, result: SearchResult, objective: str, images: Images | None, *, max_minutes: float | None
) -> list[str]:
    """Returns the lines about a search that has ended: how much it did, why it ended, and its best cells.

    Args:
        space: the space that was searched.
        result: what the search found.
        objective: what was maximized, as text.
        images: the images of its children; None if they are not known.
        max_minutes: the time limit of the command, if it has one.
    """
    repeats = sum(trial.cached for trial in result.trials)
    line = (
        f"{result.num_evaluations} of {space.size:,} {kind_of(space)} evaluated; {repeats} of {len(result.trials)} "
        f"proposals were repeats, at no cost. Stopped by: {result.stopped}."
    )
    if not result.top(1) and result.stopped == "max_seconds":
        return [line, f"No child was finished within --max_minutes={max_minutes:g}. Give it more, or smaller children."]
    num_images = None if images is None else len(images.valid_labels)
    return [line, *describe_best(space, result, objective, num_images)]


def describe_places(workdir: str, *, is_exported: bool) -> list[str]:
    """Returns lines that say where the results of a search are.

    Args:
        workdir: the run's folder.
        is_exported: whether it holds the exported best child.
    """
    lines = [f"The run:       {workdir} (dataset/ holds every trial; WORKSPACE.md describes the folder)"]
    if is_exported:
        lines.append(f"The network:   {os.path.join(workdir, 'best', 'saved_model')}")
    return [*lines, f"Curves:        tensorboard --logdir={os.path.join(workdir, 'tensorboard')}"]


def describe_best(space: SearchSpace, result: Any, objective: str, num_images: int | None = None) -> list[str]:
    """Returns lines about refused cells, the best cells and the Pareto front of a search.

    Args:
        space: the space that was searched.
        result: an `nk.SearchResult`.
        objective: what was maximized, as text.
        num_images: number of validation images, from which the standard error of an accuracy follows; None: unknown.
    """
    trials = [*result.trials, *result.pending]
    refused = {trial.key for trial in trials if trial.evaluation.refused}
    lines = [f"Over the limits and not trained: {len(refused):,} {kind_of(space)}."] if refused else []
    best = result.top(_NUM_SHOWN)
    if not best:
        return [*lines, *_why_none(space, trials)]
    by = "validation accuracy" if objective == "accuracy" else objective
    how = f" (± standard error on {num_images:,} images)" if num_images else ""
    lines.append(f"Best {kind_of(space)} by {by}{how}:")
    lines += [
        f"  {show_value(trial.evaluation, num_images)}  {_size(trial.evaluation)}"
        f"{name_architecture(space, trial.actions)}"
        for trial in best
    ]
    if any(trial.evaluation.num_params for trial in trials if not trial.evaluation.failed):
        sizes = [trial.evaluation.num_params for trial in pareto(trials, "num_params")]
        lines.append(
            f"Pareto front of accuracy against parameters: {len(sizes)} of all {kind_of(space)} evaluated, with "
            f"{sizes[0]:,} to {sizes[-1]:,} parameters."
        )
    return lines


def _why_none(space: SearchSpace, trials: Sequence[Trial]) -> list[str]:
    """Says that no child has a reward, by the first that failed, or else by the smallest that was refused."""
    if not trials:
        return ["No child has a reward."]
    first = min(trials, key=lambda trial: (trial.evaluation.refused, trial.evaluation.num_params))
    which = "smallest that was refused" if first.evaluation.refused else "first that failed"
    return [
        f"No child has a reward. The {which}: {name_architecture(space, first.actions)}, {first.evaluation.status}."
    ]


def trial_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Returns trials as an aligned list, below a line that names the columns.

    Args:
        rows: trials as `nk.load_run(...).to_rows()` gives them.
    """
    table = [["trial", "reward", "accuracy", "parameters", "seconds", "key"]]
    for row in rows:
        notes = [row["key"], "(repeat)" if row["cached"] else "", "" if row["status"] == OK else row["status"]]
        numbers = [_number(row["reward"], ".6g"), _number(row["valid_accuracy"], ".2%")]
        numbers += [f"{row['num_params']:,}" if row["num_params"] else "", _number(row["seconds"], ".1f")]
        table.append([str(row["trial"]), *numbers, " ".join(filter(None, notes))])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([*(text.rjust(width) for text, width in zip(line[:-1], widths, strict=False)), line[-1]])
        for line in table
    ]


def _with_error(accuracy: float, num_images: int) -> str:
    return f"{accuracy:.2%} ± {standard_error(accuracy, num_images):.2%}"


def _number(value: float, form: str) -> str:
    return "" if is_missing(value) else format(value, form)


def _size(evaluation: Evaluation) -> str:
    return f"{evaluation.num_params:>9,} parameters  " if evaluation.num_params else ""
