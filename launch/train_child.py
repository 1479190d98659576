r"""Trains cells longer, each with several seeds, and tests each once: the best of searches, and well-known ones.

    python launch/train_child.py --from=runs/large3_ppo,runs/large3_random --top=5 --cells=vgg,inception,resnet \
        --table=runs/large3_trained

The results are a table (see WORKSPACE.md) of the longer trainings. The same command continues an interrupted training
and adds new cells.

One cell, given by its key or by the architecture.json of an export, is trained, tested and exported by

    python launch/train_child.py --cell="concat(conv_3x3,identity)" --export=runs/one_cell
"""

import dataclasses
import pathlib

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.cell_flags import CellFlags
from nas_keras._launch.config_flags import ConfigFlags
from nas_keras._launch.flag_checks import check_given, output_table, refuse_given
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.progress import show_jobs, show_time
from nas_keras._launch.results import describe_accuracies
from nas_keras._launch.space_flags import SpaceFlags
from nas_keras._launch.user_code import BuildFlags, ImportFlags
from nas_keras._launch.worker_flags import WorkerFlags
from nas_keras._tensorflow import NONE
from nas_keras.children.augmentation import check_shift
from nas_keras.children.named_recipes import FINAL, train_config_of
from nas_keras.children.network import CellNetwork
from nas_keras.errors import InvalidValueError, check_at_least, check_choice
from nas_keras.evaluators.network_check import network_of
from nas_keras.reports.markdown import percent
from nas_keras.reports.standings import names, places, select_cells, standings
from nas_keras.results.exportable_run import check_exportable
from nas_keras.results.exporting.cell_training import export_cell
from nas_keras.results.exporting.children import has_test
from nas_keras.results.precompute import precompute
from nas_keras.results.runs import Run, read_runs
from nas_keras.spaces.cell_names import find_cells, name_human_cells
from nas_keras.storage.table import read_table
from nas_keras.system.words import counted


def _usual(config: type, *, but: tuple[str, ...] = ()) -> dict[str, str]:
    """What holds for the settings of the searches, by field, while their flags are not given."""
    fields = [field for field in dataclasses.fields(config) if field.name not in but]
    return {field.name: f"that of the searches, or {field.default} without --from" for field in fields}


_IMPORT = ImportFlags()
_FROM = flags.DEFINE_list("from", [], "Folders of searches of one space and recipe, whose best cells are trained.")
_TOP = flags.DEFINE_integer("top", 5, "Number of cells taken from each search, those with the highest rewards.")
_CELLS = flags.DEFINE_list(
    "cells", [], "More cells: keys of the space, or vgg, inception, resnet; comma-separated. Default: none."
)
_SPACE = SpaceFlags("large", "The space of --cells without --from: small or large.")
_TABLE = flags.DEFINE_string("table", None, "Folder of the results, made if it is not there. Required without --cell.")
_ONE = CellFlags()
_CHILD = ConfigFlags(nk.ChildConfig, unset=_usual(nk.ChildConfig))
_TRAIN = ConfigFlags(
    nk.TrainConfig, unset=_usual(nk.TrainConfig, but=("epochs", "shift")), defaults={"epochs": 10, "shift": 1}
)
_RECIPE = flags.DEFINE_string(
    "final_recipe",
    None,
    f"Settings of the training by name, {', '.join(FINAL)}, some of which given flags replace. Default: those of the "
    "searches, and of the flags.",
)
_SEEDS = flags.DEFINE_integer("seeds", 3, "Trainings of each cell, with the seeds of searches with --seed=0, 1, ...")
_IMAGES = ImageFlags(
    __file__,
    "where the search had it, or the copy of MNIST that comes along",
    dataset="TFDS name of the data set without --from, which has its own.",
    folder=True,
    prepare=True,
)
_BUILD = BuildFlags(
    "Function of a file of --import that built the children of --from. Default: the one with the code of the run."
)
_WORKERS = WorkerFlags()


def main() -> None:
    """Checks the flags, trains the cells that the table lacks, and prints the standings of the whole table."""
    _IMPORT.load()
    if _RECIPE.value:
        check_choice("final_recipe", _RECIPE.value, FINAL)
    _ONE.check(("from", "top", "cells", "space", "num_nodes", "table", "seeds", "build", "workers", "child_timeout"))
    if _ONE.is_given:
        _train_one()
        return
    table = _check_flags()
    runs = read_runs(_FROM.value)
    space = runs[0].space if runs else _SPACE.space()
    keys = select_cells(runs, _TOP.value, find_cells(space, _CELLS.value))
    if not keys:
        raise InvalidValueError(f"No child of {', '.join(_FROM.value)} succeeded: there is none to train longer.")
    with _evaluator(runs) as evaluator, show_jobs() as on_job:
        precompute(space, evaluator, table, seeds=_SEEDS.value, keys=keys, on_job=on_job)
    _print_standings(space, runs, table)


def _check_flags() -> pathlib.Path:
    """Refuses wrong flags before anything is read, and returns the folder of the table."""
    check_given("table", "the folder of the results", "runs/trained")
    if not _FROM.value and not _CELLS.value:
        raise InvalidValueError("Nothing to train: name searches by --from=runs/one, or cells by --cells=vgg,resnet.")
    table = output_table([("from", run) for run in _FROM.value])
    check_at_least("top", _TOP.value, 1)
    check_at_least("seeds", _SEEDS.value, 1, at_most=100)
    _CHILD.make()
    _TRAIN.make()
    _WORKERS.check()
    _IMAGES.check()
    if _FROM.value:
        refuse_given(
            ("space", "num_nodes", "dataset", "download", "image_size", "valid", "test", "split_seed"),
            "beside --from is not allowed: the searches determine it.",
        )
    else:
        refuse_given(("top",), "beside --cells is not allowed: it is for the searches of --from.")
    return table


def _train_one() -> None:
    """Trains the cell of --cell once, tests it, exports it if that is wanted, and prints the accuracies."""
    _CHILD.make()
    _TRAIN.make()
    _WORKERS.check()
    _IMAGES.check()
    (cell, architecture), folder = _ONE.read(), _ONE.folder()
    images = _IMAGES.images()
    if architecture is None:
        configs = nk.suggest_configs(images, **{**_CHILD.values(), **_TRAIN.values()})
        child, train = configs.child, _with_recipe(configs.train)
    else:
        child = _CHILD.replace(architecture.child or nk.ChildConfig(), _CHILD.given())
        train = _with_recipe(_TRAIN.replace(architecture.train, _TRAIN.given()))
    check_shift(train, images.image_shape)
    seed = _ONE.training_seed(cell)
    on = f"on {counted(len(images.train_labels), 'image')} of {images.name}"
    print(f"Training {cell} for {counted(train.epochs, 'epoch')} {on} ...")
    if folder is None:
        evaluator = nk.TrainingEvaluator(images, child=child, train=train, workers=1, measure_test=has_test(images))
        with evaluator, show_time("training"):
            ((_, found),) = evaluator.evaluate([nk.Job(cell.key, (), cell, seed)])
    else:
        quantize = _ONE.quantize
        found = export_cell(cell, images, folder, child=child, train=train, seed=seed, quantize=quantize, progress=True)
    if isinstance(found, nk.Evaluation) and found.failed:
        raise InvalidValueError(f"The training of {cell} failed: {found.status}.")
    print(f"{cell}: {describe_accuracies(found, images)}")
    if folder is not None:
        print(f"The network:   {folder} (MODEL_CARD.md describes it)")


def _with_recipe(train: nk.TrainConfig) -> nk.TrainConfig:
    """Returns the settings of --final_recipe with those of the flags that are given; without it, `train`."""
    return _TRAIN.replace(FINAL[_RECIPE.value], _TRAIN.given()) if _RECIPE.value else train


def _evaluator(runs: list[Run]) -> nk.TrainingEvaluator:
    """Makes an evaluator that trains by the recipe of the searches, if there are any, but longer."""
    child, train, distribute, build = nk.ChildConfig(), nk.TrainConfig(), NONE, None
    if runs:
        recipe = runs[0].fixed["recipe"]
        check_exportable(recipe)
        build = _BUILD.function_of(recipe)
        network, train = network_of(recipe, build, runs[0].path), train_config_of(recipe, runs[0].path)
        child = network.child if isinstance(network, CellNetwork) else None
        distribute = recipe.get("distribute", NONE)
    images = _load_images(runs)
    if runs:
        check_exportable(recipe, images)
    return nk.TrainingEvaluator(
        images,
        child=None if build else _CHILD.replace(child, _CHILD.values()),
        build=build,
        train=_with_recipe(_TRAIN.replace(train, _TRAIN.values())),
        workers=_WORKERS.workers,
        distribute=distribute,
        child_timeout=_WORKERS.child_timeout,
        measure_test=True,
    )


def _load_images(runs: list[Run]) -> nk.Images:
    """Loads the data set of the searches, wherever it is stored now; without searches, that of --dataset."""
    if not runs:
        return _IMAGES.images()
    return _IMAGES.images_of_run(runs[0].config)


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


def _interrupted() -> str:
    """What an interrupt leaves behind."""
    if not _ONE.is_given:
        return script.CONTINUES
    return script.TRAINING_CONTINUES if _ONE.exports else script.STARTS_OVER


if __name__ == "__main__":
    script.run(main, interrupted=_interrupted)
