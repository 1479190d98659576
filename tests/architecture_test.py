"""The architecture of nas_keras: which package may import which, and what a package and a module must have."""

import pathlib

import architecture
from helpers import ROOT

PACKAGE, TESTS = ROOT / "nas_keras", ROOT / "tests"

# Package or module -> what it may import, in the order of the layers: a row names only rows above it.
MAY_IMPORT = {
    "_version": "",
    "errors": "",
    "system": "errors",
    "_tensorflow": "errors system",
    "trial": "errors",
    "spaces": "errors system",
    "data": "errors system _tensorflow",
    "children": "errors system _tensorflow trial spaces data",
    "controller": "_tensorflow",
    "strategies": "errors _tensorflow trial spaces controller",
    "storage": "_version errors system _tensorflow trial spaces strategies",
    "evaluators": "errors system _tensorflow trial spaces data children storage",
    "runner": "_version errors system _tensorflow trial spaces children strategies storage evaluators",
    "results": "_version errors system _tensorflow trial spaces data children strategies storage evaluators runner",
    "comparison": "errors system _tensorflow trial spaces strategies storage evaluators runner",
    "reports": "errors system _tensorflow trial spaces data children strategies storage runner results comparison",
    "benchmarks": "system _tensorflow trial spaces data children strategies evaluators runner comparison",
    "_launch": (
        "_version errors system _tensorflow trial spaces data children strategies storage evaluators runner results"
    ),
    "__main__": "_launch",
}

# Modules that are tested with others, with the reason: module -> the test file that covers it.
TESTED_ELSEWHERE: dict[str, str] = {
    "__main__.py": "package_test.py",  # one call, in a process of its own
    "_version.py": "package_test.py",  # one constant
    "benchmarks/plain.py": "launch/benchmark_test.py",  # one training, which a benchmark compares
    "data/folder_pixels.py": "data/folder_test.py",  # pixels of files, in memory or mapped
    "data/tfds.py": "data/images_test.py",  # each case needs a prepared data set
    "data/tfds_builders.py": "data/images_test.py",  # the same
    "data/tfds_pixels.py": "data/images_test.py",  # the same
    "evaluators/step_check.py": "evaluators/operation_check_test.py",  # each case is a faulty operation as a whole
    "evaluators/training_pool.py": "evaluators/training_test.py",  # worker processes that train
    "reports/charts.py": "reports/html_page_test.py",  # charts show what they are in a browser
    "reports/page.py": "reports/search_page/page_test.py",  # what both pages share
    "reports/rendering.py": "reports/html_page_test.py",  # a part of one page
    "reports/rows.py": "reports/html_page_test.py",  # a part of one page
    "reports/search_page/tables.py": "reports/search_page/page_test.py",  # a part of one page
    "reports/search_page/winner.py": "reports/search_page/page_test.py",  # a part of one page
    "results/exporting/accuracies.py": "results/export_test.py",  # a step of an export
    "results/exporting/cell_training.py": "launch/train_child_test.py",  # a training as a whole
    "children/training_state.py": "results/exporting/training_checkpoint_test.py",  # a training that continues
    "results/exporting/children.py": "results/export_test.py",  # a step of an export
    "results/exporting/ensemble.py": "launch/export_best_test.py",  # an export as a whole
    "results/exporting/measured_writing.py": "results/export_test.py",  # a step of an export
    "results/exporting/planning.py": "results/export_test.py",  # a step of an export
    "results/formats/keras_file.py": "results/formats/writing_test.py",  # one format, read back from its file
    "results/formats/lite.py": "results/formats/writing_test.py",  # one format, read back from its file
    "results/formats/loading.py": "results/export_test.py",  # one format, read back from its file
    "results/formats/onnx_file.py": "results/formats/writing_test.py",  # one format, read back from its file
    "results/formats/preprocessing.py": "results/formats/writing_test.py",  # one format, read back from its file
    "results/formats/readers.py": "results/formats/writing_test.py",  # one format, read back from its file
    "results/formats/saved_model.py": "results/formats/writing_test.py",  # one format, read back from its file
    "results/formats/weights.py": "results/export_test.py",  # one format, read back from its file
    "results/model_card/facts.py": "results/model_card/card_test.py",  # a part of one page
    "results/model_card/markdown.py": "reports/markdown_test.py",  # a part of one page
    "results/model_card/networks.py": "results/model_card/card_test.py",  # a part of one page
    "results/model_card/pictures.py": "results/model_card/card_test.py",  # a part of one page
    "results/model_card/sections.py": "results/model_card/card_test.py",  # a part of one page
    "runner/loop.py": "runner/search_test.py",  # the loop is a search
    "runner/monitoring/observers.py": "runner/search_test.py",  # hands on what the loop tells
}

# Modules that may be longer: being rewritten.
LONG_MODULES: list[str] = []

# Functions that may be longer, since they read best in one piece.
LONG_FUNCTIONS = [
    "nas_keras/runner/search.py:search",
]


def test_imports_point_downwards_as_the_table_says():
    assert architecture.check_imports(PACKAGE, MAY_IMPORT) == []


def test_no_modules_import_each_other():
    assert architecture.check_cycles(PACKAGE) == []


def test_the_docstring_of_a_package_names_its_modules():
    assert architecture.check_package_docstrings(PACKAGE) == []


def test_a_folder_can_be_read_at_a_glance():
    assert architecture.check_entries(PACKAGE, top=20, folder=16) == []


def test_every_module_has_its_tests():
    assert architecture.check_test_files(PACKAGE, TESTS, TESTED_ELSEWHERE) == []


def test_modules_are_short():
    folders = [PACKAGE, ROOT / "launch"]
    assert architecture.check_module_lengths(folders, most=250, exceptions=LONG_MODULES) == []


def test_functions_are_short():
    folders = [PACKAGE, ROOT / "launch"]
    assert architecture.check_function_lengths(folders, most=60, exceptions=LONG_FUNCTIONS) == []


# The checks themselves, on small trees.


def _tree(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "pkg"


def test_an_import_that_the_table_does_not_list_is_found(tmp_path):
    root = _tree(
        tmp_path,
        {
            "pkg/__init__.py": "from pkg.high import top\n",  # the public names: any import
            "pkg/errors.py": "",
            "pkg/low/__init__.py": "",
            "pkg/low/a.py": "from pkg.errors import E\nfrom pkg.low import b\nimport os\n",
            "pkg/low/b.py": "def f():\n    import pkg.high.top\n",
            "pkg/high/__init__.py": "",
            "pkg/high/top.py": "from pkg import low\nfrom ..low.a import x\n",
        },
    )
    table = {"errors": "", "low": "errors", "high": "low"}
    assert architecture.check_imports(root, table) == [
        "low.b imports high.top, but low may not import high.",
    ]
    assert architecture.check_imports(root, {"errors": "", "high": "", "low": "errors high"}) == [
        "high.top imports low.__init__, but high may not import low.",
        "high.top imports low.a, but high may not import low.",
    ]


def test_an_import_of_the_public_package_is_found(tmp_path):
    root = _tree(tmp_path, {"pkg/__init__.py": "", "pkg/a.py": "import pkg as p\n"})
    assert architecture.check_imports(root, {"a": ""}) == ["a imports __init__, but a may not import __init__."]


def test_a_table_that_is_wrong_is_found(tmp_path):
    root = _tree(tmp_path, {"pkg/__init__.py": "", "pkg/a.py": "", "pkg/b.py": "from pkg.a import x\n"})
    assert architecture.check_imports(root, {"b": "a", "a": ""}) == ["The row of b names a, which is not above it."]
    assert architecture.check_imports(root, {"a": "", "b": "a", "c": "a"}) == [
        "c is not there.",
        "c may import a, but does not.",
    ]
    assert architecture.check_imports(root, {"a": ""}) == [
        "b has no row.",
        "b imports a, but b may not import a.",
    ]


def test_a_cycle_is_found(tmp_path):
    files = {
        "pkg/__init__.py": "from pkg import a\n",
        "pkg/a.py": "from pkg.b import x\n",
        "pkg/b.py": "def f():\n    from pkg.c import x\n",
        "pkg/c.py": "x = 1\n",
    }
    assert architecture.check_cycles(_tree(tmp_path / "no", files)) == []
    problems = architecture.check_cycles(_tree(tmp_path / "yes", {**files, "pkg/c.py": "import pkg.a\n"}))
    assert [problem.split()[0] for problem in problems] == ["__init__", "a", "b", "c"]


def test_a_docstring_that_does_not_name_a_module_is_found(tmp_path):
    root = _tree(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/a/__init__.py": '"""Reads `b.py`, then `e/`."""\n',
            "pkg/a/b.py": "",
            "pkg/a/c.py": "",
            "pkg/a/e/__init__.py": "",
            "pkg/d/__init__.py": '"""Nothing."""\n',
        },
    )
    assert architecture.check_package_docstrings(root) == [
        "The docstring of a/__init__.py does not name `c.py`.",
        "a/e/__init__.py has no docstring.",
    ]


def test_a_full_folder_is_found(tmp_path):
    root = _tree(tmp_path, {f"pkg/{name}": "" for name in ("__init__.py", "a/__init__.py", "a/b.py", "a/c.txt")})
    assert architecture.check_entries(root, top=2, folder=3) == []
    assert architecture.check_entries(root, top=1, folder=2) == [
        "The root has 2 entries, more than 1.",
        "a has 3 entries, more than 2.",
    ]


def test_a_module_without_tests_is_found(tmp_path):
    modules = {f"pkg/{name}": "" for name in ("__init__.py", "_a.py", "b.py", "c/__init__.py", "c/d.py")}
    root, tests = _tree(tmp_path, {**modules, "tests/a_test.py": "", "tests/c/d_test.py": ""}), tmp_path / "tests"
    assert architecture.check_test_files(root, tests, {"b.py": "a_test.py"}) == []
    assert architecture.check_test_files(root, tests, {}) == ["b.py has no tests: b_test.py is missing."]
    assert architecture.check_test_files(root, tests, {"b.py": "gone_test.py", "c/d.py": "a_test.py"}) == [
        "c/d.py needs no exception any more.",
        "gone_test.py is missing.",
    ]


def test_a_long_module_is_found(tmp_path):
    root = _tree(tmp_path, {"pkg/__init__.py": "", "pkg/a/b.py": "x = 1\n" * 4, "pkg/c.py": "x = 1\n" * 3})
    assert architecture.check_module_lengths([root], most=4) == []
    assert architecture.check_module_lengths([root], most=3) == ["pkg/a/b.py has 4 lines, more than 3."]
    assert architecture.check_module_lengths([root], most=3, exceptions=["pkg/a/b.py", "pkg/c.py"]) == [
        "pkg/c.py needs no exception any more."
    ]


def test_a_long_function_is_found(tmp_path):
    text = (
        "def short():\n    pass\nclass C:\n    async def long(self):\n        a = 1\n        b = 2\n        return a\n"
    )
    root = _tree(tmp_path, {"pkg/__init__.py": "", "pkg/a.py": text})
    assert architecture.check_function_lengths([root], most=4) == []
    assert architecture.check_function_lengths([root], most=3) == ["pkg/a.py:long has 4 lines, more than 3."]
    assert architecture.check_function_lengths([root], most=3, exceptions=["pkg/a.py:long", "pkg/a.py:short"]) == [
        "pkg/a.py:short needs no exception any more."
    ]
