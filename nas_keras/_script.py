"""How a launch script starts and ends: flags checked, a user's mistake in one sentence, an exit code that says which.

0: done. 2: a wrong flag, value or file, or a file that cannot be written. 130: interrupted (Ctrl-C, SIGINT); 143: ended
by SIGTERM. 141: what read the output has closed it. Anything else is a defect and shows its traceback.
"""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable

from absl import app, flags, logging

from nas_keras.errors import InvalidValueError, NasKerasError
from nas_keras.interrupts import interrupt
from nas_keras.workspace import WAYS_OUT

_GRACE_SECONDS = 8.0  # from a signal to the end, whatever the process is doing; clouds give 10 to 30 before they kill


def run(main: Callable[[], None]) -> None:
    """Parses the flags and calls `main()`."""
    # Children are trained in workers. What is left to this process is a controller of some ten thousand weights, whose
    # operations are so small that a second thread only makes them wait.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    ending = _Ending()

    def guarded(arguments: list[str]) -> None:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TFDS is talkative; --verbosity=0 lets it speak
        if arguments[1:]:
            raise InvalidValueError(f"{arguments[1]!r} is no flag. Flags are written --name=value; see --help.")
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
            if isinstance(error, NasKerasError):
                _exit(2, f"Error: {error}")
            if isinstance(error, OSError) and error.errno in WAYS_OUT and error.errno != errno.ENOENT:
                # Where nothing nearer to the file has said it; at an exit Python would try to print the rest once more.
                place = error.filename or "A file, or what the script prints"
                _say(f"Error: {place}: {error.strerror}. Mend that, then start the command again.")
                os._exit(2)
            raise

    app.run(explained, flags_parser=_parse)


class _Ending:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt, once; the process ends within `_GRACE_SECONDS` in any case.

    Python may lose an exception that comes in the wrong place, and TensorFlow may take its time. Both are no reason to
    stay: on disk everything is whole at every moment, and workers end when this process does.

    Attributes:
        number: of the signal that came; None if none did.
    """

    def __init__(self):
        self.number: int | None = None
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
        self.number = self.number or signal.SIGINT
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        self._leave()

    def _leave(self) -> None:
        what = "Interrupted" if self.number == signal.SIGINT else f"Ended by {signal.Signals(self.number).name}"
        _say(f"{what}. What was computed is kept; the same command goes on from there.")
        os._exit(128 + self.number)


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        _exit(2, f"Error: {error}\nSee --help.")


def _say(text: str) -> None:
    """Writes to stderr, past Python's file of that name, which a thread that was interrupted may hold."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _exit(code: int, message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(code)
