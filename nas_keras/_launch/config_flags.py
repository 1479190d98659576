"""Flags that are generated from the fields of a configuration: name, type, default and help come from its dataclass.

The help of a flag is what the docstring of the dataclass says of the field under `Attributes:`, so that none of them
can drift apart. The dataclass checks the values.
"""

import dataclasses
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from absl import flags

from nas_keras.children.train_config import flag_name
from nas_keras.errors import InvalidValueError

flags.disclaim_key_flags()  # see space_flags.py

_Config = TypeVar("_Config")
_DEFINE: dict[type, Callable[..., Any]] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_boolean,
    str: flags.DEFINE_string,
}


class ConfigFlags(Generic[_Config]):
    """A flag for each field of a configuration, which has the field's name or that in its metadata under "flag".

    Args:
        config: the dataclass, whose fields have defaults.
        defaults: field -> default of the flag, where a script has another than the dataclass.
        unset: field -> what holds while the flag is not given, as --help says it; the flag has no default then.
    """

    def __init__(
        self,
        config: type[_Config],
        *,
        defaults: Mapping[str, Any] | None = None,
        unset: Mapping[str, str] | None = None,
    ):
        self._config, self._unset = config, dict(unset or {})
        texts = attribute_texts(config)
        self._flags: dict[str, flags.FlagHolder] = {}  # by field
        fields = dataclasses.fields(cast(Any, config))  # mypy knows no type for "any dataclass"
        self._names = {field.name: flag_name(field) for field in fields}
        for field in fields:
            text = texts[field.name][0].upper() + texts[field.name][1:]
            default = (defaults or {}).get(field.name, field.default)
            if field.name in self._unset:
                text, default = f"{text} Default: {self._unset[field.name]}.", None
            self._flags[field.name] = _DEFINE[type(field.default)](self._names[field.name], default, text)

    @property
    def names(self) -> list[str]:
        """The flags, without dashes, in the order of the fields."""
        return list(self._names.values())

    def name(self, field: str) -> str | None:
        """The flag of a field, with dashes; None if the configuration has no such field."""
        return f"--{self._names[field]}" if field in self._names else None

    def given(self) -> dict[str, Any]:
        """The values of the flags on the command line, by field."""
        return {field: flag.value for field, flag in self._flags.items() if flags.FLAGS[self._names[field]].present}

    def values(self) -> dict[str, Any]:
        """The values of all flags that have one, by field: those given, and the defaults of the others."""
        return {field: flag.value for field, flag in self._flags.items() if flag.value is not None}

    def replace(self, config: _Config, values: Mapping[str, Any]) -> _Config:
        """Returns a configuration with other values, which came from flags.

        Raises:
            InvalidValueError: for a value that is not allowed; the message names the flag.
        """
        try:
            return dataclasses.replace(config, **values)  # type: ignore[type-var]
        except InvalidValueError as error:
            raise InvalidValueError(self._with_flags(str(error))) from error

    def make(self) -> _Config:
        """Makes the configuration that the flags describe; fields without a value have the dataclass's default.

        Raises:
            InvalidValueError: for a value that is not allowed; the message names the flag.
        """
        return self.replace(self._config(), self.values())

    def _with_flags(self, text: str) -> str:
        """Replaces "field=" by "--flag=" in a message."""
        pattern = rf"(?<![\w-])({'|'.join(sorted(self._names, key=len, reverse=True))})="
        return re.sub(pattern, lambda match: f"--{self._names[match[1]]}=", text)


def attribute_texts(config: type) -> dict[str, str]:
    """Returns what the docstring of a dataclass says of each field under `Attributes:`.

    Raises:
        KeyError: if it leaves out a field; a test covers every configuration.
    """
    section = textwrap.dedent((config.__doc__ or "").partition("Attributes:\n")[2])
    section = re.split(r"\n\s*\n", textwrap.dedent(section))[0]
    texts: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", section.strip("\n")):
        name, _, text = entry.partition(":")
        texts[name.strip()] = " ".join(text.split())
    return {field.name: texts[field.name] for field in dataclasses.fields(config)}
