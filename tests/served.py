"""A tiny collection to serve: photos of stripes, a run trained on them, an index, and the queue of an audit."""

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import counterpoint as cp
from counterpoint.serving.server import bind
from counterpoint.storage.separated_values import separated
from tests.worlds import stripes

TINY = {"epochs": 1, "batch_size": 32, "width": 8, "head_hidden": 16, "head_outputs": 8}
HOSTILE = "<img src=x onerror=document.title='taken'>.png"
"""A name that would take the page over, if names were not shown as text."""


@dataclass(frozen=True)
class Served:
    photos: Path
    run: Path
    index: Path
    audit: Path


def write_photos(folder, count=64):
    world = stripes(count=count)
    for number, (picture, label) in enumerate(zip(world.source, world.labels, strict=True)):
        path = folder / f"kind{label}" / (HOSTILE if number == 5 else f"{number:03}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return folder


def write_audit(folder, names):
    """A queue with a copy, two strange items and one drawn at random, as ``audit`` leaves it."""
    folder.mkdir()
    rows = [
        (names[0], "0.9000", f"near copy of {names[1]}", ""),
        (names[2], "0.6000", "far from all others; rather a shoe", ""),
        (names[3], "0.3000", "far from all others", ""),
        (names[4], "", "control: drawn at random from the rest", ""),
    ]
    (folder / "queue.csv").write_text(separated([("item", "probability", "why", "issue"), *rows]), encoding="utf-8")
    record = {"duplicates": [{"items": names[:2]}]}
    (folder / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def make(root):
    photos, run = write_photos(root / "photos"), root / "run"
    cp.fit(photos, out=run, quiet=True, **TINY)
    index = cp.index(run, photos, labels="folder", out=root / "index", quiet=True)
    names = index.items.column("name").to_pylist()
    return Served(photos, run, root / "index", write_audit(root / "audit", names))


class Kept:
    """``counterpoint serve`` and ``curl`` of the documentation, without a port: the application is called in memory."""

    def __init__(self, monkeypatch):
        self.client = None
        monkeypatch.setattr("counterpoint.verbs.serve.bind", lambda host, port: bind(host, 0))
        monkeypatch.setattr("counterpoint.verbs.serve.run", self.run)

    def run(self, app, listening, ready):
        from starlette.testclient import TestClient

        self.client = TestClient(app, base_url="http://127.0.0.1:8765")
        ready()

    def curl(self, url, *options):
        """Send what curl would send."""
        if not options:
            response = self.client.get(url)
        elif options[0] == "--json":
            response = self.client.post(url, json=json.loads(options[1]))
        else:
            assert options[0] == "--data-binary", options
            response = self.client.post(url, content=Path(options[1].removeprefix("@")).read_bytes())
        assert response.status_code == 200, response.text
