"""Ctrl-C between two steps, never within one.

Python raises KeyboardInterrupt wherever the main thread happens to be: between two assignments of a strategy, or in a
callback that TensorFlow's C++ waits for. `held` puts it off until a block is done.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator

_num_blocks = 0  # that are open; only the main thread, which gets the signals, counts
_came = False  # an interruption, while one was


def interrupt() -> None:
    """Raises KeyboardInterrupt, or has it raised when the outermost `held` block ends. For signal handlers."""
    global _came
    if _num_blocks == 0:
        raise KeyboardInterrupt
    _came = True


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Puts off the KeyboardInterrupt of Ctrl-C, or of a handler that calls `interrupt`, until the block ends.

    Raises:
        KeyboardInterrupt: at the end, if one came and the block raised nothing else.
    """
    global _num_blocks, _came
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    swaps = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if swaps:
        signal.signal(signal.SIGINT, lambda number, frame: interrupt())
    _num_blocks += 1
    try:
        yield
    finally:
        _num_blocks -= 1
        came = _came and _num_blocks == 0
        if came:
            _came = False
        if swaps:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
