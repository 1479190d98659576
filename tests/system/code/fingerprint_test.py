"""Tests of code_fingerprint.py and code_source.py: which changes of a user's code count, and which do not."""

import collections
import dataclasses
import functools
import json
import linecache
import operator
import re
import sys
import types

import numpy as np
import pytest
from helpers import run_python

import nas_keras as nk
from nas_keras.errors import InvalidValueError
from nas_keras.system.code.fingerprint import code_parts, parts_difference

_number = iter(range(10**6))


def _module(text, *, has_source=True, path="/nowhere/mine"):
    """A module of the user's, of which the source can be read, or not."""
    name = f"{path}{next(_number)}.py"
    if has_source:
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    module = types.ModuleType(f"mine{next(_number)}")
    exec(compile(text, name, "exec"), module.__dict__)
    return module


def _parts(text, **settings):
    return code_parts(_module(text, **settings).f)


_TEXT = """
import math
SCALE = 3
OPTIONS = {"a": 1, "b": [2, 3]}
def helper(x):
    return x + SCALE
def f(x, power=2):
    return helper(x) ** power + math.sqrt(4) + OPTIONS["a"]
"""
_SAME = [
    ("x + SCALE\n", "x + SCALE  # a comment\n", "a comment"),
    ("x + SCALE", "(x\n      +  SCALE)", "layout"),
    ("def f(x, power=2):", 'def f(x, power=2):\n    """Says what."""', "a docstring"),
    ("SCALE = 3", "\n\nOTHER = 7\nSCALE = 3", "what it does not read"),
]
_OTHER = [
    ("** power", "* power", "f has changed"),
    ("x + SCALE", "x - SCALE", "helper has changed"),
    ("SCALE = 3", "SCALE = 4", "SCALE in helper was 3, is 4"),
    ("power=2", "power=3", "f has changed; power in f was 2, is 3"),
    ('"a": 1', '"a": 5', "OPTIONS['a'] in f was 1, is 5"),
    ("[2, 3]", "[2, 3, 4]", "OPTIONS['b'] in f was [2, 3], is [2, 3, 4]"),
    ('"b": [2, 3]', '"c": [2, 3]', "OPTIONS['b'] in f is gone; OPTIONS['c'] in f is new"),
    ("import math", "import cmath as math", "math in f was module math, is module cmath"),
]


@pytest.mark.parametrize(("old", "new", "what"), _SAME, ids=lambda value: None)
def test_what_does_not_count(old, new, what):
    assert old in _TEXT
    assert _parts(_TEXT) == _parts(_TEXT.replace(old, new)), what
    if "docstring" not in what:
        assert _parts(_TEXT, has_source=False) == _parts(_TEXT.replace(old, new), has_source=False)


@pytest.mark.parametrize("has_source", [True, False])
@pytest.mark.parametrize(("old", "new", "says"), _OTHER, ids=lambda value: None)
def test_what_counts_and_what_the_message_says(old, new, says, has_source):
    assert old in _TEXT
    parts = [_parts(text, has_source=has_source) for text in (_TEXT, _TEXT.replace(old, new))]
    said = parts_difference(*parts)
    assert said == says if has_source else all(part in said for part in says.split("; ")[-1:])
    assert parts_difference(parts[0], parts[0]) == ""
    json.dumps(parts)


_PAIRS = {
    "two lambdas in one line": ((lambda x: 1.0), (lambda x: 2.0)),
    "arguments of a partial": (functools.partial(pow, 2), functools.partial(pow, 3)),
    "keywords of a partial": (functools.partial(sorted, reverse=True), functools.partial(sorted, reverse=False)),
    "arrays behind an argument": (
        functools.partial(np.dot, np.zeros(10_000)),
        functools.partial(np.dot, np.eye(100).ravel()),
    ),
    "arrays of another type": (functools.partial(np.dot, np.int32([1])), functools.partial(np.dot, np.int64([1]))),
    "library functions of one name": (np.sort, np.ndarray.sort),
    "what a dict's method answers from": ({"a": 1}.get, {"a": 2}.get),
    "compiled patterns": (functools.partial(sum, re.compile("a")), functools.partial(sum, re.compile("b"))),
    "items that are got": (operator.itemgetter(1), operator.itemgetter(2)),
    "queues": (functools.partial(sum, collections.deque([1])), functools.partial(sum, collections.deque([2]))),
    "a list and a tuple": (functools.partial(sum, [1]), functools.partial(sum, (1,))),
    "integers of thousands of digits": (functools.partial(pow, 10**5000), functools.partial(pow, 10**5001)),
    "types of a number": (functools.partial(pow, 1), functools.partial(pow, True)),
}


@pytest.mark.parametrize("pair", _PAIRS)
def test_callables_that_differ(pair):
    one, other = map(code_parts, _PAIRS[pair])
    assert one and one != other


_CLASSES = """
import dataclasses, enum, functools
class Kind(enum.Enum):
    A = 1
class Base:
    rate = 2
    def score(self, x):
        return self.rate * x
class Scorer(Base):
    __slots__ = ("wide",)
    def __init__(self, weight):
        self.weight, self.calls, self.seen, self.wide = weight, 0, [], 5
        self.itself = self
    @property
    def twice(self):
        return 2 * self.weight
    @staticmethod
    def shift(x):
        return x + 1
    def __call__(self, x):
        self.calls += 1
        self.seen.append(x)
        return self.shift(self.score(x)) * self.twice
@dataclasses.dataclass(frozen=True)
class Settings:
    power: int
    kind: Kind = Kind.A
def decorate(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return 1 * function(*arguments)
    return wrapper
@decorate
def decorated(x):
    return x + 1
@functools.lru_cache
def cached(x):
    return x + 1
scorer, settings = Scorer(3), Settings(7)
"""


@pytest.mark.parametrize(
    ("f", "old", "new"),
    [
        ("scorer", "Scorer(3)", "Scorer(4)"),
        ("scorer", "rate = 2", "rate = 3"),
        ("scorer", "self.rate * x", "self.rate / x"),
        ("scorer", "return 2 * self.weight", "return 3 * self.weight"),
        ("scorer", "return x + 1\n    def __call__", "return x + 2\n    def __call__"),
        ("scorer.score", "Scorer(3)", "Scorer(4)"),
        ("scorer", "weight, 0, [], 5", "weight, 0, [], 6"),
        ("lambda x: x ** settings.power", "Settings(7)", "Settings(8)"),
        ("lambda x: x ** settings.power", "kind: Kind = Kind.A", "kind: Kind = 5"),
        ("lambda x: Kind(x)", "A = 1", "A = 2"),
        ("decorated", "return x + 1\n@functools", "return x + 2\n@functools"),
        ("decorated", "1 * function", "2 * function"),
        ("cached", "return x + 1\nscorer", "return x + 2\nscorer"),
    ],
)
def test_classes_objects_and_decorators_count(f, old, new):
    text = f"{_CLASSES}f = {f}\n"
    assert text.count(old) == 1
    assert _parts(text) == _parts(text)
    assert _parts(text) != _parts(text.replace(old, new))


_STATE = """
log, memo, count = [], {}, 0
class Tracker:
    def __init__(self):
        self.calls = 0
    def note(self):
        self.calls += 1
tracker = Tracker()
def f(x):
    global count
    count += 1
    log.append(x)
    memo[x] = len(memo)
    tracker.note()
    return float(x)
"""


def test_what_the_function_changes_itself_is_its_state_and_does_not_count():
    module = _module(_STATE)
    before = code_parts(module.f)
    module.f(1)
    assert module.count == 1 and module.log == [1] and module.memo and module.tracker.calls == 1
    assert code_parts(module.f) == before


def test_a_helper_in_a_module_of_the_user_s_counts_and_an_installed_one_by_its_name():
    def parts(text):
        helpers = _module(text)
        helpers.__file__ = "/nowhere/helpers.py"
        main = _module("def f(x):\n    return helpers.score(x)\n")
        main.helpers = helpers
        return code_parts(main.f)

    one, other = parts("def score(x):\n    return x\n"), parts("def score(x):\n    return -x\n")
    assert parts_difference(one, other) == "score has changed"
    installed = "/nowhere/site-packages/theirs"
    one, other = (
        _parts(f"def score(x):\n    return {x}x\ndef f(x):\n    return score(x)\n", path=installed) for x in "+-"
    )
    assert list(one) == ["function"] and one["function"].endswith(".f")  # nothing of it is read


def test_functions_that_call_themselves_or_each_other_and_values_within_themselves():
    text = "def f(x):\n    return g(x - 1) if x else loop\ndef g(x):\n    return f(x)\nloop = [1]\nloop.append(loop)\n"
    assert _parts(text) == _parts(text) != _parts(text.replace("[1]", "[2]"))


def test_a_source_that_was_edited_after_it_was_imported_is_not_believed():
    module = _module("def f(x):\n    return 3 * x\n")
    name = module.f.__code__.co_filename
    before = code_parts(module.f)
    edited = "def f(x):\n    return 5 * x\n"
    linecache.cache[name] = len(edited), None, edited.splitlines(keepends=True), name
    assert code_parts(module.f) != code_parts(_module(edited).f) and code_parts(module.f) != before


def test_passwords_are_not_written_down():
    text = "TOKEN, KEYS = 'hunter2', ['hunter2']\ndef f(x):\n    return TOKEN, KEYS\n"
    assert "hunter2" not in json.dumps(_parts(text))


def test_values_nested_too_deeply_need_a_version():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidValueError, match="nested too deeply .* Give it a version"):
        code_parts(functools.partial(len, deep))
    assert code_parts(functools.partial(len, deep), version="1") == {"given version": "1"}


_HOLDERS = """
import dataclasses, functools
def scale(k, x):
    return k * x
def closure(k):
    return lambda x: k * x
def default(k):
    return lambda x, k=k: k * x
class Scaled:
    def __init__(self, k):
        self.k = k
    def m(self, x):
        return self.k * x
@dataclasses.dataclass
class Options:
    k: float
partial = functools.partial(functools.partial, scale)
a, b = Scaled(1.0), Scaled(2.0)
"""
_REGROUPED = [
    *(
        (f"[{make}(1.0), {make}(2.0), {make}(1.0)]", f"[{make}(1.0), {make}(2.0), {make}(2.0)]")
        for make in ("Scaled", "Options", "partial", "closure", "default")
    ),
    ("[a.m, b.m, a.m]", "[a.m, b.m, b.m]"),
    ("{'a': closure(1), 'b': closure(2)}", "{'a': closure(2), 'b': closure(1)}"),
    ("[{'k': a}, {'k': b}, {'k': a}]", "[{'k': a}, {'k': b}, {'k': b}]"),
]


@pytest.mark.parametrize("has_source", [True, False])
@pytest.mark.parametrize(("held", "regrouped"), _REGROUPED)
def test_which_of_several_values_of_one_name_is_where_counts(held, regrouped, has_source):
    one, again, other = (
        _parts(f"{_HOLDERS}HELD = {value}\ndef f(x):\n    return HELD\n", has_source=has_source)
        for value in (held, held, regrouped)
    )
    assert one == again != other


_PRIVATE = """
class Scorer:
    _weight, __k, _cache, __calls, _last = 1.0, 2.0, {}, [0], None
    @classmethod
    def note(cls, x):
        cls._last = x
    def __call__(self, x):
        self._cache[x] = self.__calls
        self.__calls[0] += 1
        self.note(x)
        return self._weight * self.__k
f = Scorer()
"""


def test_private_class_attributes_count_unless_they_are_state():
    before = _parts(_PRIVATE)
    assert before != _parts(_PRIVATE.replace("1.0", "1.5")) and before != _parts(_PRIVATE.replace("2.0", "2.5"))
    module = _module(_PRIVATE)
    module.f(1)
    assert module.Scorer._cache and module.Scorer._last == 1 and code_parts(module.f) == before


_WRAPPED = """
import functools, contextlib
import numpy as np
def helper(x, by):
    return x * by
class Scorer:
    double = functools.partialmethod(helper, 2)
    @functools.singledispatchmethod
    def rate(self, x):
        return 1
    @rate.register(str)
    def _(self, x):
        return 10
    def score(self, x):
        return self.double() + self.rate(x)
@functools.singledispatch
def size(x):
    return 100
@size.register(int)
def _(x):
    return 1_000
@contextlib.contextmanager
def opened(x):
    yield x + 7
def one(x):
    return x + 3
wide = np.vectorize(one, otypes=[float])
"""


@pytest.mark.parametrize(
    ("f", "old", "new"),
    [
        ("Scorer().score", "(helper, 2)", "(helper, 3)"),
        ("Scorer().score", "x * by", "x / by"),
        ("Scorer().score", "return 1\n", "return 2\n"),
        ("Scorer().score", "return 10\n", "return 20\n"),
        ("Scorer().score", "register(str)", "register(bytes)"),
        ("size", "return 100\n", "return 200\n"),
        ("size", "return 1_000\n", "return 2_000\n"),
        ("lambda x: size(x)", "register(int)", "register(float)"),
        ("lambda x: opened(x)", "x + 7", "x + 8"),
        ("wide", "x + 3", "x + 4"),
        ("lambda x: wide(x)", "[float]", "[int]"),
        ("lambda x: wide(x)", "x + 3", "x + 4"),
    ],
)
def test_functions_within_installed_wrappers_count(f, old, new):
    text = f"{_WRAPPED}f = {f}\n"
    assert text.count(old) == 1
    assert _parts(text) == _parts(text) != _parts(text.replace(old, new))


_CHANGED = """
import bisect, collections, functools, heapq, operator
import heapq as queues
from heapq import heappush as push
heap, places, table, seen, log = [], [], {}, set(), collections.deque()
again = log
class Scorer:
    def __init__(self, weight):
        self.weight, self.waiting = weight, []
    @functools.cached_property
    def twice(self):
        return 2 * self.weight
    def note(self, x):
        heapq.heappush(self.waiting, x)
        return self.twice + len(self.waiting)
scorer = Scorer(3)
def first():
    return heap[0], len(again), table
def f(x):
    HOW
    return x, first
"""


@pytest.mark.parametrize("has_source", [True, False])
@pytest.mark.parametrize(
    "how",
    [
        "heapq.heappush(heap, x)",
        "queues.heappush(heap, x)",
        "push(heap, x)",
        "bisect.insort(places, x)",
        "operator.setitem(table, x, 1)",
        "log.append(x)",
        "seen.add(x)",
        "scorer.note(x)",
    ],
)
def test_the_same_code_is_the_same_after_it_was_called(how, has_source):
    text = _CHANGED.replace("HOW", how)
    module = _module(text, has_source=has_source)
    before = code_parts(module.f)
    module.f(2)
    module.f(1)
    if "scorer" not in how:
        assert module.heap or module.places or module.table or module.log or module.seen
    elif not has_source:
        return  # without a source, the attribute of a local name is not known
    assert code_parts(module.f) == before == _parts(text, has_source=has_source)
    assert before != _parts(text.replace("heap[0]", "heap[1]").replace("Scorer(3)", "Scorer(4)"), has_source=has_source)


def test_a_container_that_an_imported_module_holds_may_change_too(monkeypatch):
    mine = _module("import heapq\nlog, heap = [], []\ndef size():\n    return len(log) + len(heap)\n")
    monkeypatch.setitem(sys.modules, "mine_of_the_test", mine)
    mine.__name__, mine.__file__ = "mine_of_the_test", "/nowhere/mine_of_the_test.py"
    text = """
import heapq
import mine_of_the_test as alias
from mine_of_the_test import log as other
def f(x):
    alias.log.append(x)
    heapq.heappush(alias.heap, x)
    return alias.size() + len(other)
"""
    module = _module(text)
    before = code_parts(module.f)
    module.f(1)
    assert mine.log == mine.heap == [1] and code_parts(module.f) == before


def test_a_module_that_was_imported_again_counts_by_its_new_text(tmp_path):
    path = tmp_path / "mine.py"

    def imported(text):
        path.write_text(text)
        module = types.ModuleType("mine")
        exec(compile(text, str(path), "exec"), module.__dict__)
        return module.f

    first = imported("def f(x):\n    return x[0] * 2 + x[1]\n")
    before = code_parts(first)
    second = imported("def f(x):\n    return x[0] + x[1] * 2  \n")
    assert code_parts(first) == before  # its text is still the one that was read
    assert parts_difference(before, code_parts(second)) == "f has changed"
    assert code_parts(second) == _parts("def f(x):\n    return x[0] + x[1] * 2\n")


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("argparse.Namespace(k=1)", "argparse.Namespace(k=2)"),
        ("fractions.Fraction(1, 2)", "fractions.Fraction(1, 3)"),
        ("decimal.Decimal('0.1')", "decimal.Decimal('0.7')"),
        ("datetime.timedelta(1)", "datetime.timedelta(2)"),
        ("datetime.datetime(2020, 1, 1)", "datetime.datetime(2020, 1, 2)"),
        ("array.array('d', [1])", "array.array('d', [2])"),
        ("np.poly1d([1, 2])", "np.poly1d([1, 4])"),
        ("Real(1)", "Real(2)"),
        ("Whole(1)", "Whole(2)"),
        ("Text('a')", "Text('b')"),
    ],
)
def test_values_of_standard_types_count(value, other):
    text = """
import argparse, array, datetime, decimal, fractions
import numpy as np
class Real(float): pass
class Whole(int): pass
class Text(str): pass
VALUE = {}
def f(x):
    return VALUE
"""
    one, again, changed = (_parts(text.replace("{}", held)) for held in (value, value, other))
    assert one == again != changed


@dataclasses.dataclass
class _Weights:
    names: frozenset


def test_the_same_in_every_process_whatever_its_hash_seed_and_addresses():
    code = """
import json
from system.code.fingerprint_test import _CLASSES, _HOLDERS, _PRIVATE, _REGROUPED, _TEXT, _PAIRS, _Weights, _module
from nas_keras.system.code.fingerprint import code_parts
weights = _Weights(frozenset("abcdefgh"))
def in_no_file(x):
    return x in {"a", "b", "c"}, weights
texts = [_TEXT, _PRIVATE, f"{_CLASSES}f = scorer", *(_HOLDERS + f"f = lambda held={held}: 1" for held, _ in _REGROUPED)]
functions = [in_no_file, *(_module(text).f for text in texts), *(f for pair in _PAIRS.values() for f in pair)]
print(json.dumps([code_parts(f) for f in functions], sort_keys=True))
"""
    outputs = [run_python(code, PYTHONHASHSEED=seed) for seed in "12"]
    assert outputs[0].returncode == 0, outputs[0].stderr
    assert outputs[0].stdout == outputs[1].stdout and len(outputs[0].stdout) > 1_000


def test_any_callable_has_an_identity():
    odd = [len, np.max, np.sin, str.upper, "a".join, int, nk.SearchSpace, nk.search, map(len, []).__next__]
    assert [code_parts(function) == code_parts(function) for function in odd] == [True] * len(odd)
    assert code_parts(len) == {} and code_parts(nk.search) == {"function": "nas_keras.runner.search.search"}
