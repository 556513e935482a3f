"""What stands outside docs/ and is linked from there becomes a part of the site: pages, examples, and other files.

So a link such as ``../examples/images.py`` works on the site as it does in the repository. Examples, which are scripts
with cells, become pages of text and code. Called by mkdocs, see ``mkdocs.yml``.
"""

import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)
COMMENT = re.compile(r"^# ?", re.MULTILINE)


def on_config(config: MkDocsConfig) -> None:
    """List the examples in the order of their table, and link to the repository where it is known."""
    table = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    for section in config.nav or []:
        if "Examples" in section:
            section["Examples"] += [f"examples/{Path(name).stem}.md" for name in re.findall(r"\]\((\w+\.py)\)", table)]
    address = os.environ.get("REPOSITORY_URL")
    if address:
        config.extra["social"] = [{"icon": "fontawesome/brands/git-alt", "link": address, "name": "Source"}]


def on_files(files: Files, *, config: MkDocsConfig) -> None:
    """Add whatever pages link to outside docs/, and what those link to."""
    waiting = [f"docs/{page.src_uri}" for page in files.documentation_pages()]
    seen = set(waiting)
    while waiting:
        source = waiting.pop()
        if not source.startswith("docs/"):
            files.append(_added(source, config))
        if source.endswith(".md"):
            text = (ROOT / source).read_text(encoding="utf-8")
            linked = {_linked(source, target) for target in LINK.findall(text)}
            fresh = {path for path in linked if not path.startswith("docs/") and (ROOT / path).is_file()} - seen
            seen |= fresh
            waiting += fresh


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Let links lead to where their targets stand on the site."""
    source = _repository_path(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def moved(found: re.Match[str]) -> str:
        path = _linked(source, found[1])
        return posixpath.relpath(_site_path(path), here or ".") if (ROOT / path).is_file() else found[1]

    return LINK.sub(moved, markdown)


def as_page(script: str) -> str:
    """A script with cells as Markdown: cells of text as text, all others as code."""
    _, *cells = CELL.split(script)
    parts = []
    for kind, cell in zip(cells[::2], cells[1::2], strict=True):
        if "[markdown]" in kind:
            parts.append(COMMENT.sub("", cell.strip()))
        else:
            parts.append(f"```python\n{cell.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def _added(source: str, config: MkDocsConfig) -> File:
    """A file of the repository as one of the site."""
    place = ROOT / source
    if not _site_path(source).endswith(".md"):
        return File.generated(config, _site_path(source), abs_src_path=str(place))
    text = place.read_text(encoding="utf-8")
    if source.endswith(".py"):
        text = as_page(text)
    return File.generated(config, _site_path(source), content=text)


def _linked(source: str, target: str) -> str:
    """The path in the repository of what a page links to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _site_path(path: str) -> str:
    if path == "README.md":
        return "overview.md"  # where index.md stands, a README.md would be a second index
    if path.startswith("examples/") and path.endswith(".py"):
        return path.removesuffix(".py") + ".md"
    return path.removeprefix("docs/")


def _repository_path(uri: str) -> str:
    if uri == "overview.md":
        return "README.md"
    script = uri.removesuffix(".md") + ".py"
    if uri.startswith("examples/") and (ROOT / script).exists():
        return script
    return uri if (ROOT / uri).exists() and not (ROOT / "docs" / uri).exists() else f"docs/{uri}"
