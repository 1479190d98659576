"""Computes a table of rewards beforehand: every cell of a space, trained with several seeds.

    python launch/precompute_rewards.py --space=small --table=testdata/rewards/mnist_small

The same command continues an interrupted table: what the table holds is not trained again. Over several machines:
`--shard=1/3` to `--shard=3/3`, each into a folder of its own, then

    python launch/precompute_rewards.py --space=small --merge=part1,part2,part3 --table=whole

`--take_from=runs/one,runs/other` reuses the rewards that searches of the same space and recipe found.
"""

import os
import re

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.progress import show_jobs
from nas_keras.children import named_recipes
from nas_keras.errors import InvalidValueError, check_at_least, check_child_timeout, check_choice, check_workers
from nas_keras.results.precompute import precompute
from nas_keras.spaces.cell_names import LARGEST, find_cells
from nas_keras.storage.table import check_place
from nas_keras.storage.table_writer import merge_tables
from nas_keras.storage.taking import take
from nas_keras.system.output_files import check_apart
from nas_keras.system.paths import local_path

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_SPACE = flags.DEFINE_string("space", "small", "The search space: small or large.")
_NUM_NODES = flags.DEFINE_integer("num_nodes", 3, "Nodes of a cell of the large space, 1 to 4.")
_CELLS = flags.DEFINE_list(
    "cells", [], "Cells to train: keys of the space, or vgg, inception, resnet; comma-separated. Default: all keys."
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
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of prepared data sets. Default: the repository's testdata.")
_WORKERS = flags.DEFINE_integer("workers", None, "Worker processes. Default: one per GPU, else one per core.")
_CHILD_TIMEOUT = flags.DEFINE_float("child_timeout", None, "Seconds after which a child fails. Default: no limit.")


def main() -> None:
    """Checks the flags, then computes or merges."""
    check_choice("space", _SPACE.value, ("small", "large"))
    space = nk.spaces.small() if _SPACE.value == "small" else nk.spaces.large(_NUM_NODES.value)
    if space.size > LARGEST:
        raise InvalidValueError(
            f"--num_nodes={_NUM_NODES.value}: {space.size:,} encodings are too many for a table; use 1 to 4."
        )
    if not _TABLE.value:
        raise InvalidValueError("--table is missing: name the folder of the table, such as --table=runs/table.")
    table = local_path("table", _TABLE.value)
    read = [(flag.name, folder) for flag in (_MERGE, _TAKE_FROM) for folder in flag.value]
    check_apart(folders={"table": table}, read=read)
    if _MERGE.value:
        for flag in (_TAKE_FROM, _CELLS, _SHARD, _SEEDS, _RECIPE, _WORKERS, _CHILD_TIMEOUT, _DATA_DIR):
            if flags.FLAGS[flag.name].present:
                raise InvalidValueError(
                    f"--{flag.name} cannot be combined with --merge, which trains nothing. Leave one of them out."
                )
        count = merge_tables(_MERGE.value, table, space=space)
        print(f"{count:,} records merged into {_TABLE.value}.")
        return
    check_choice("recipe", _RECIPE.value, named_recipes.NAMED)
    named = named_recipes.NAMED[_RECIPE.value]
    check_at_least("seeds", _SEEDS.value, 1, at_most=100)
    check_workers(_WORKERS.value)
    check_child_timeout(_CHILD_TIMEOUT.value)
    check_place(table)
    keys, shard = find_cells(space, _CELLS.value) if _CELLS.value else None, _shard()
    images = nk.load_images(named.dataset, data_dir=_DATA_DIR.value or os.path.join(_ROOT, "testdata"))
    evaluator = nk.TrainingEvaluator(
        images,
        child=named.child,
        train=named.train,
        workers=_WORKERS.value,
        child_timeout=_CHILD_TIMEOUT.value,
        measure_test=True,
    )
    with evaluator:
        taken = None
        if _TAKE_FROM.value:
            taken = take(_TAKE_FROM.value, space=space, recipe=evaluator.recipe, seeds=_SEEDS.value)
            print(f"{len(taken.trials):,} children are taken from {', '.join(_TAKE_FROM.value)}.", flush=True)
        with show_jobs() as on_job:
            settings = {"keys": keys, "taken": taken, "shard": shard, "on_job": on_job}
            precompute(space, evaluator, table, seeds=_SEEDS.value, **settings)
    print(f"{'These cells are' if keys else 'The table is'} complete: {_TABLE.value}.")


def _shard() -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", _SHARD.value)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InvalidValueError(f"--shard={_SHARD.value!r} is not allowed: write i/n with 1 <= i <= n, such as 2/3.")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    script.run(main, interrupted=lambda: script.STARTS_OVER if _MERGE.value else script.CONTINUES)
