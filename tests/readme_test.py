"""Tests of what README.md and the pages beside it tell people to type."""

import ast
import contextlib
import dataclasses
import io
import re

import numpy as np
import pytest
from helpers import ROOT, tiny_images

import nas_keras as nk
from nas_keras.children.train_config import flag_name
from nas_keras.spaces import operations

_PAGES = ["README.md", "WORKSPACE.md", "testdata/README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
_GIVEN = {"help", "helpfull", "verbosity"}  # absl's own flags


def _blocks(page, language="python"):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def _flags(script):
    """Names of the flags that a script defines, itself or by the groups of `_launch/` that it names."""
    modules = [ast.parse(path.read_text()) for path in (ROOT / "nas_keras" / "_launch").glob("*.py")]
    groups = {node.name: node for module in modules for node in module.body if isinstance(node, ast.ClassDef)}
    parts, named = [ast.parse(script.read_text())], set()
    for part in parts:  # grows: a group may be made of others
        names = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)} - named
        parts += [groups[name] for name in names if name in groups]
        named |= names
    calls = [node for part in parts for node in ast.walk(part) if isinstance(node, ast.Call)]
    defined = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr.startswith("DEFINE_")]
    # ConfigFlags(nk.TrainConfig) defines a flag for each field.
    configs = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "ConfigFlags"]
    fields = [dataclasses.fields(getattr(nk, getattr(config, "attr", None) or config.id)) for config in configs]
    return {call.args[0].value for call in defined} | {flag_name(field) for some in fields for field in some}


@pytest.mark.parametrize("page", _PAGES)
def test_every_flag_that_a_page_names_with_its_script_exists(page):
    text = (ROOT / page).read_text().replace("\\\n", " ")
    commands = re.findall(r"(?<!_)launch/(?!\w+_test\.py)(\w+)\.py([^`\n|]*)", text)
    for script, arguments in commands:
        path = ROOT / "launch" / f"{script}.py"
        assert path.exists(), script
        wrong = set(re.findall(r"--(\w+)", arguments)) - _flags(path) - _GIVEN
        assert not wrong, f"launch/{script}.py has no {wrong}"


@pytest.mark.parametrize("page", _PAGES)
def test_every_link_within_the_repository_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", (ROOT / page).read_text()):
        assert target.startswith("https://") or (ROOT / page).parent.joinpath(target).exists(), target


def test_the_example_of_a_search_without_a_network_finds_one_of_the_best_fits():
    (example,) = [block for block in _blocks("docs/python.md") if "nk.SearchSpace" in block]
    assert 15 <= sum(bool(line.strip()) for line in example.splitlines()) <= 22
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "docs/python.md", "exec"), names)
    space, result = names["space"], names["result"]
    rewards = np.sort([names["validate"](space.decode(actions)) for actions in space.enumerate()])
    assert space.size == len(rewards) == 600 and result.num_evaluations == 60
    assert result.best.reward > rewards[-10]
    assert printed.getvalue() == f"{space.decode(result.best.actions)} {round(result.best.reward, 3)}\n"


def test_the_examples_of_operations_and_networks_run_as_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(nk, "load_images", lambda name, data_dir: tiny_images(count=256))
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    monkeypatch.chdir(tmp_path)
    names, printed = {"__name__": "__main__"}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for example in _blocks("docs/own_network.md"):
            exec(compile(example, "own_network.md", "exec"), names)
    key, best = printed.getvalue().splitlines()
    assert key in {names["cells"].key(actions) for actions in names["cells"].enumerate()}
    assert re.fullmatch(r"blocks=[12], filters=[48] 0\.\d+", best)
    assert (tmp_path / "runs" / "towers" / "best" / "saved_model").is_dir()


def test_every_public_name_of_an_example_exists():
    for page in _PAGES:
        for block in _blocks(page):
            for name in re.findall(r"\bnk\.(\w+(?:\.\w+)*)", block):
                value = nk
                for part in name.split("."):
                    value = getattr(value, part)
