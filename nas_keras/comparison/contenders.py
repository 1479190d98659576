"""The strategies of a comparison, each with its settings, and how they are written in a flag."""

import dataclasses
from collections.abc import Sequence

from nas_keras.comparison.problems import Problem
from nas_keras.errors import InvalidValueError
from nas_keras.strategies import Strategy, config_of, make_strategy


@dataclasses.dataclass(frozen=True)
class Contender:
    """A strategy with settings.

    Attributes:
        strategy: its name, one of `strategies.NAMES`.
        options: (setting, value as text) pairs, for the settings that differ from their defaults.
    """

    strategy: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """The contender as it is written in a flag: `evolution:population=50,sample_size=10`."""
        settings = ",".join(f"{name}={value}" for name, value in self.options)
        return f"{self.strategy}:{settings}" if settings else self.strategy

    def make(self, problem: Problem, seed: int) -> Strategy:
        """A new strategy for the problem's space."""
        return make_strategy(self.strategy, problem.space, options=dict(self.options), seed=seed)


def parse_contenders(text: str) -> list[Contender]:
    """Parses contenders such as `ppo,evolution:population=50,sample_size=10,random`.

    Args:
        text: comma-separated strategies; settings follow a strategy after a colon.

    Raises:
        InvalidValueError: if a strategy or setting does not exist, or a contender is listed twice.
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
    name, equals, value = setting.partition("=")
    if not (name and equals and value):
        raise _bad_setting(part)
    return dataclasses.replace(contender, options=(*contender.options, (name, value)))


def _bad_setting(part: str) -> InvalidValueError:
    return InvalidValueError(f"{part!r} is not allowed: write strategy:setting=value,setting=value.")


def _check_contenders(contenders: Sequence[Contender], text: str) -> None:
    for contender in contenders:
        config_of(contender.strategy, dict(contender.options))
    labels = [contender.label for contender in contenders]
    if len(set(labels)) < len(labels):
        raise InvalidValueError(f"{text!r} names a strategy twice with the same settings. Name each once.")
