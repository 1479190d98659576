r"""Trains named cells longer, each with several seeds, and tests each once: the best of searches, and those of people.

    python launch/train_child.py --from=runs/large3_ppo,runs/large3_random --top=5 --cells=vgg,inception,resnet \
        --table=runs/large3_trained

The results are a table (WORKSPACE.md) of the longer training. The same command continues an interrupted
training, and adds cells that are new.
"""

import dataclasses
import os
import pathlib

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.progress import show_jobs
from nas_keras._tensorflow import NONE
from nas_keras.children.named_recipes import configs_of
from nas_keras.data.tfds import load_source
from nas_keras.errors import InvalidValueError, check_at_least, check_child_timeout, check_choice, check_workers
from nas_keras.reports.markdown import percent
from nas_keras.reports.standings import choose, names, places, standings
from nas_keras.results.exportable_run import check_exportable
from nas_keras.results.precompute import precompute
from nas_keras.results.runs import Run, read_runs
from nas_keras.spaces.cell_names import find_cells, name_human_cells
from nas_keras.storage.table import check_place, read_table
from nas_keras.system.output_files import check_apart
from nas_keras.system.paths import local_path

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_FROM = flags.DEFINE_list("from", [], "Folders of searches of one space and recipe, whose best cells are trained.")
_TOP = flags.DEFINE_integer("top", 5, "Number of cells taken from each search, those with the highest rewards.")
_CELLS = flags.DEFINE_list(
    "cells", [], "More cells: keys of the space, or vgg, inception, resnet; comma-separated. Default: none."
)
_SPACE = flags.DEFINE_string("space", "large", "The space of --cells without --from: small or large.")
_NUM_NODES = flags.DEFINE_integer("num_nodes", 3, "Nodes of a cell of the large space, 1 to 8.")
_TABLE = flags.DEFINE_string("table", None, "Folder of the results, made if it is not there. Required.")
_EPOCHS = flags.DEFINE_integer("epochs", 10, "Epochs of each training.")
_SHIFT = flags.DEFINE_integer("shift", 1, "Largest random shift of a training image in each direction, in pixels.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "Trainings of each cell, with the seeds of searches with --seed=0, 1, ...")
_DATASET = flags.DEFINE_string("dataset", "mnist", "TFDS name of the data set without --from, which has its own.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of prepared data sets. Default: where the search had it, or the repository's testdata."
)
_WORKERS = flags.DEFINE_integer("workers", None, "Worker processes. Default: one per GPU, else one per core.")
_CHILD_TIMEOUT = flags.DEFINE_float("child_timeout", None, "Seconds after which a child fails. Default: no limit.")


def main() -> None:
    """Checks the flags, trains what is not there yet, and prints all that stands in the table."""
    if not _TABLE.value:
        raise InvalidValueError("--table is missing: name the folder of the results, such as --table=runs/trained.")
    if not _FROM.value and not _CELLS.value:
        raise InvalidValueError("Nothing to train: name searches by --from=runs/one, or cells by --cells=vgg,resnet.")
    table = local_path("table", _TABLE.value)
    check_apart(folders={"table": table}, read=(("from", run) for run in _FROM.value))
    check_place(table)
    check_at_least("top", _TOP.value, 1)
    check_at_least("seeds", _SEEDS.value, 1, at_most=100)
    longer = {"epochs": _EPOCHS.value, "shift": _SHIFT.value}
    nk.TrainConfig(**longer)  # what is wrong with them is said before anything is read
    check_workers(_WORKERS.value)
    check_child_timeout(_CHILD_TIMEOUT.value)
    _check_that_flags_agree()
    runs = read_runs(_FROM.value)
    space = runs[0].space if runs else _space()
    keys = choose(runs, _TOP.value, find_cells(space, _CELLS.value))
    if not keys:
        raise InvalidValueError(f"No child of {', '.join(_FROM.value)} succeeded: there is none to train longer.")
    child, train, distribute = nk.ChildConfig(), nk.TrainConfig(), NONE
    if runs:
        recipe = runs[0].fixed["recipe"]
        check_exportable(recipe)
        child, train = configs_of(recipe, runs[0].path)
        distribute = recipe.get("distribute", NONE)
    images = _load_images(runs)
    if runs:
        check_exportable(recipe, images)
    evaluator = nk.TrainingEvaluator(
        images,
        child=child,
        train=dataclasses.replace(train, **longer),
        workers=_WORKERS.value,
        distribute=distribute,
        child_timeout=_CHILD_TIMEOUT.value,
        measure_test=True,
    )
    with evaluator, show_jobs() as on_job:
        precompute(space, evaluator, table, seeds=_SEEDS.value, keys=keys, on_job=on_job)
    _print_standings(space, runs, table)


def _check_that_flags_agree() -> None:
    given, other = (("space", "num_nodes", "dataset"), "from") if _FROM.value else (("top",), "cells")
    for name in given:
        if flags.FLAGS[name].present:
            why = "the searches determine it" if _FROM.value else "it is for the searches of --from"
            raise InvalidValueError(f"--{name}={flags.FLAGS[name].value} beside --{other} is not allowed: {why}.")


def _space() -> nk.SearchSpace:
    check_choice("space", _SPACE.value, ("small", "large"))
    if _SPACE.value == "large":
        return nk.spaces.large(_NUM_NODES.value)
    if flags.FLAGS["num_nodes"].present:
        raise InvalidValueError(f"--num_nodes={_NUM_NODES.value} is for --space=large; the small space has two.")
    return nk.spaces.small()


def _load_images(runs: list[Run]) -> nk.Images:
    """The data set of the searches, wherever it lies now."""
    source = {"dataset": _DATASET.value}
    if runs:  # rewards that came from a table name no data set; the recipe does, and is checked after loading
        source = {"dataset": runs[0].fixed["recipe"]["data"]["name"], **(runs[0].config.get("source") or {})}
    name = f"{source['dataset']}:{source['version']}" if "version" in source else source["dataset"]
    folder = _DATA_DIR.value or source.get("data_dir")
    if not _DATA_DIR.value and name.partition(":")[0].lower() == "mnist" and not (folder and os.path.isdir(folder)):
        folder = os.path.join(_ROOT, "testdata")
    return load_source(source, data_dir=folder) if "version" in source else nk.load_images(name, data_dir=folder)


def _print_standings(space: nk.SearchSpace, runs: list[Run], table: pathlib.Path) -> None:
    found_as, human = places(runs, _TOP.value), name_human_cells(space)
    print("Validation and test accuracy in %, mean ± standard error over trainings; rank in each search:")
    trials = read_table(table).trials
    cells = names(space, trials)
    for rank, standing in enumerate(standings(trials), start=1):
        known_as = [*found_as.get(standing.key, []), *([human[standing.key]] if standing.key in human else [])]
        print(
            f"{rank:>3}. {percent(standing.valid, standing.valid_error)}  {percent(standing.test, standing.test_error)}"
            f"  {standing.num_params:>9,} parameters  {cells[standing.key]}  {'; '.join(known_as)}".rstrip()
        )
    print(f"The table: {_TABLE.value}")


if __name__ == "__main__":
    script.run(main)
