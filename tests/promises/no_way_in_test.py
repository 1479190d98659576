"""Nothing that is read runs code, reaches out of its folder, takes the memory it claims, or writes to a terminal.

The files of a run, a table, a data set or a comparison may come from somebody else. Here is what they try.
"""

import ast
import json
import os
import pathlib
import pickle
import re
import resource
import shutil
import struct
import sys
import xml.etree.ElementTree
import zipfile

import numpy as np
import pytest
from helpers import ROOT, grid
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import nas_keras as nk
from nas_keras.comparison import npz_table
from nas_keras.comparison.compare import Comparison
from nas_keras.comparison.npz_table import read_npz
from nas_keras.comparison.problems import Problem
from nas_keras.comparison.summary import summary_text
from nas_keras.reports.markdown import Code, Table, code, escape, make_table
from nas_keras.reports.page import Searches
from nas_keras.reports.plots.comparison_plot import draw_comparison
from nas_keras.reports.table_page import page as report
from nas_keras.results.precompute import precompute
from nas_keras.results.repair import repair
from nas_keras.storage.records.shards import read_shard
from nas_keras.storage.run_config import origin_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import write_table

_ERRORS = (nk.DataError, nk.InvalidValueError)


# --- The program's text: no call that runs what a file says -------------------------------------------------------

_FORBIDDEN_MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "joblib",
    "yaml",
    "socket",
    "socketserver",
    "xmlrpc",
    "imp",
}
_FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "input",
    "system",
    "popen",
    "load_model",
    "model_from_json",
    "model_from_config",
    "from_config",
    "deserialize",
    "deserialize_keras_object",
    "enable_unsafe_deserialization",
    "Lambda",
    "py_function",
    "numpy_function",
    "mktemp",
    "extractall",
    "Listener",
    "Client",
    "Manager",
}
# Worker processes and this one speak over pipes that no other process has: nothing of a file or a network is unpickled.
_MAY_PICKLE = {
    "evaluators/workers/pool.py",
    "evaluators/workers/worker.py",
    "evaluators/workers/worker_process.py",
    "evaluators/operation_check.py",  # writes only, to find what cannot be sent to a worker
    "children/network.py",  # a user's function, which the pipe has brought to the worker
    "system/user_files.py",  # makes modules of imported files travel by value; reads nothing
}
# The files that a user names with --import are Python programs: to run them is what they are named for.
_MAY_EXECUTE = {"system/user_files.py"}
_LOADERS_OF_OURS = {"_IMPORT", "network"}  # objects whose method `load` imports those files, or unpickles the function
_MAY_CALL_BACK = {"children/batches.py"}  # a `tf.data` step that reads images from the mapped file; it is never saved
# Compiles the source of a user's function that is loaded already, to compare the bytecode. It executes nothing.
_MAY_COMPILE = {"system/code/source.py"}
# Loads what this process has just written there, to compare it with the child; see its docstring.
_MAY_LOAD_MODELS = {"results/formats/readers.py"}
_MAY_IMPORT_BY_NAME = {"__init__.py", "strategies/__init__.py"}  # from tables in their own text


def _sources():
    for folder in ("nas_keras", "launch"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT / folder).as_posix(), path.read_text()


def _offences(name, text):
    """What a file may not say: (line, what)."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in (module.split(".")[0] for module in modules):
                if module in _FORBIDDEN_MODULES or module == "cloudpickle" and name not in _MAY_PICKLE:
                    yield node.lineno, f"import {module}"
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        is_layer_of_ours = name == "strategies/ppo/loss.py"  # made here, of a function in its own text; never saved
        if called == "Lambda" and is_layer_of_ours:
            continue
        if called == "compile" and not owner and name in _MAY_COMPILE:
            continue
        if called in ("compile", "exec") and not owner and name in _MAY_EXECUTE:
            continue
        if called in ("load_model", "load") and name in _MAY_LOAD_MODELS:
            continue
        if called == "numpy_function" and name in _MAY_CALL_BACK or called == "load" and owner in _LOADERS_OF_OURS:
            continue
        if called in _FORBIDDEN_CALLS and owner not in ("re", "model"):  # re.compile, model.compile
            yield node.lineno, called
        if called == "import_module" and name not in _MAY_IMPORT_BY_NAME:
            yield node.lineno, called
        if keywords.get("shell", "False") != "False":
            yield node.lineno, "shell"
        if called == "load" and (owner != "np" or keywords.get("allow_pickle") != "False"):
            yield node.lineno, f"{owner}.load"
        if called == "loads" and owner not in ("json", "cloudpickle"):
            yield node.lineno, f"{owner}.loads"


def test_no_file_of_the_program_runs_what_a_file_says():
    sources = dict(_sources())
    assert {"storage/records/shards.py", "storage/checkpoints.py", "search.py", "evaluators/workers/worker.py"} <= set(
        sources
    )
    assert {name: list(_offences(name, text)) for name, text in sources.items() if list(_offences(name, text))} == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import pickle", "import pickle"),
        ("from yaml import load", "import yaml"),
        ("import cloudpickle", "import cloudpickle"),
        ("eval(text)", "eval"),
        ("exec(path.read_text())", "exec"),
        ("np.load(path)", "np.load"),
        ("np.load(path, allow_pickle=True)", "np.load"),
        ("tf.saved_model.load(path)", "tf.saved_model.load"),
        ("tf.keras.models.load_model(path)", "load_model"),
        ("keras.layers.Lambda(f)", "Lambda"),
        ("subprocess.run(text, shell=True)", "shell"),
        ("os.system(text)", "system"),
        ("importlib.import_module(config['module'])", "import_module"),
        ("marshal.loads(data)", "marshal.loads"),
    ],
)
def test_the_search_for_such_calls_finds_them(text, what):
    assert what in [found for _, found in _offences("some.py", text)]


def test_what_is_unpickled_comes_from_the_pipe_to_a_process_of_our_own():
    """`multiprocessing.Pipe` is a pair of sockets without a name; its ends go to a child by inheritance alone."""
    loads = []
    for name, text in _sources():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "cloudpickle.loads":
                loads.append((name, ast.unparse(node.args[0])))
    assert set(loads) == {
        ("children/network.py", "pickled"),  # a field of `Network`, an argument of a worker's task
        ("evaluators/workers/worker.py", "self._pipe.recv_bytes()"),
        ("evaluators/workers/worker_process.py", "pipe.recv_bytes()"),
        ("evaluators/workers/worker_process.py", "message"),
    }
    ours = (ROOT / "nas_keras" / "evaluators" / "workers" / "worker.py").read_text()
    assert ours.count("connection.") == 1 and "self._pipe, theirs = connection.Pipe()" in ours
    theirs = (ROOT / "nas_keras" / "evaluators" / "workers" / "worker_process.py").read_text()
    assert theirs.count("connection.") == 1 and "message = pipe.recv_bytes()" in theirs


# --- Files that would run code ------------------------------------------------------------------------------------


class _Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


@pytest.fixture(name="trap")
def _trap(tmp_path):
    """A folder that code out of a file would make."""
    trap = tmp_path / "code_was_run"
    pickle.loads(pickle.dumps(_Touch(trap)))
    assert trap.exists()  # so it would
    trap.rmdir()
    yield trap
    assert not trap.exists()


@pytest.fixture(name="run")
def _run(tmp_path):
    _again(tmp_path / "run")
    return tmp_path / "run"


def _again(run):
    function = nk.FunctionEvaluator(lambda choices: float(sum(choices)), recipe={"function": "sum"})
    return nk.search(grid(3, 3), function, strategy="random", max_evaluations=8, batch_size=4, workdir=run)


@pytest.mark.parametrize("name", ["config.json", "dataset/trials-000000.tfrecord", "pending/a.tfrecord"])
def test_a_pickle_in_the_place_of_a_runs_file_is_not_unpickled(name, run, trap):
    (run / "pending").mkdir(exist_ok=True)
    (run / name).write_bytes(pickle.dumps(_Touch(trap)))
    with pytest.raises(nk.DataError):
        _again(run)


def test_pickles_in_a_checkpoint_are_not_unpickled(run, trap):
    folder = run / "checkpoints" / "batch-000001"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("checkpoint.json", "state.npz"):
        (folder / name).write_bytes(pickle.dumps(_Touch(trap)))
    assert len(_again(run).trials) == 8


def test_a_pickle_in_an_npz_file_is_not_unpickled(tmp_path, trap):
    np.savez(tmp_path / "a.npz", n_choices=np.array([_Touch(trap)]), enc=np.zeros([1, 1], int))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(_Touch(trap)))
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("n_choices.npy", pickle.dumps(_Touch(trap)))
        archive.writestr("enc", pickle.dumps(_Touch(trap)))
    for name in ("a.npz", "b.npz", "c.npz"):
        with pytest.raises(nk.DataError, match="cannot be read as an npz file of plain arrays"):
            read_npz(tmp_path / name, array="r")


@pytest.mark.parametrize(
    "spelling", ['"pythonClassName": "trap_module.Image"', '"\\u0070ythonClassName": "trap_module.I"']
)
def test_a_data_set_imports_no_module_that_its_files_name(spelling, tmp_path, trap, monkeypatch):
    (tmp_path / "trap_module.py").write_text(f"import os\nos.mkdir({str(trap)!r})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = pathlib.Path(shutil.copytree(ROOT / "testdata" / "mnist" / "3.0.1", tmp_path / "mnist" / "3.0.1"))
    text = (folder / "features.json").read_text()
    changed = re.sub(r'"pythonClassName": "[^"]*image_feature.Image"', lambda _: spelling, text)
    assert changed != text
    (folder / "features.json").write_text(changed)
    with pytest.raises(nk.DataError, match="names 'trap_module.*is not a feature of TFDS"):
        nk.load_images("mnist", data_dir=tmp_path)
    assert "trap_module" not in sys.modules


# --- Paths that would lead out ------------------------------------------------------------------------------------


def _listing(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("key", ["../../outside", "/outside", "..", "a/../../../outside", "C:\\outside", "~"])
def test_a_key_names_no_file(key, tmp_path):
    space = nk.SearchSpace("../outside", [nk.Decision("../outside", ("/outside",))], key=lambda actions: key)
    slow = nk.FunctionEvaluator(lambda _: nk.Evaluation(1.0, seconds=60))
    (tmp_path / "in").mkdir()
    nk.search(space, slow, strategy="random", max_evaluations=1, workdir=tmp_path / "in" / "run")
    precompute(space, slow, tmp_path / "in" / "table", seeds=1)
    names = _listing(tmp_path)
    assert all(name == "in" or name.startswith(("in/run", "in/table")) for name in names)
    assert not any("outside" in name for name in names) and "in/run/dataset/trials-000000.tfrecord" in names


def test_a_repair_moves_nothing_out_of_the_folder(run, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.tfrecord").write_text("precious")
    shard = run / "dataset" / "trials-000001.tfrecord"
    shard.unlink()
    shard.symlink_to(outside / "precious.tfrecord")
    (run / "damaged").symlink_to(outside)
    with pytest.raises(nk.InvalidValueError, match="damaged is a link. Remove it"):
        repair(run)
    (run / "damaged").unlink()
    assert len(repair(run).problems) == 1
    assert _listing(outside) == {"precious.tfrecord"} and (outside / "precious.tfrecord").read_text() == "precious"
    assert (run / "damaged" / "trials-000001.tfrecord").is_symlink() and len(_again(run).trials) == 8


def test_a_batch_folder_of_another_name_is_no_checkpoint(run):
    names = ("batch-000001.tmp", "batch-1", "xbatch-000001", "batch-000001\n", "batch-..")
    for name in names:
        (run / "checkpoints" / name).mkdir(parents=True)
        (run / "checkpoints" / name / "checkpoint.json").write_text("{}")
    assert len(_again(run).trials) == 8


# --- Claims that would take memory --------------------------------------------------------------------------------


def _npy(shape, *, descr="<i8", body=b""):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_npy((2**50,)), id="a petabyte"),
        pytest.param(_npy((2**31, 2**31)), id="more than an address"),
        pytest.param(_npy((10**10,), body=bytes(80)), id="80 GB, of which ten numbers are there"),
        pytest.param(_npy((-1,)), id="fewer than none"),
        pytest.param(_npy((1,), descr="<U999999999"), id="a long text"),
        pytest.param(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31 - 1), id="a long header"),
        pytest.param(b"\x93NUMPY\x01\x00\x76\x00" + b"(" * 118, id="a nested header"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_an_array_takes_no_more_memory_than_its_file_has_for_it(content, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("n_choices.npy", _npy((1,), body=struct.pack("<q", 2)))
        archive.writestr("enc.npy", content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(nk.DataError, match="cannot be read as an npz file of plain arrays"):
        read_npz(tmp_path / "a.npz", array="r")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_a_file_that_unpacks_to_more_than_is_allowed_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(npz_table, "_MAX_BYTES", 10**6)
    np.savez_compressed(tmp_path / "a.npz", n_choices=np.array([2]), enc=np.zeros([10**6, 1], np.int8))
    assert (tmp_path / "a.npz").stat().st_size < 10_000
    with pytest.raises(nk.DataError, match="it unpacks to more than 1,000,000 bytes"):
        read_npz(tmp_path / "a.npz", array="r")


def test_a_space_that_a_file_claims_is_not_enumerated(tmp_path):
    np.savez(tmp_path / "a.npz", n_choices=np.full(30, 2**40), enc=np.zeros([1, 30], np.int8), r=np.zeros(1))
    with pytest.raises(nk.DataError, match="enc in .* must hold every encoding once"):
        read_npz(tmp_path / "a.npz", array="r")


# --- Names that would do something where they are shown -----------------------------------------------------------

NAMES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a|b||c",
    "two\nlines\r\n\n# and a title",
    "\x1b[2J\x1b]0;title\x07",
    "`code` ``more``",
    "$x$ and $\\frac{$",
    "[a link](javascript:alert(1))",
    "![a picture](http://tracker)",
    "<!-- --> --> -->",
    "*bold* _it_ ~~no~~",
    "\u202eright to left",
    "&lt;script&gt;",
    "\x00\x08\x7f\x9b31m",
    "\\",
]


def _without_code(text):
    """Markdown without what is shown as it stands: blocks and spans of code, and escaped characters."""
    return re.sub(r"```.*?```|`[^`\n]*`|\\.", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_stays_a_name_in_markdown(name):
    for written in (escape(name), code(name)):
        assert written.isprintable()
        outside_code = re.sub(r"^`[^`]*`$", "", written)
        assert not re.search(r"<|(?<!\\)(?:\\\\)*[`|\[\]!$*]", outside_code)
    for cell in (name, Code(name)):
        table = make_table(Table(["name ", "value"], [[cell, 1]]))
        assert table.count("\n") == 2
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", table.splitlines()[2])) == 3  # two cells, whatever is in them


@pytest.fixture(scope="module", name="page")
def _page(tmp_path_factory):
    """The folder of a page of a table in which everything that a file can name is named badly."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("page")
    shown = [name for name in NAMES if name.isprintable()]  # others are refused as names of a space
    space = nk.SearchSpace(shown[0], [nk.Decision(shown[3], tuple(NAMES[:8])), nk.Decision(shown[2], tuple(NAMES[7:]))])
    bad = " ".join(NAMES)
    trials = []
    for i, actions in enumerate(space.enumerate()):
        good = nk.Evaluation(0.9 + i / 9999, valid_accuracy=0.9 + i / 9999, test_accuracy=0.9, seconds=1)
        evaluation = nk.Evaluation.failure(bad) if i == 3 else good
        trials.append(nk.Trial(i, 0, 0, 7, actions, (), space.key(actions), False, evaluation))
    recipe = {"data": {"name": bad, bad: bad}, bad: [bad], "child": {bad: bad}}
    write_table(folder / "table", trials, space=space, recipe=recipe, environment={bad: bad, "processor": bad})
    report.write_report(folder / "table", space, folder / "page", searches=Searches(0), command="make " + shown[0])
    return folder / "page"


def test_a_page_of_results_shows_bad_names_and_obeys_none(page):
    text = (page / "README.md").read_text()
    assert all(line.isprintable() for line in text.splitlines())
    rest = _without_code(text)
    assert "alert" in rest and "http://tracker" in rest  # they are there, as text
    assert set(re.findall(r"<[^>]*", rest)) == {
        "<!-- Made by launch/report.py; what is changed here is lost when it is made again. --"
    }
    links = re.findall(r"\]\(([^)]*)", rest)
    assert links and all(re.fullmatch(r"[\w/.]+\.(png|svg|py|md)", link) for link in links)


def test_pictures_show_bad_names_and_hold_no_script(page):
    pictures = sorted(path.name for path in page.iterdir() if path.suffix not in (".md", ".html"))
    assert len(pictures) == 1
    for path in page.glob("*.svg"):
        _check_svg(path.read_text())


def _check_svg(text):
    for element in xml.etree.ElementTree.fromstring(text).iter():
        assert element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a", "iframe", "animate")
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert not name.endswith("href") or value.startswith(("#", "data:image/png"))


def test_a_picture_of_a_comparison_shows_bad_names_as_they_are(tmp_path):
    pytest.importorskip("matplotlib")
    for number, name in enumerate(("<script>alert(1)</script>", "$x$ and $\\frac{$", "--> a|b")):
        space = nk.SearchSpace(name, grid(2, 2).decisions)
        problem = Problem(space, None, np.arange(4.0))
        compared = Comparison(problem, 2, {"random": np.array([[1.0, 3.0], [2.0, 2.0]])})
        draw_comparison(compared, tmp_path / f"{number}.svg")
        _check_svg((tmp_path / f"{number}.svg").read_text())
        assert summary_text(compared, [1]).replace("\n", "").isprintable()


def test_a_cell_has_no_name_that_a_picture_could_obey():
    for name in NAMES:
        with pytest.raises(nk.InvalidValueError, match="use ASCII letters, digits"):
            nk.Cell.chain(name)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_name_writes_to_a_terminal(name, run):
    config = json.loads((run / "config.json").read_text())
    config["fixed"]["recipe"][name] = name
    config["fixed"]["seed"] = name
    (run / "config.json").write_text(json.dumps(config))
    for call in (lambda: _again(run), lambda: repair(run), lambda: nk.load_images(name), lambda: nk.Cell.chain(name)):
        try:
            call()
        except _ERRORS as error:
            assert str(error).isprintable() and len(str(error)) > 20
    assert str(nk.DataError(name)).isprintable()
    status = nk.Evaluation.failure(name).status
    assert status.isprintable() and status.startswith("failed: ")


def test_names_in_a_table_that_was_changed_by_hand_do_not_reach_a_terminal(tmp_path):
    space = nk.spaces.large(1)
    precompute(space, nk.FunctionEvaluator(lambda _: 1.0, recipe={"a": 1}), tmp_path / "table", seeds=1)
    description = json.loads((tmp_path / "table" / "recipe.json").read_text())
    for name in NAMES:
        for changed in ({"space": name}, {"recipe": {name: name}}, {"variants": {name: {name: name}}}):
            (tmp_path / "table" / "recipe.json").write_text(json.dumps({**description, **changed}))
            with pytest.raises(_ERRORS) as caught:
                read_table(tmp_path / "table")
            assert str(caught.value).isprintable()


def test_names_in_records_do_not_reach_a_terminal(run):
    from promises.damage_test import _set

    path = run / "dataset" / "trials-000000.tfrecord"
    content, origin = path.read_bytes(), origin_of(Workspace(run).read_config(), run)
    for name in NAMES:
        for feature in ("key", "space", "recipe", "status"):
            path.write_bytes(content)
            _set(0, **{feature: name.encode()})(path)
            try:
                trials = read_shard(path, origin)
            except nk.DataError as error:
                assert str(error).isprintable()
            else:
                assert feature in ("key", "status")
                assert trials[0].key.isprintable() and trials[0].evaluation.status.isprintable()


def test_tensorboard_gets_names_as_code_and_as_tags_only(tmp_path):
    """What it makes of them, `runner/monitoring/tensorboard_browser_test.py` looks at in a browser."""
    bad = "<script>alert(1)</script>"
    space = nk.SearchSpace(bad, [nk.Decision(bad, (bad, "b"))], key=lambda actions: f"{bad}{actions[0]}")
    failing = nk.FunctionEvaluator(lambda choices: nk.Evaluation.failure(bad), recipe={bad: bad})
    nk.search(space, failing, strategy="random", max_evaluations=2, workdir=tmp_path / "run")
    accumulator = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    texts = accumulator.PluginTagToContent("text")
    assert {"run/settings", "run/commands", "run/versions"} <= set(texts)
    for tag in texts:
        (content,) = accumulator.Tensors(tag)[0].tensor_proto.string_val
        assert all(line.startswith(b"    ") for line in content.splitlines()), tag  # Markdown's code
