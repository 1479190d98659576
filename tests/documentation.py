"""The pages of the documentation, and what they show: blocks of code, and commands."""

import ast
import re
import shlex
from typing import NamedTuple

from helpers import ROOT

# docs/record/ keeps measurements of earlier versions, whose commands this version need not take.
PAGES = ["README.md", "WORKSPACE.md", "CONTRIBUTING.md", "CHANGELOG.md", "testdata/README.md"] + sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md") if "record" not in path.parts
)
SCRIPTS = sorted(path.stem for path in (ROOT / "launch").glob("*.py"))
_EXAMPLES = sorted(f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py"))


class Command(NamedTuple):
    """A command line of a page: its words, the program first."""

    page: str
    words: tuple[str, ...]

    @property
    def script(self) -> str | None:
        """The launch script that it starts; None if it starts something else."""
        for name in map(script_of, self.words[:2]):
            if name:
                return name
        return None

    @property
    def flags(self) -> list[str]:
        """The flags of a launch script."""
        return list(self.words[1 + (script_of(self.words[0]) is None) :])


def script_of(word: str) -> str | None:
    """The name of a launch script that a word of a command names: `launch/search.py` or `nas-search`."""
    match = re.fullmatch(r"(?:.*/)?launch/(\w+)\.py", word)
    return match[1] if match else COMMANDS.get(word)


def _console_commands() -> dict[str, str]:
    tree = ast.parse((ROOT / "setup.py").read_text())
    tables = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "_COMMANDS"]
    return ast.literal_eval(tables[0])


COMMANDS = _console_commands()


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page whose info string begins with a language."""
    return [body for _, body in titled_blocks(page, language)]


def titled_blocks(page: str, language: str) -> list[tuple[str | None, str]]:
    """The same with their titles."""
    found = re.findall(rf"^```{language}(?: title=\"(.*?)\")?\n(.*?)^```", text_of(page), re.DOTALL | re.MULTILINE)
    return [(title or None, body) for title, body in found]


def shell_commands() -> list[Command]:
    """Every command of a shell block, and of the docstring of a launch script or an example."""
    commands = [
        Command(page, words) for page in PAGES for block in blocks(page, "sh") for words in split_commands(block)
    ]
    for place in [*(f"launch/{name}.py" for name in SCRIPTS), *_EXAMPLES]:
        lines = (ast.get_docstring(ast.parse(text_of(place))) or "").replace("\\\n", " ").splitlines()
        told = [line.strip() for line in lines if line.startswith(("    python ", "python launch/"))]
        commands += [Command(place, words) for line in told for words in split_commands(line)]
    return commands


def split_commands(block: str) -> list[tuple[str, ...]]:
    """The words of each command of a block.

    Comments and what redirects the output are left out, and a backslash continues a line.
    """
    commands = []
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        commands += [tuple(words[: words.index(">")] if ">" in words else words)] if words else []
    return commands


def inline_commands() -> list[Command]:
    """Launch scripts with flags in the text of a page: `launch/search.py --max_minutes=30`."""
    found = []
    for page in PAGES:
        prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
        for code in re.findall(r"`([^`]*)`", prose):
            words = tuple(code.split())
            command = Command(page, words)
            if words and command.script and command.flags:
                found.append(command)
    return found
