"""Tests of nas_keras/benchmarks/resident.py."""

import pytest

from nas_keras.benchmarks.resident import resident_bytes


def test_resident_memory_grows_by_what_is_taken():
    before = resident_bytes()
    taken = bytearray(b"x" * 2**26)
    assert 0.9 * 2**26 < resident_bytes() - before < 1.5 * 2**26
    del taken


def test_a_process_that_is_not_there():
    with pytest.raises(ProcessLookupError, match="There is no process 4194304"):
        resident_bytes(2**22)
