"""Say what a built site would load from elsewhere: scripts, styles, fonts, pictures. Links that readers click are free.

python docs/hooks/offline.py site
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

LOADING = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}
LOADED = {"stylesheet", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch", "icon", "manifest"}
FOREIGN = re.compile(r"^(https?:)?//")
STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s;]+)""")


class Loads(HTMLParser):
    """Collects what one page loads from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address that a tag loads from, and addresses in its style."""
        given = {name: value or "" for name, value in attrs}
        address = given.get(LOADING.get(tag, ""), "")
        if tag == "link" and LOADED & set(given.get("rel", "").split()):
            address = given.get("href", "")
        if FOREIGN.match(address):
            self.foreign.append(address)
        self.foreign += STYLE.findall(given.get("style", ""))
        self._in_style = tag == "style"

    def handle_data(self, data: str) -> None:
        """Note addresses in a style sheet that stands in the page."""
        if self._in_style:
            self.foreign += STYLE.findall(data)


def foreign(file: Path) -> list[str]:
    """The addresses on other hosts that an .html or .css file loads."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".css":
        return STYLE.findall(text)
    page = Loads()
    page.feed(text)
    return page.foreign


def main(folder: str) -> int:
    """Print what is foreign, and return 1 if anything is."""
    files = sorted(file for file in Path(folder).rglob("*") if file.suffix in (".html", ".css"))
    if not files:
        print(f"There are no pages in '{folder}'. Build the site first: make docs", file=sys.stderr)
        return 1
    found = [(file, address) for file in files for address in foreign(file)]
    for file, address in found:
        print(f"{file} loads {address}; put a copy into docs/ instead.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
