"""What searches found already, taken into a table of rewards: their children are not trained again.

A search's rewards are those of one training with the run's own seed, so they are records of a table of the same space
and recipe as they stand. What they lack is a test accuracy: a search measures none.
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
    """What sources know.

    Attributes:
        trials: one for each key and training seed.
        environment: what the first source was made on; {} without sources.
    """

    trials: list[Trial]
    environment: dict[str, Any]


def take(paths: Sequence[str | os.PathLike], *, space: SearchSpace, recipe: dict[str, Any], seeds: int) -> Taken:
    """Reads runs, finished or running, and tables of one space and recipe; all are checked before this returns.

    Failures are left out, since another try may succeed, and so is what was found by a variant of the recipe.

    Args:
        paths: folders.
        space: of the table that is to be filled.
        recipe: of that table.
        seeds: it has those of the run seeds 0 to `seeds` - 1.

    Raises:
        InvalidValueError: if a folder is neither, or of another space, recipe or seed, or if two that were made on the
            same kind of machine and software have different rewards for a key and seed.
        DataError: if one is damaged.
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
                # There a training comes out the same to the bit, so one of the two is not what it says.
                raise InvalidValueError(
                    f"{source.path} has another reward for {trial.key} with seed {trial.seed} than {first.path}: "
                    f"{trial.reward} and {known.reward}, on the same kind of machine. Take from one of the two."
                )
            gaps.append(abs(known.reward - trial.reward))
        if gaps:
            logging.warning(
                "%s was made on another machine or with other software, and %d of its rewards differ from those of an "
                "earlier source, by up to %.4f. The earlier source counts.",
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
    check_settings(source.config, source.workspace.config)
    if source.origin.seed >= seeds:
        raise InvalidValueError(
            f"{source.path} was searched with --seed={source.origin.seed}, but the table is filled with the seeds 0 to "
            f"{seeds - 1} only. Leave it out, or fill the table with --seeds={source.origin.seed + 1}."
        )
    return source
