"""Tests of the documentation as a site, and of what its pages claim about the code. `make docs` builds the site."""

import functools
import importlib
import importlib.util
import pathlib
import re
import types

import documentation
import pytest
from helpers import ROOT

import nas_keras as nk
from nas_keras.results.loaded_run import Run


def _hooks():
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / ".ci" / "docs_hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    return hooks


@pytest.mark.parametrize(
    ("page", "before", "after"),
    [
        ("limits.md", "[x](own_images.md#a-folder)", "[x](own_images.md#a-folder)"),
        ("limits.md", "[x](../WORKSPACE.md#workers) [y](../README.md)", "[x](promises.md#workers) [y](index.md)"),
        ("mnist_small/README.md", "[x](../limits.md) ![p](heat_map.svg)", "[x](../limits.md) ![p](heat_map.svg)"),
        ("index.md", "![a loop](docs/loop.svg) [d](testdata/README.md)", "![a loop](loop.svg) [d](testdata.md)"),
        ("promises.md", "[tests/faults.py](tests/faults.py), [`a`](setup.py)", "tests/faults.py, `a`"),
        (
            "limits.md",
            "`[x](nowhere.md)` [z](https://a.b/c.md) [w](#top)",
            "`[x](nowhere.md)` [z](https://a.b/c.md) [w](#top)",
        ),
        ("limits.md", "```\n[x](nowhere.md)\n```\n", "```\n[x](nowhere.md)\n```\n"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(page, before, after):
    site = {
        "index.md",
        "promises.md",
        "testdata.md",
        "own_images.md",
        "limits.md",
        "loop.svg",
        "mnist_small/heat_map.svg",
    }
    assert _hooks().site_links(before, page, site) == after


@pytest.mark.parametrize("link", ["[x](nowhere.md)", "![p](../setup.py)", "[y](../docs/nowhere/a.md)"])
def test_a_link_to_nothing_is_an_error(link):
    with pytest.raises(ValueError, match=r"^docs/limits\.md links to .*, which is not there\.$"):
        _hooks().site_links(link, "limits.md", {"limits.md"})


@pytest.mark.parametrize(
    ("html", "is_refused"),
    [
        ('<script src="assets/a.js"></script><a href="https://a.b">c</a><link rel="icon" href="i.png">', False),
        ('<script defer src="https://cdn.b/a.js"></script>', True),
        ("<link rel=stylesheet href=//fonts.b/c.css>", True),
        ('<img alt="x" src="http://a.b/c.png">', True),
    ],
)
def test_a_page_that_needs_the_network_is_an_error(html, is_refused):
    page = types.SimpleNamespace(file=types.SimpleNamespace(src_uri="a.md"))
    if not is_refused:
        assert _hooks().on_post_page(html, page, None) == html
        return
    with pytest.raises(ValueError, match=r"^a\.md would fetch something from the network: <"):
        _hooks().on_post_page(html, page, None)


@pytest.mark.parametrize("page", documentation.PAGES)
def test_every_link_within_the_repository_leads_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^()#\s]*)(?:#([^()\s]+))?\)", documentation.text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path), f"{target}#{anchor}"


def _anchors(path: pathlib.Path) -> set[str]:
    """The anchors of a page's headings, as a code host and the site make them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short_and_shows_the_loop():
    text = documentation.text_of("README.md")
    assert len(text.splitlines()) <= 150 and "](docs/loop.svg)" in text


@pytest.mark.parametrize(
    ("page", "file", "code"),
    [(page, *quote) for page in documentation.PAGES for quote in documentation.titled_blocks(page, "py")],
)
def test_code_that_a_page_quotes_is_the_code(page, file, code):
    source = "".join(_source(file).split())
    assert [line for line in code.splitlines() if "".join(line.split()) not in source] == []


@functools.cache
def _source(file: str) -> str:
    """The text of a file of the repository, or of an installed package, which is not imported."""
    package, _, rest = file.partition("/")
    folder = ROOT if (ROOT / package).is_dir() else pathlib.Path(importlib.util.find_spec(package).origin).parents[1]
    return (folder / package / rest).read_text(encoding="utf-8")


def test_the_page_of_the_api_has_every_public_name_and_no_other():
    listed = [_resolve(name) for name in re.findall(r"^::: (\S+)$", documentation.text_of("docs/api.md"), re.MULTILINE)]
    public = [getattr(nk, name) for name in nk.__all__ if name not in ("spaces", "strategies")]
    public += [Run, nk.spaces.small, nk.spaces.large, nk.strategies.Strategy]
    public += [nk.strategies.strategy_class(name) for name in nk.strategies.NAMES]
    assert [value for value in public if not any(value is other for other in listed)] == []
    assert [value for value in listed if not any(value is other for other in public)] == []


def _resolve(name: str):
    """The object that a dotted name means."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        owner, _, attribute = name.rpartition(".")
        return getattr(_resolve(owner), attribute)


def test_the_settings_of_ppo_are_those_of_the_page():
    text = documentation.text_of("docs/how_it_works.md")
    rows = re.findall(r"^\| *\S* *\| `(\w+)`.*\| (\S+) \| ([^ |:]+).*\|$", text, re.MULTILINE)
    default, paper = nk.PPOConfig(), nk.PPOConfig.paper()
    assert len(rows) == 9
    for name, usual, in_paper in rows:
        assert str(getattr(default, name)).removesuffix(".0") == usual, name
        assert in_paper in ("–", str(getattr(paper, name)).removesuffix(".0")), name
