"""Tables of parts in a folder, so that an item is encoded with masks once, whatever it is compared with.

FOLDER/<hash of model, item, masks>.npz
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.part_table import PartTable, part_table
from counterpoint.output.console import LOG

MOST = 64
"""Tables in a folder, up to 4 MB each; beyond that the oldest are deleted."""


def tables_of(
    a: MaskedItem, b: MaskedItem, *, count: int, seed: int, cache: Path | None = None
) -> tuple[PartTable, PartTable]:
    """The tables of a pair, with independent masks.

    The masks of an item follow from its content, so that its table is the same in every pair; two items of equal
    content get different ones all the same.

    Raises:
        InputError: ``count`` does not fit the number of parts.
        SourceError: A file in the cache is damaged.
    """
    first, second = (int.from_bytes(each.content[:4]) for each in (a, b))
    second += first == second
    return (
        _table(a, cache, count=count, seed=seed, stream=first),
        _table(b, cache, count=count, seed=seed, stream=second),
    )


def _table(item: MaskedItem, cache: Path | None, *, count: int, seed: int, stream: int) -> PartTable:
    if cache is None:
        return part_table(item, count=count, seed=seed, stream=stream)
    key = hashlib.sha256(f"{item.model.fingerprint()} {count} {seed} {stream} ".encode())
    for content in (item.content, item.unmasked.tobytes(), "\n".join(item.parts.names).encode(errors="replace")):
        key.update(content)
    file = cache / f"{key.hexdigest()}.npz"
    if file.is_file():
        return PartTable.load(file)
    table = part_table(item, count=count, seed=seed, stream=stream)
    try:
        table.save(file)
        for old in sorted(cache.glob("*.npz"), key=lambda each: each.stat().st_mtime)[:-MOST]:
            old.unlink(missing_ok=True)
    except OSError as wrong:
        LOG.warning("The table of parts is not cached: %s", wrong)
    return table
