"""Tests of nas_keras/system/code/parts.py."""

from nas_keras.system.code.parts import Parts, digest, is_digest


def test_two_parts_of_one_name_are_numbered_and_equal_ones_are_one():
    parts = Parts()
    assert [parts.add("f", text) for text in ("1", "2", "1", "3")] == ["f", "f #2", "f", "f #3"]
    assert parts.found == {"f": "1", "f #2": "2", "f #3": "3"}


def test_short_values_are_written_and_long_ones_and_strings_are_not():
    parts = Parts()
    for name, text in (("a", "3"), ("b", "9" * 41), ("c", "'password'"), ("d", "a\nb")):
        parts.add_value(name, text)
    assert parts.found == {"a": "3", "b": digest("9" * 41), "c": digest("'password'"), "d": digest("a\nb")}


def test_a_digest_is_known_as_one():
    assert digest("") == digest(b"") == "sha256:e3b0c44298fc1c14"  # the beginning of the SHA-256 of nothing
    assert is_digest(f"f {digest('x')}") and not is_digest("f") and not is_digest(3)


def test_a_module_that_no_file_was_imported_for_has_no_digest():
    parts = Parts()
    for module in (None, "json", "no_such_module"):
        parts.add_file(module)
    assert parts.found == {}
