"""Deferral of Ctrl-C, so that it takes effect between two steps and never within one.

Python raises KeyboardInterrupt wherever the main thread happens to be: between two assignments of a strategy, or in a
callback that TensorFlow's C++ code waits for. `held` defers it until a block is complete.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator

_num_blocks = 0  # open `held` blocks of the main thread, which receives the signals
_came = False  # whether an interrupt arrived during a block


def interrupt() -> None:
    """Raises KeyboardInterrupt now, or at the end of the outermost `held` block. For signal handlers."""
    global _came
    if _num_blocks == 0:
        raise KeyboardInterrupt
    _came = True


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Defers the KeyboardInterrupt of Ctrl-C, or of a handler that calls `interrupt`, until the block ends.

    Raises:
        KeyboardInterrupt: at the end, if one arrived and the block raised nothing else.
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
