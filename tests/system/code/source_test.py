"""Tests of nas_keras/system/code/source.py: the text of one function, and its names."""

import math

from nas_keras.system.code import source

_TOTAL, _SEEN = 0, []


def _counts(x):
    """Changes what it reads."""
    global _TOTAL  # a comment
    _TOTAL += x
    _SEEN.append(x)
    return math.sqrt(_TOTAL)


def _without_source(text):
    names = {}
    exec(compile(text, "<nowhere>", "exec"), names)
    return names["f"].__code__


def test_the_text_has_no_docstring_comment_or_layout():
    assert source.text_of(_counts.__code__) == (
        "def _counts(x):\n    global _TOTAL\n    _TOTAL += x\n    _SEEN.append(x)\n    return math.sqrt(_TOTAL)"
    )


def test_without_a_source_it_is_the_bytecode_with_its_constants():
    one, same, other = (source.text_of(_without_source(f"def f(x):{space}return x + {n}")) for space, n in (
        (" ", 1), ("   ", 1), (" ", 2)
    ))  # fmt: skip
    assert one == same != other and "def" not in one


def test_two_lambdas_in_one_line_are_told_apart():
    one, other = (lambda x: x + 1), (lambda x: x + 2)
    assert source.text_of(one.__code__) != source.text_of(other.__code__)


def test_state_is_what_a_function_changes():
    assert source.state_of(_counts.__code__) == {"_TOTAL", "_SEEN"}
    assert source.state_of((lambda self: self.items.update(a=1)).__code__) == {".items"}
    assert source.state_of(_without_source("def f(x):\n    global a\n    a = x\n    b.append(x)")) == {"a", "b"}


def test_names_with_the_attributes_that_follow():
    assert list(source.names_used(_counts.__code__)) == [
        ("_TOTAL", ()), ("_SEEN", ("append",)), ("math", ("sqrt",)), ("_TOTAL", ())
    ]  # fmt: skip


def test_first_arguments_of_calls():
    found = list(source.first_arguments((lambda queue, x: math.fsum(queue) + len(x.items)).__code__))
    assert sorted(found) == [(("len",), ".items"), (("math", "fsum"), "queue")]
