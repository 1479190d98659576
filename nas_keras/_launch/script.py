"""The start and the end of a launch script: its flags are checked, and a user's mistake is shown as one sentence.

The exit code is 0 when the script is done; 2 for a wrong flag, value or file, and for a file that cannot be written;
130 after Ctrl-C (SIGINT) and 143 after SIGTERM; 141 when the reader of the output has closed it. Any other exception is
a defect and shows its traceback.
"""

import contextlib
import errno
import importlib.util
import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags, logging

from nas_keras.errors import InvalidValueError, NasKerasError
from nas_keras.system.atomic_files import FIXES
from nas_keras.system.descriptors import open_standard_streams
from nas_keras.system.interrupts import interrupt
from nas_keras.system.output_files import UnwrittenError

# What an interrupted script says of its work.
CONTINUES = "What was finished is kept; the same command continues from there."
STARTS_OVER = "No result was kept; the same command starts from the beginning."

_NO_TEMPORARY = "No usable temporary directory found"  # how Python's tempfile says it
_GRACE_SECONDS = 8.0  # from a signal to the end, whatever the process is doing; clouds give 10 to 30 before they kill


def run(main: Callable[[], None], *, interrupted: str | Callable[[], str] = CONTINUES) -> None:
    """Parses the flags and calls `main()`.

    Args:
        main: the script.
        interrupted: what is true of the work after Ctrl-C or SIGTERM, as a sentence, or a function that returns it.
    """
    _make_streams_writable()
    # Children are trained in workers. What is left to this process is a controller of some ten thousand weights, whose
    # operations are so small that a second thread only makes them wait.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    ending = _Ending(interrupted)

    def guarded(arguments: list[str]) -> None:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TFDS is talkative; --verbosity=0 lets it speak
        if arguments[1:]:
            raise InvalidValueError(f"{arguments[1]!r} is not a flag. Flags are written --name=value; see --help.")
        main()

    def explained(arguments: list[str]) -> None:
        try:
            guarded(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            os._exit(128 + signal.SIGPIPE)  # as other programs do, without a word
        except BaseException as error:
            if ending.number is not None or isinstance(error, KeyboardInterrupt):
                ending.leave()  # whatever the interrupted code made of it
            if isinstance(error, UnwrittenError):
                sys.stdout.write(f"{error.result}\n")
                sys.stdout.flush()
            if isinstance(error, NasKerasError):
                _exit(2, f"Error: {error}")
            if isinstance(error, FileNotFoundError) and _NO_TEMPORARY in str(error):
                _exit(2, "Error: No folder for temporary files can be written. Name one by TMPDIR, then start again.")
            if isinstance(error, OSError) and error.errno in FIXES and error.errno != errno.ENOENT:
                # Where nothing nearer to the file has said it; at an exit Python would try to print the rest once more.
                place = error.filename or "A file, or the output of the script"
                _say(f"Error: {place}: {error.strerror}. Fix that, then start the command again.")
                os._exit(2)
            raise

    app.run(explained, flags_parser=_parse)


def check_report_extra(what: str) -> None:
    """Raises InvalidValueError if the libraries of the extra `[report]`, which `what` needs, are not installed."""
    missing = [name for name in ("matplotlib", "scipy") if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidValueError(f"{what} needs {' and '.join(missing)}: pip install 'nas_keras[report]'.")


def _make_streams_writable() -> None:
    """Lets every text be printed: to streams that are closed, and to those whose encoding lacks a character."""
    open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Ending:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt, once; the process ends within `_GRACE_SECONDS` in any case.

    Python may lose an exception that comes in the wrong place, and TensorFlow may take its time. Both are no reason to
    stay: on disk everything is whole at every moment, and workers end when this process does.

    Attributes:
        number: of the signal that came; None if none did.
    """

    def __init__(self, interrupted: str | Callable[[], str]):
        self.number: int | None = None
        self._interrupted = interrupted
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # in the background of a shell that has no job control
                signal.signal(number, self._receive)

    def _receive(self, number: int, frame) -> None:
        del frame
        if self.number is not None:  # the second one: at once
            self._leave()
        self.number = number
        timer = threading.Timer(_GRACE_SECONDS, self._leave)
        timer.daemon = True
        timer.start()
        interrupt()

    def leave(self) -> None:
        """Says why and ends the process, without what Python and TensorFlow do at an exit."""
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        self._leave()

    def _leave(self) -> None:
        number = self.number or signal.SIGINT
        what = "Interrupted" if number == signal.SIGINT else f"Ended by {signal.Signals(number).name}"
        _say(f"{what}. {self._interrupted() if callable(self._interrupted) else self._interrupted}")
        os._exit(128 + number)


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        _exit(2, f"Error: {error}\nSee --help.")


def _say(text: str) -> None:
    """Writes to stderr, past Python's file of that name, which a thread that was interrupted may hold."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode(encoding, "backslashreplace"))


def _exit(code: int, message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    sys.exit(code)
