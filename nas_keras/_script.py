"""How a launch script starts and ends: flags checked, a user's mistake in one sentence, an exit code that says which.

0: done. 2: a wrong flag, value or file. 130: interrupted. Anything else is a defect and shows its traceback.
"""

import sys
from collections.abc import Callable

from absl import app, flags, logging

from nas_keras.errors import InvalidValueError, NasKerasError


def run(main: Callable[[], None]) -> None:
    """Parses the flags and calls `main()`."""

    def guarded(arguments: list[str]) -> None:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TFDS is talkative; --verbosity=0 lets it speak
        try:
            if arguments[1:]:
                raise InvalidValueError(f"{arguments[1]!r} is no flag. Flags are written --name=value; see --help.")
            main()
        except NasKerasError as error:
            _exit(2, f"Error: {error}")
        except KeyboardInterrupt:
            _exit(130, "Interrupted. What was computed is kept; the same command goes on from there.")

    app.run(guarded, flags_parser=_parse)


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        _exit(2, f"Error: {error}\nSee --help.")


def _exit(code: int, message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(code)
