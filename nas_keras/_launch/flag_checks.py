"""Checks of flags that scripts share: a flag that is required, one that would be ignored, the folder of a table."""

import pathlib
from collections.abc import Iterable

from absl import flags

from nas_keras.errors import InvalidValueError
from nas_keras.storage.table import check_place
from nas_keras.system.output_files import check_apart
from nas_keras.system.paths import local_path


def check_given(name: str, what: str, example: str) -> None:
    """Raises InvalidValueError if a required flag is missing or empty.

    Args:
        name: the flag, without dashes.
        what: what it names, such as "the folder of the run".
        example: a value that the message proposes.
    """
    if not flags.FLAGS[name].value:
        raise InvalidValueError(f"--{name} is missing: name {what}, such as --{name}={example}.")


def refuse_given(names: Iterable[str], why: str) -> None:
    """Raises InvalidValueError if one of these flags is given, since it would be ignored.

    Args:
        names: flags, without dashes.
        why: the rest of the sentence after "--name=value".
    """
    for name in names:
        flag = flags.FLAGS[name]
        if flag.present:
            value = ",".join(flag.value) if isinstance(flag.value, list) else flag.value
            raise InvalidValueError(f"--{name}={value} {why}")


def output_table(read: Iterable[tuple[str, str]], *, fill: bool = True) -> pathlib.Path:
    """The folder of --table, where a script writes a table of rewards.

    Args:
        read: (flag, folder) pairs that the script reads, none of which may be the table.
        fill: whether children are trained into it; merging has checks of its own.

    Raises:
        InvalidValueError: if the flag is missing, or if the folder cannot become a table.
    """
    table = local_path("table", flags.FLAGS["table"].value)
    check_apart(folders={"table": table}, read=read)
    if fill:
        check_place(table)
    return table
