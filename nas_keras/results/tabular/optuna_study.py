"""Trials as a study of Optuna, which its dashboard and other tools open.

One categorical parameter for each decision, the reward as the value. D does not record when a child was trained: a
trial's time is that of the export, and its duration is the child's.
"""

import datetime
from collections.abc import Sequence
from typing import Any

from nas_keras.errors import DependencyError, InvalidValueError, in_one_line, shown
from nas_keras.results.tabular.rows import choice_value, decision_columns, is_missing, rows_of
from nas_keras.spaces.search_space import Decision, SearchSpace
from nas_keras.system.words import counted
from nas_keras.trial import Evaluation, Trial

_ATTRIBUTE = "nas_keras"  # of a study: which run it holds
_IDENTITY = ("trial", "key", "seed")  # attributes that tell the trials of a run, or the records of a table, apart


def add_trials(study: Any, space: SearchSpace, trials: Sequence[Trial], identity: dict[str, Any]) -> int:
    """Adds trials to a study, except for those that it holds already.

    Args:
        study: an `optuna.study.Study` that maximizes.
        space: the space of the trials.
        trials: the trials of one run or table.
        identity: what the run is known by, a JSON object; the study records it.

    Returns:
        The number of trials that were added.

    Raises:
        InvalidValueError: if `study` is not such a study, or holds trials of something else.
        DependencyError: without Optuna.
    """
    optuna = import_optuna()
    if not isinstance(study, optuna.study.Study):
        raise InvalidValueError(
            f"study={shown(study)} is not allowed: it must be an optuna.study.Study, such as "
            "optuna.create_study(direction='maximize')."
        )
    if study.directions != [optuna.study.StudyDirection.MAXIMIZE]:
        raise InvalidValueError(
            f"The study {study.study_name!r} does not maximize one value, as a search does. Give one made by "
            "optuna.create_study(direction='maximize')."
        )
    stored = study.get_trials(deepcopy=False)
    known = study.user_attrs.get(_ATTRIBUTE)
    if known is None and stored or known is not None and known != identity:
        raise InvalidValueError(
            f"The study {study.study_name!r} holds {counted(len(stored), 'trial')} of something else than this run. "
            "Name another study."
        )
    study.set_user_attr(_ATTRIBUTE, identity)
    present = {_identity(trial.user_attrs) for trial in stored}
    choices = {decision.name: _parameter_values(decision) for decision in space.decisions}
    distributions = {name: optuna.distributions.CategoricalDistribution(values) for name, values in choices.items()}
    columns = decision_columns(space)
    added = 0
    for trial, row in zip(trials, rows_of(space, trials), strict=True):
        if _identity(row) in present:
            continue
        params = {name: choices[name][action] for name, action in zip(choices, trial.actions, strict=True)}
        attributes = {
            name: value for name, value in row.items() if name not in (*columns, "reward") and not is_missing(value)
        }
        study.add_trial(_make_trial(optuna, trial.evaluation, params, distributions, attributes))
        added += 1
    return added


def open_study(storage: str, name: str) -> Any:
    """Returns the study of this name in a database; a new one that maximizes if there is none.

    Args:
        storage: the database, as Optuna names it, such as "sqlite:///mnist.db".
        name: name of the study.

    Raises:
        InvalidValueError: if the database cannot be opened.
        DependencyError: without Optuna.
    """
    optuna = import_optuna()
    import sqlalchemy.exc

    try:
        return optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    except (ValueError, ImportError, sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise InvalidValueError(
            f"storage={shown(storage)} cannot be opened: {in_one_line(error)}. Name a database as Optuna does, such as "
            "sqlite:///mnist.db, in a folder that can be written."
        ) from error


def import_optuna() -> Any:
    """Returns the module `optuna`.

    Raises:
        DependencyError: if it is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise DependencyError(f"Optuna's studies need {error.name}: pip install 'nas_keras[optuna]'") from error
    return optuna


def _make_trial(
    optuna: Any, evaluation: Evaluation, params: dict[str, Any], distributions: dict[str, Any], attributes: dict
) -> Any:
    states = optuna.trial.TrialState
    state = states.PRUNED if evaluation.refused else states.FAIL if evaluation.failed else states.COMPLETE
    end = datetime.datetime.now()
    return optuna.trial.FrozenTrial(
        number=-1,  # the study counts its trials
        trial_id=-1,
        state=state,
        value=None if evaluation.failed else evaluation.reward,
        datetime_start=end - datetime.timedelta(seconds=evaluation.seconds),
        datetime_complete=end,
        params=params,
        distributions=distributions,
        user_attrs=attributes,
        system_attrs={},
        intermediate_values={},
    )


def _parameter_values(decision: Decision) -> list[Any]:
    """The choices as values of a parameter, which Optuna compares by ==: their names if some would be equal."""
    values = [choice_value(choice) for choice in decision.choices]
    are_different = len(set(values)) == len(values) and not any(map(is_missing, values))
    return values if are_different else list(map(repr, decision.choices))


def _identity(values: dict[str, Any]) -> tuple:
    return tuple(values.get(name) for name in _IDENTITY)
