"""The strategies of a comparison, each with its settings, and how they are written in a flag."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from nas_keras._tensorflow import check_tf_agents
from nas_keras.comparison.problems import Problem
from nas_keras.errors import InvalidValueError, shown
from nas_keras.runner.settings import NEED_TF_AGENTS
from nas_keras.strategies import Strategy, config_of, make_strategy
from nas_keras.strategies.base import MOST_ASKED
from nas_keras.strategies.ppo.config import PPOConfig

PAPER = "paper"  # written in place of a setting of ppo: `PPOConfig.paper()`
_BATCH_SIZE = "batch_size"


@dataclasses.dataclass(frozen=True)
class Contender:
    """A strategy with settings.

    Attributes:
        strategy: its name, one of `strategies.NAMES`.
        options: (setting, value as text) pairs, for the settings that differ from their defaults.
        is_paper: whether the settings besides `options` are those of `PPOConfig.paper()`.
        batch_size: number of proposals told at once; None for that of the comparison.
    """

    strategy: str
    options: tuple[tuple[str, str], ...] = ()
    is_paper: bool = False
    batch_size: int | None = None

    @property
    def label(self) -> str:
        """The contender as it is written in a flag: `evolution:population=50,sample_size=10`."""
        settings = [PAPER] if self.is_paper else []
        settings += [f"{name}={value}" for name, value in self.options]
        settings += [] if self.batch_size is None else [f"{_BATCH_SIZE}={self.batch_size}"]
        return f"{self.strategy}:{','.join(settings)}" if settings else self.strategy

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that differ from their defaults, as `config_of` takes them."""
        return {**(_paper_settings() if self.is_paper else {}), **dict(self.options)}

    def make(self, problem: Problem, seed: int) -> Strategy:
        """Returns a new strategy for the problem's space."""
        return make_strategy(self.strategy, problem.space, options=self.settings, seed=seed)


def _paper_settings() -> dict[str, Any]:
    default = dataclasses.asdict(PPOConfig())
    return {name: value for name, value in dataclasses.asdict(PPOConfig.paper()).items() if value != default[name]}


def parse_contenders(text: str) -> list[Contender]:
    """Parses contenders such as `ppo,ppo:paper,evolution:population=50,batch_size=1,random`.

    Args:
        text: comma-separated strategies; settings follow a strategy after a colon. Besides the settings of its
            configuration a strategy has `batch_size`, and `ppo` has the word `paper`.

    Raises:
        InvalidValueError: if a strategy or setting does not exist, or a contender is listed twice.
        DependencyError: if a strategy needs TF-Agents, which is not installed.
    """
    contenders: list[Contender] = []
    for part in (part.strip() for part in text.split(",")):
        # A part without a colon but with "=" is a further setting of the contender before it.
        if contenders and ":" not in part and "=" in part:
            contenders[-1] = _with_setting(contenders[-1], part, part)
            continue
        name, colon, setting = part.partition(":")
        if not part:
            raise InvalidValueError(f"{text!r} names no strategy between two commas. Write ppo,evolution,random.")
        if colon and not name:
            raise _bad_setting(part)
        contenders.append(Contender(name))
        if colon:
            contenders[-1] = _with_setting(contenders[-1], setting, part)
    _check_contenders(contenders, text)
    return contenders


def _with_setting(contender: Contender, setting: str, part: str) -> Contender:
    """The contender with one more setting, written `name=value`; `part` is the text that an error quotes."""
    if setting == PAPER and contender.strategy == "ppo":
        return dataclasses.replace(contender, is_paper=True)
    name, equals, value = setting.partition("=")
    if not (name and equals and value):
        raise _bad_setting(part)
    if name == _BATCH_SIZE:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= MOST_ASKED):
            raise InvalidValueError(
                f"batch_size={shown(value)} in {shown(part)} is not allowed: it must be a whole number from 1 to "
                f"{MOST_ASKED:,}."
            )
        return dataclasses.replace(contender, batch_size=int(value))
    return dataclasses.replace(contender, options=(*contender.options, (name, value)))


def _bad_setting(part: str) -> InvalidValueError:
    return InvalidValueError(f"{part!r} is not allowed: write strategy:setting=value,setting=value.")


def _check_contenders(contenders: Sequence[Contender], text: str) -> None:
    for contender in contenders:
        config_of(contender.strategy, contender.settings)
    labels = [contender.label for contender in contenders]
    if len(set(labels)) < len(labels):
        raise InvalidValueError(f"{text!r} names a strategy twice with the same settings. Name each once.")
    if any(contender.strategy in NEED_TF_AGENTS for contender in contenders):
        check_tf_agents()
