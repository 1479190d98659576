"""The templates of pages, filled in: plain text, markdown, and one HTML file that needs no network.

`templates/` holds them. What they show is escaped: in HTML by Jinja's autoescape, in markdown by `markdown.escape`. The
policy in the head of the HTML file lets a browser run the scripts of this program, each named by its digest, and
nothing else: no other script, no request to any server.
"""

import base64
import functools
import hashlib
import json
import re
from typing import Any

from nas_keras.reports.markdown import Code, escape, make_table, number, percent
from nas_keras.system.words import counted


class _Markdown(str):
    """Text that is markdown already."""


def write_text(macro: str, **values: Any) -> list[str]:
    """Fills in a macro of `templates/texts.txt`; returns its paragraphs, each on one line, as plain text."""
    environment = _environment(
        trim_blocks=True, lstrip_blocks=True, finalize=lambda part: re.sub(r"\s+", " ", str(part))
    )
    environment.filters |= {"percent": percent, "number": number, "counted": counted}
    text = getattr(environment.get_template("texts.txt").module, macro)(**values)
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text.strip())]


def render_markdown(context: dict[str, Any]) -> str:
    """Fills in README.md."""
    environment = _environment(finalize=lambda value: value if isinstance(value, _Markdown) else escape(value))
    environment.filters["table"] = lambda table: _Markdown(make_table(table))
    environment.filters["block"] = lambda lines: _Markdown("\n".join(["```sh", *map(in_one_line, lines), "```"]))
    return environment.get_template("README.md").render(context)


def render_html(context: dict[str, Any], data: dict[str, Any], charts: dict[str, Any]) -> str:
    """Fills in index.html.

    Args:
        context: what its template shows.
        data: the rows of the page, see `rows.py`.
        charts: Bokeh's description of the charts, see `charts.py`; empty without any.
    """
    environment = _environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.tests["code"] = lambda value: isinstance(value, Code)
    environment.filters |= {"json": _json, "line": in_one_line}
    scripts = [*([_bokeh()] if charts else []), *map(_source, ("drawing.js", "table.js", "page.js"))]
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return environment.get_template("index.html").render(
        context, data=data, charts=charts, scripts=scripts, style=_source("style.css"), script_hashes=hashes
    )


def in_one_line(command: str) -> str:
    """Formats a command for a code block, as a comment if the block cannot hold it unchanged."""
    line = " ".join(command.split()).replace("```", "")
    return line if line == command or line.startswith("#") else f"# A name in it cannot be shown here: {line}"


def _environment(**settings: Any) -> Any:
    import jinja2

    loader = jinja2.PackageLoader("nas_keras.reports")
    return jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True, **settings)


def _source(name: str) -> str:
    return _environment().loader.get_source(None, name)[0]


@functools.cache
def _bokeh() -> str:
    """Bokeh's script, which a page carries in itself."""
    from bokeh.resources import Resources

    (script,) = Resources(mode="inline", components=["bokeh"]).js_raw[:1]
    return script.replace("</script", "<\\/script")


def _json(value: Any) -> Any:
    """JSON for a block of data in a page: no text in it ends the block."""
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
