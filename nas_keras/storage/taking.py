"""Rewards that searches have found, reused in a table so that their children are not trained again.

A search's reward comes from one training with the run's seed, so it is a valid record of a table of the same space and
recipe. It only lacks the test accuracy, which a search does not measure.
"""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from absl import logging

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.run_config import check_settings
from nas_keras.storage.sources import Source, open_source
from nas_keras.trial import Trial


class Taken(NamedTuple):
    """Rewards of several sources.

    Attributes:
        trials: one for each key and training seed.
        environment: machine and software of the first source; {} without sources.
    """

    trials: list[Trial]
    environment: dict[str, Any]


def take(paths: Sequence[str | os.PathLike], *, space: SearchSpace, recipe: dict[str, Any], seeds: int) -> Taken:
    """Reads the rewards of runs, finished or running, and of tables, all of one space and recipe.

    Failures are left out, since another try may succeed, and so are rewards of a variant of the recipe.

    Args:
        paths: folders of the runs and tables.
        space: search space of the table that will be filled.
        recipe: recipe of that table.
        seeds: number of run seeds in that table, from 0.

    Raises:
        InvalidValueError: if a folder is neither, is of another space, recipe or seed, or has another reward for a key
            and seed than a folder that was made with the same machine and software.
        DataError: if a folder is corrupt.
    """
    sources = [_open(path, space, recipe, seeds) for path in paths]
    found: dict[tuple[str, int], tuple[Source, Trial]] = {}
    for source in sources:
        gaps = []
        for trial in source.read_rewards():
            first, known = found.setdefault((trial.key, trial.seed), (source, trial))
            if known.reward == trial.reward:
                continue
            if first.environment == source.environment:
                # On equal machines and software a training is reproducible to the bit, so one of the two is wrong.
                raise InvalidValueError(
                    f"{source.path} has another reward for {trial.key} with seed {trial.seed} than {first.path}: "
                    f"{trial.reward} and {known.reward}, on the same kind of machine. Take from one of the two."
                )
            gaps.append(abs(known.reward - trial.reward))
        if gaps:
            logging.warning(
                "%s was made on another machine or with other software, and %d of its rewards differ from those of an "
                "earlier source, by up to %.4f. The earlier source takes precedence.",
                source.path,
                len(gaps),
                max(gaps),
            )
    return Taken([trial for _, trial in found.values()], sources[0].environment if sources else {})


def _open(path: str | os.PathLike, space: SearchSpace, recipe: dict[str, Any], seeds: int) -> Source:
    source = open_source("take_from", path)
    check_same(
        source.path,
        f"the table of {space!r}",
        space=(source.space, space),
        recipe=(source.recipe, recipe),
        fix="Take from runs of the table's space and recipe, or name their recipe with --recipe.",
    )
    if source.is_table:
        return source
    check_settings(source.config, source.run.config)
    if source.origin.seed is not None and source.origin.seed >= seeds:
        raise InvalidValueError(
            f"{source.path} was searched with --seed={source.origin.seed}, but the table is filled with the seeds 0 to "
            f"{seeds - 1} only. Leave it out, or fill the table with --seeds={source.origin.seed + 1}."
        )
    return source
