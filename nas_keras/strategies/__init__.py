"""Strategies: they propose architectures and learn from their rewards. A strategy never sees a child.

Read `base.py` first (the interface), then `random_search.py`, `evolution.py` with `mutation.py`, `reinforce.py` with
`reinforce_config.py`, `ppo/`, `controller_strategy.py` (the parts that REINFORCE and PPO share), `progressive/` and
`predictors/`; `ranks.py` turns rewards into scores. The network that REINFORCE and PPO train is left to `controller`,
evaluation to `evaluators`.

Importing this package does not import TensorFlow; the first access to a class such as `nk.strategies.PPO` does. To add
a strategy, write its module and add one line to the table below.
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nas_keras.errors import InvalidValueError, check_choice, shown
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import Strategy


class _Entry(NamedTuple):
    strategy: str  # "module.Class"
    config: str  # "module.Class"


_TABLE = {
    "ppo": _Entry("ppo.ppo.PPO", "ppo.config.PPOConfig"),
    "random": _Entry("random_search.RandomSearch", "random_search.RandomConfig"),
    "reinforce": _Entry("reinforce.Reinforce", "reinforce_config.ReinforceConfig"),
    "evolution": _Entry("evolution.RegularizedEvolution", "evolution.EvolutionConfig"),
    "progressive": _Entry("progressive.progressive.Progressive", "progressive.progressive.ProgressiveConfig"),
    "ppo_predictor": _Entry("predictors.ppo_predictor.PPOPredictor", "ppo.config.PPOPredictorConfig"),
}

NAMES = tuple(_TABLE)


def config_of(name: str, options: Mapping[str, Any]) -> Any:
    """Returns the configuration of a strategy; settings that `options` lacks have their defaults.

    Args:
        name: one of `NAMES`: ppo, random, reinforce, evolution, progressive, ppo_predictor.
        options: setting to value; a value that is a string is converted to the setting's type.

    Raises:
        InvalidValueError: for an unknown strategy or setting, or a value that is not allowed.
    """
    check_choice("strategy", name, NAMES)
    config_class = _load(_TABLE[name].config)
    fields: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(config_class)}
    if not isinstance(options, Mapping):
        raise InvalidValueError(f"options={shown(options)} is not allowed: it must be a dict, such as {{'steps': 5}}.")
    for option in options:
        if option not in fields:
            raise InvalidValueError(
                f"Strategy {name!r} has no setting {shown(option)}. It has: {', '.join(fields) or 'none'}."
            )
    return config_class(**{option: _convert(option, value, fields[option]) for option, value in options.items()})


def make_strategy(
    name: str, space: SearchSpace, *, options: Mapping[str, Any] | None = None, seed: int = 0
) -> Strategy:
    """Returns a new strategy.

    Args:
        name: one of `NAMES`.
        space: the space to search.
        options: settings, as for `config_of`; None for the defaults.
        seed: seed of the strategy, 0 to 2**31 - 1.

    Raises:
        InvalidValueError: for an unknown strategy or setting, or a value that is not allowed.
    """
    config = config_of(name, {} if options is None else options)
    return strategy_class(name)(space, config, seed=seed)


def strategy_class(name: str) -> Callable[..., Strategy]:
    """Returns the class of strategy `name`, one of `NAMES`; it is called with a space, a configuration and `seed=`."""
    return _load(_TABLE[name].strategy)


def _convert(option: str, value: Any, wanted: Any) -> Any:
    if not isinstance(value, str) or wanted is str:
        return value
    try:
        return wanted(value)
    except ValueError as error:
        raise InvalidValueError(f"{option}={value!r} is not allowed: it must be of type {wanted.__name__}.") from error


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __getattr__(name: str) -> Any:
    for path in (path for entry in _TABLE.values() for path in entry):
        if path.endswith(f".{name}"):
            return _load(path)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
