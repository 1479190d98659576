"""The start and the end of a launch script: its flags are checked, and a user's mistake is shown as one sentence.

The exit code is 0 for success; 2 for a wrong flag, value or file, and for a file that cannot be written; 130 after
Ctrl-C (SIGINT) and 143 after SIGTERM; 141 if the reader of the output has closed it. Any other exception is a defect:
its traceback is shown, and the exit code is 1.
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

# Sentences about the work of a script that was interrupted.
CONTINUES = "What was finished is kept; the same command continues from there."
TRAINING_CONTINUES = (
    "Exported children are kept; the same command continues the final training from where it was last saved."
)
STARTS_OVER = "No result was kept; the same command starts from the beginning."

_NO_TEMPORARY = "No usable temporary directory found"  # the message of Python's tempfile
_GRACE_SECONDS = 8.0  # from a signal to the end of the process; cloud providers kill it after 10 to 30


def run(main: Callable[[], None], *, interrupted: str | Callable[[], str] = CONTINUES) -> None:
    """Parses the flags and calls `main()`.

    Args:
        main: the script's work.
        interrupted: a sentence that says what Ctrl-C or SIGTERM leaves behind, or a function that returns it.
    """
    _make_streams_writable()
    # Workers train the children. This process only runs a controller of some ten thousand weights, whose operations are
    # so small that a second thread slows them down.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    ending = _Ending(interrupted)

    def guarded(arguments: list[str]) -> None:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TFDS logs a lot at INFO, which --verbosity=0 shows
        if arguments[1:]:
            raise InvalidValueError(f"{arguments[1]!r} is not a flag. Flags are written --name=value; see --help.")
        main()

    def explained(arguments: list[str]) -> None:
        try:
            guarded(arguments)
            sys.stdout.flush()
        except BaseException as error:
            if ending.number is not None or isinstance(error, KeyboardInterrupt):
                ending.leave()  # whatever exception the interrupted code turned it into
            if isinstance(error, UnwrittenError):
                sys.stdout.write(f"{error.result}\n")
                sys.stdout.flush()
            if isinstance(error, NasKerasError):
                _exit(2, f"Error: {error}")
            if isinstance(error, FileNotFoundError) and _NO_TEMPORARY in str(error):
                _exit(2, "Error: No folder for temporary files can be written. Name one by TMPDIR, then start again.")
            raise

    try:
        try:
            app.run(explained, flags_parser=_parse)
        finally:  # --help ends the process by SystemExit; Python itself would flush too late to be caught
            sys.stdout.flush()
    except BrokenPipeError:
        os._exit(128 + signal.SIGPIPE)  # silently, as other programs do
    except OSError as error:
        if error.errno not in FIXES or error.errno == errno.ENOENT:
            raise
        # No code closer to the file has explained it. `sys.exit` would try to flush the output again.
        place = error.filename or "A file, or the output of the script"
        _say(f"Error: {place}: {error.strerror}. Fix that, then start the command again.")
        os._exit(2)


def check_report_extra(what: str, *more: str) -> None:
    """Raises InvalidValueError if the libraries of the extra `[report]`, which `what` needs, are not installed.

    Args:
        what: what needs Matplotlib and SciPy.
        *more: other libraries that it needs.
    """
    missing = [name for name in ("matplotlib", "scipy", *more) if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidValueError(f"{what} needs {' and '.join(missing)}: pip install 'nas_keras[report]'.")


def _make_streams_writable() -> None:
    """Makes printing safe for closed streams, and for streams whose encoding lacks a character."""
    open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Ending:
    """Turns the first SIGINT or SIGTERM into KeyboardInterrupt, and ends the process within `_GRACE_SECONDS`.

    Python may lose an exception that is raised in the wrong place, and TensorFlow may take long to return. The process
    can end all the same: the files on disk are consistent at every moment, and workers end when this process does.

    Attributes:
        number: the number of the signal that was received; None if there was none.
    """

    def __init__(self, interrupted: str | Callable[[], str]):
        self.number: int | None = None
        self._interrupted = interrupted
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # a shell without job control ignores it for background jobs
                signal.signal(number, self._receive)

    def _receive(self, number: int, frame) -> None:
        del frame
        if self.number is not None:  # a second signal ends the process at once
            self._leave()
        self.number = number
        timer = threading.Timer(_GRACE_SECONDS, self._leave)
        timer.daemon = True
        timer.start()
        interrupt()

    def leave(self) -> None:
        """Prints why and ends the process, skipping the exit handlers of Python and TensorFlow."""
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
    """Writes to stderr by its file descriptor, since an interrupted thread may hold the lock of `sys.stderr`."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode(encoding, "backslashreplace"))


def _exit(code: int, message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    sys.exit(code)
