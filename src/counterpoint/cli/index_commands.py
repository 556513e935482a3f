"""The commands ``search`` and ``index``."""

from __future__ import annotations

from counterpoint.cli.help import USE
from counterpoint.cli.maker import Given, Shown, command, done
from counterpoint.errors import InputError


@command(
    "search",
    USE,
    "counterpoint search runs/photos photos/ --like query.jpg -k 5",
    "counterpoint search photos.index --like query.jpg --where \"label == 'shell'\"",
    words={
        "run": "The run folder; or an index, which needs no SOURCE.",
        "source": "As for fit, or an index, or vectors that embed wrote, an .npz file or a folder: then only --like is "
        "embedded.",
        "like": "The name of an item, its row number, a file with one item, or, for texts, a text. In an index "
        "the file may hold several.",
        "where": "A filter on the items of an index, such as \"price < 20 and kind == 'shoe'\".",
    },
)
def _search(values: Given) -> Shown:
    """Find the items of SOURCE most similar to one item, or to a text."""
    from counterpoint.retrieval.index_record import is_index

    if values["source"] is None and not is_index(values["run"]):
        raise InputError("Name what to search in: counterpoint search RUN SOURCE --like X, or counterpoint search IDX.")
    hits = done("search", values)
    if values["like"] and hits and isinstance(hits[0], list):
        every = [{"like": each.query, "hits": each.record()} for each in hits]
        return Shown({"like": values["like"], "queries": every}, "\n\n".join(f"{each.query}\n{each}" for each in hits))
    return Shown({"like": values["like"], "hits": hits.record()}, str(hits))


@command(
    "index",
    USE,
    "counterpoint index runs/photos photos/ --out photos.index",
    "counterpoint index photos.index --add new/ --delete old.jpg",
    several=["delete"],
    words={
        "run": "The run folder; or vectors, as an .npz or .npy file or a folder of them; or an index to change.",
    },
)
def _index(values: Given) -> Shown:
    result = done("index", {**values, "delete": values["delete"] or []})
    return Shown(result.summary(), f"{result}\nThe index is in {result.folder}")
