"""Tests of nas_keras/storage/npz.py."""

import random
import tracemalloc
import zipfile

import numpy as np
import pytest

from nas_keras.storage.npz import read_arrays

_ARRAYS = {
    "weights": np.array([[1.5, np.nan], [-0.0, 1e-38]], np.float32),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
    "scalar": np.array(7, np.int64),
    "empty": np.zeros((0, 2), np.float64),
    "flag": np.array([True, False]),
    "texts": np.array(["a", "bc"]),
}


def write_claim(path, name, shape, *, body=bytes(48)):
    """Writes an npz file in which one array of doubles claims a shape, whatever is there of it."""
    header = repr({"descr": "<f8", "fortran_order": False, "shape": tuple(shape)}).encode().ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_to_the_bit(save, tmp_path):
    save(tmp_path / "a.npz", **_ARRAYS)
    found = read_arrays(tmp_path / "a.npz", at_most=10_000)
    assert set(found) == set(_ARRAYS)
    for name, array in _ARRAYS.items():
        assert isinstance(found[name], np.ndarray) and found[name].flags.writeable
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("shape", [[2**62], [2**40, 2**40], [2**31 - 1, 2**31 - 1], [10**10], [7], [-1], [-2, -3]])
def test_an_array_takes_no_more_memory_than_the_file_has_for_it(shape, tmp_path):
    write_claim(tmp_path / "a.npz", "a", shape)
    with pytest.raises(ValueError, match=r"a.npy has a header for .* values of type float64, but fewer bytes follow"):
        _read_in_a_mebibyte(tmp_path / "a.npz")


def test_a_claim_that_is_kept_is_read(tmp_path):
    write_claim(tmp_path / "a.npz", "a", [2, 3], body=np.arange(6.0).tobytes())
    assert read_arrays(tmp_path / "a.npz", at_most=1_000)["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_what_unpacks_to_more_than_is_allowed_is_not_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10**7))
    with pytest.raises(ValueError, match="it unpacks to more than 1,000,000 bytes"):
        _read_in_a_mebibyte(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("array", "says"), [(np.array([1j]), "complex128"), (np.array(["2001-01-01"], "M8[D]"), "datetime64")]
)
def test_arrays_of_another_type_are_refused(array, says, tmp_path):
    np.savez(tmp_path / "a.npz", a=array)
    with pytest.raises(ValueError, match=f"a.npy holds values of type {says}.*only real numbers and texts are read"):
        read_arrays(tmp_path / "a.npz", at_most=1_000)


def test_a_bare_array_is_refused_before_it_takes_memory(tmp_path):
    write_claim(tmp_path / "a.npz", "a", [10**9])
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        content = archive.read("a.npy")
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="it is not a zip file"):
        _read_in_a_mebibyte(tmp_path / "a.npz")


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.npz"):
        with pytest.raises(OSError, match="there is no such file"):
            read_arrays(path, at_most=1_000)


def test_damaged_files_are_refused_in_bounded_memory(tmp_path):
    np.savez(tmp_path / "a.npz", **_ARRAYS)
    content, rng, num_refused = (tmp_path / "a.npz").read_bytes(), random.Random(0), 0
    for number in range(800):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        (tmp_path / "a.npz").write_bytes(changed[: rng.randrange(len(changed))] if number < 200 else changed)
        try:
            _read_in_a_mebibyte(tmp_path / "a.npz")
        except Exception:  # of many types, as it says
            num_refused += 1
    assert num_refused > 400


def _read_in_a_mebibyte(path):
    tracemalloc.start()
    try:
        return read_arrays(path, at_most=10**6)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**20
