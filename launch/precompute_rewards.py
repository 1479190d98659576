r"""Computes a table of rewards beforehand: every cell of a space, trained with several seeds.

    python launch/precompute_rewards.py --space=small --table=testdata/rewards/mnist_small

The same command continues an interrupted table and does not train again what the table holds. To share the work among
several machines, run `--shard=1/3` to `--shard=3/3`, each into a folder of its own, then

    python launch/precompute_rewards.py --space=small --merge=part1,part2,part3 --table=whole

`--take_from=runs/one,runs/other` reuses the rewards that searches of the same space and recipe found.

A space and networks of your own come from a file (docs/own_network.md); --recipe says how they are trained:

    python launch/precompute_rewards.py --import=examples/plain_cnn.py --space=plain_cnn --build=build \
        --recipe=mnist_1epoch_v1 --seeds=1 --table=runs/plain_cnn_table
"""

import pathlib
import re

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.flag_checks import check_given, output_table, refuse_given
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.progress import show_jobs
from nas_keras._launch.space_flags import SpaceFlags
from nas_keras._launch.user_code import BuildFlags, ImportFlags
from nas_keras._launch.worker_flags import WorkerFlags
from nas_keras.children import named_recipes
from nas_keras.errors import InvalidValueError, check_at_least, check_choice
from nas_keras.results.precompute import precompute
from nas_keras.spaces.cell_names import find_cells
from nas_keras.storage.table_writer import merge_tables
from nas_keras.storage.taking import take
from nas_keras.system.words import counted

_IMPORT = ImportFlags()
_SPACE = SpaceFlags(for_table=True)
_CELLS = flags.DEFINE_list(
    "cells", [], "Cells to train: keys of the space, or vgg, inception, resnet; comma-separated. Default: all keys."
)
_BUILD = BuildFlags(
    "Function build(architecture, input_shape, num_classes) of a file of --import that makes a child's whole network. "
    "Default: none; a child is built around a cell."
)
_RECIPE = flags.DEFINE_string("recipe", "mnist_v1", f"How a child is trained: {' or '.join(named_recipes.NAMED)}.")
_SEEDS = flags.DEFINE_integer(
    "seeds", 5, "Trainings of each cell, with the seeds that searches with --seed=0, 1, ... use."
)
_TABLE = flags.DEFINE_string("table", None, "Folder of the table, made if it is not there. Required.")
_SHARD = flags.DEFINE_string("shard", "1/1", "i/n: train only the i-th of n parts, to share the work among n machines.")
_TAKE_FROM = flags.DEFINE_list(
    "take_from",
    [],
    "Folders of runs, which may be running, and of tables: cells with a reward there are not trained again.",
)
_MERGE = flags.DEFINE_list("merge", [], "Folders of tables of one recipe to merge into --table; trains nothing.")
_IMAGES = ImageFlags(__file__)
_WORKERS = WorkerFlags()


def main() -> None:
    """Checks the flags, then computes the table or merges its parts."""
    _IMPORT.load()
    space = _SPACE.space()
    check_given("table", "the folder of the table", "runs/table")
    read = [(flag.name, folder) for flag in (_MERGE, _TAKE_FROM) for folder in flag.value]
    table = output_table(read, fill=not _MERGE.value)
    if _MERGE.value:
        _merge(space, table)
    else:
        _compute(space, table)


def _merge(space: nk.SearchSpace, table: pathlib.Path) -> None:
    training = ("take_from", "cells", "build", "shard", "seeds", "recipe", "workers", "child_timeout", "data_dir")
    refuse_given(training, "cannot be combined with --merge, which trains nothing. Leave one of them out.")
    count = merge_tables(_MERGE.value, table, space=space)
    print(f"{counted(count, 'record')} merged into {_TABLE.value}.")


def _compute(space: nk.SearchSpace, table: pathlib.Path) -> None:
    check_choice("recipe", _RECIPE.value, named_recipes.NAMED)
    named = named_recipes.NAMED[_RECIPE.value]
    check_at_least("seeds", _SEEDS.value, 1, at_most=100)
    _WORKERS.check()
    keys, shard = find_cells(space, _CELLS.value) if _CELLS.value else None, _shard()
    build = _BUILD.function()
    evaluator = nk.TrainingEvaluator(
        _IMAGES.images(named.dataset),
        child=None if build else named.child,
        build=build,
        train=named.train,
        workers=_WORKERS.workers,
        child_timeout=_WORKERS.child_timeout,
        measure_test=True,
    )
    with evaluator:
        taken = None
        if _TAKE_FROM.value:
            taken = take(_TAKE_FROM.value, space=space, recipe=evaluator.recipe, seeds=_SEEDS.value)
            print(f"{counted(len(taken.trials), 'child')} taken from {', '.join(_TAKE_FROM.value)}.", flush=True)
        with show_jobs() as on_job:
            precompute(space, evaluator, table, seeds=_SEEDS.value, keys=keys, taken=taken, shard=shard, on_job=on_job)
    print(f"{'These cells are' if keys else 'The table is'} complete: {_TABLE.value}.")


def _shard() -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", _SHARD.value)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InvalidValueError(f"--shard={_SHARD.value!r} is not allowed: write i/n with 1 <= i <= n, such as 2/3.")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    script.run(main, interrupted=lambda: script.STARTS_OVER if _MERGE.value else script.CONTINUES)
