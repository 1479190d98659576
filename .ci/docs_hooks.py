"""What the site does beyond the pages of docs/: MkDocs calls these functions while it builds.

README.md, WORKSPACE.md and others at the top of the repository become pages of the site, so that each text has one
home. Links are written as they work in the repository; here each is turned into one that works in the site. A link to
a file that the site does not have, such as a module, becomes its text.
"""

import pathlib
import posixpath
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

# File of the repository -> page of the site.
PAGES = {
    "README.md": "index.md",
    "WORKSPACE.md": "promises.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "testdata/README.md": "testdata.md",
}
_PLACES = {page: name for name, page in PAGES.items()}
# A fenced block, a link or an image, or inline code, whichever begins first: there are no links in code.
_PARTS = re.compile(
    r"^```.*?^```|(?P<mark>!?)\[(?P<text>(?:\\.|[^\[\]\\]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)|`[^`\n]+`",
    re.DOTALL | re.MULTILINE,
)
# What a browser would fetch from elsewhere while it shows a page.
_FETCHED = re.compile(r"""<(script|img|iframe|source|link)\b[^>]*\s(src|href)=["']?(https?:)?//[^>]*>""")


def on_files(files, config):
    """Adds the pages that lie outside of docs/, and gives a page that is HTML already a place of its own."""
    from mkdocs.structure.files import File, InclusionLevel  # the tests import this module without MkDocs

    for path in (ROOT / "docs").glob("*/index.html"):  # README.md of the same folder becomes its index.html
        name, place = f"{path.parent.name}/index.html", f"{path.parent.name}/page.html"
        file = File(name, config.docs_dir, config.site_dir, config.use_directory_urls, dest_uri=place)
        file.inclusion = InclusionLevel.INCLUDED  # mkdocs.yml excludes it under its own name
        files.append(file)
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turns the links of a page into those of the site."""
    del config
    return site_links(markdown, page.file.src_uri, {file.src_uri for file in files})


def on_post_page(output, page, config):
    """Refuses a page that would fetch something from the network."""
    del config
    found = _FETCHED.search(output)
    if found:
        raise ValueError(f"{page.file.src_uri} would fetch something from the network: {found[0]}")
    return output


def site_links(markdown, page, pages):
    """Returns the text of a page with links that work in the site.

    Args:
        markdown: the text, with links as they work in the repository.
        page: the page, relative to docs/.
        pages: all files of the site, relative to docs/.
    """
    place = _PLACES.get(page, f"docs/{page}")  # in the repository

    def rewrite(match):
        mark, text, target = match["mark"], match["text"], match["target"]
        if target is None or re.match(r"[a-z]+:|#", target):
            return match[0]
        path, hash_, anchor = target.partition("#")
        file = posixpath.normpath(posixpath.join(posixpath.dirname(place), path))
        found = PAGES.get(file, file.removeprefix("docs/"))
        if found in pages:
            return f"{mark}[{text}]({posixpath.relpath(found, posixpath.dirname(page) or '.')}{hash_}{anchor})"
        if mark or not (ROOT / file).exists():
            raise ValueError(f"{place} links to {target}, which is not there.")
        return text

    return _PARTS.sub(rewrite, markdown)
