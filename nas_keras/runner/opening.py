"""Opening a run: its identity, its configuration, its warm start and its D.

Everything that can be refused is refused before anything is written.
"""

import contextlib
import dataclasses
import functools
import types
from collections.abc import Iterator
from typing import Any

from absl import logging

from nas_keras.evaluators.base import Description, Evaluates, describe_evaluator
from nas_keras.runner.settings import Settings
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import recipe as recipes
from nas_keras.storage import run_config
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_identity import CODE, Identity, complete, settle_identity
from nas_keras.storage.warm_start import describe, read_known, read_snapshot, write_snapshot
from nas_keras.strategies import Strategy
from nas_keras.system.code.fingerprint import code_parts
from nas_keras.system.user_files import imported_files, values_of
from nas_keras.trial import Trial


class Run:
    """The run of one search, new or continued. It reads what is there; only `open` writes.

    Args:
        settings: settings of the search, its lag filled in.
        description: description of the evaluator.

    Raises:
        InvalidValueError: if the folder holds a run of another space or of other code, or if the folder of the warm
            start cannot be used.
        DataError: if a file is corrupt.
    """

    def __init__(self, settings: Settings, description: Description):
        self._settings, self._description = settings, description
        self._identity = _identify(settings, description)
        recipe, variants = self._identity.recipe, tuple(self._identity.variants)
        self._origin = Origin(settings.space.fingerprint, recipes.fingerprint(recipe), variants, settings.seed)
        self._known = self._read_known()

    @contextlib.contextmanager
    def open(self, evaluator: Evaluates, strategy: Strategy) -> Iterator[Dataset]:
        """Locks the run's folder, settles its configuration and reads D. Without a folder, D is in memory only.

        Raises:
            InvalidValueError: if another process holds the lock, or the folder's run has other settings.
            DataError: if a file is corrupt.
        """
        workspace = self._settings.workspace
        if workspace is None:
            yield Dataset(self._origin, None, warm=self._known)
            return
        with workspace.locked():
            old = workspace.read_config()  # once more, since another process may have begun the run before the lock
            if old is None and self._known:
                write_snapshot(workspace, self._known, self._origin)
            workspace.check_dataset()
            description = self._description
            if old is not None and hasattr(evaluator, "resume"):
                evaluator.resume(run_config.environment_of(old, workspace.config))
                description = describe_evaluator(evaluator)  # its environment may have changed
            old = complete(old, self._identity) if old is not None else None
            workspace.settle_config(self._config(description, strategy), old)
            dataset = Dataset(self._origin, workspace, warm=self._known)
            dataset.begin()
            if dataset.num_resumed or dataset.pending:
                logging.info(
                    "The run in %s is continued: it has %d trials, and %d more are finished.",
                    workspace.root,
                    dataset.num_resumed,
                    len(dataset.pending),
                )
            yield dataset

    def _read_known(self) -> list[Trial]:
        """Returns the trials that a warm start provides: a run that is continued keeps those it was started with."""
        settings, workspace = self._settings, self._settings.workspace
        if settings.warm_start_from is None:
            return []
        # A snapshot without a configuration is left over from a start that was interrupted.
        if workspace and workspace.config.exists():
            snapshot = read_snapshot(workspace, self._origin)
            if snapshot is not None:
                return snapshot
        known = read_known(settings.warm_start_from, space=settings.space, recipe=self._identity.recipe)
        return self._usable(known)

    def _usable(self, known: list[Trial]) -> list[Trial]:
        """Returns what other rewards are worth by this search's objective, without children over its limits.

        A child whose record lacks a cost that is limited is left out too, so that the evaluator decides.
        """
        objective, limits = self._settings.objective, self._description.limits
        judged = [dataclasses.replace(t, evaluation=objective.judge(t.key, t.evaluation)) for t in known]
        unknown = [t for t in judged if limits.unknown(t.evaluation)]
        if unknown:
            logging.warning(
                "%s: %d of %d evaluations are left out, since they do not state what is limited: %s.",
                self._settings.warm_start_from,
                len(unknown),
                len(known),
                ", ".join(limits.unknown(unknown[0].evaluation)),
            )
        within = [t for t in judged if not limits.unknown(t.evaluation) and not limits.excess(t.evaluation)]
        return [t for t in within if not t.evaluation.failed]

    def _config(self, description: Description, strategy: Strategy) -> dict[str, Any]:
        """Returns the run's configuration, in which "fixed" holds what no later start may change."""
        settings = self._settings
        # Defaults are included, so that equal settings are equal here, whether given by name, as text or in an object.
        config: Any = strategy.config
        is_dataclass = dataclasses.is_dataclass(config) and not isinstance(config, type)
        return {
            "fixed": {
                "space": self._identity.space,
                "strategy": {
                    "name": settings.strategy_name,
                    "config": dataclasses.asdict(config) if is_dataclass else {},
                },
                "seed": settings.seed,
                "batch_size": settings.batch_size,
                "lag": settings.lag,
                "recipe": self._identity.recipe,
                "warm_start": describe(self._known),
                "limits": description.limits.to_json(),
                "objective": settings.objective.to_json(),
            },
            "budget": {"max_evaluations": settings.max_evaluations, "max_trials": settings.max_trials},
            "variants": self._identity.variants,
            **({CODE: self._identity.code} if self._identity.code is not None else {}),
            "source": description.source,
            **_program(settings.space, self._identity.recipe),
            "environment": description.environment,
        }


def _program(space: SearchSpace, recipe: dict[str, Any]) -> dict[str, Any]:
    """Returns the files of the user's that were imported by their paths, and the names of this search's space and build
    function in them, from which a command that repeats the search is made; nothing if there are no such files."""
    files = imported_files()
    spaces = [f"{module}.{name}" for module, name, value in values_of(SearchSpace) if value is space]
    functions = values_of((types.FunctionType, functools.partial)) if recipe.get(recipes.BUILD) else ()
    built = [f"{module}.{name}" for module, name, value in functions if code_parts(value) == recipe[recipes.BUILD]]
    return (
        {"program": {"files": files, "space": next(iter(spaces), None), "build": next(iter(built), None)}}
        if files
        else {}
    )


def _identify(settings: Settings, description: Description) -> Identity:
    """Returns the identity of the run in the settings' folder if this start may continue it, else that of a new run."""
    workspace, recipe, variants = settings.workspace, description.recipe, description.variants
    if workspace is None:
        return Identity({}, recipe, {recipes.fingerprint(variant): variant for variant in variants})
    return settle_identity(workspace, workspace.read_config(), settings.space, recipe, variants)
