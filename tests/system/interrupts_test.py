"""Tests of nas_keras/system/interrupts.py: this process sends itself the signals."""

import os
import signal
import threading

import pytest

from nas_keras.system.interrupts import held, interrupt


@pytest.fixture(autouse=True)
def _python_s_own_handler():
    """In the background of a shell without job control processes are started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt), held():
        _press_ctrl_c()
        done.append("the rest of the block")
    assert done == ["the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_waits_for_the_outermost_block_and_comes_once():
    done = []
    with pytest.raises(KeyboardInterrupt), held():
        with held():
            _press_ctrl_c()
            _press_ctrl_c()
        done.append("between the ends")
    assert done == ["between the ends"]
    with held():
        done.append("the next block")


def test_a_handler_of_the_programs_is_left_alone_and_may_have_its_interruption_put_off():
    done = []

    def handle(number, frame):
        done.append("handled")
        interrupt()

    before = signal.signal(signal.SIGINT, handle)
    try:
        with pytest.raises(KeyboardInterrupt), held():
            _press_ctrl_c()
            done.append("the rest of the block")
        assert signal.getsignal(signal.SIGINT) is handle
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["handled", "the rest of the block"]


def test_an_exception_of_the_blocks_comes_first():
    with pytest.raises(ZeroDivisionError), held():
        _press_ctrl_c()
        1 / 0  # noqa: B018
    with held():
        pass  # nothing is left over


def test_outside_of_a_block_an_interruption_comes_at_once():
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_another_thread_has_nothing_to_put_off():
    done = []

    def work():
        with held():
            done.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
