"""The shards of a large source: files, folders of photos, batches of many loose photos."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.data import archives, arrays, frames, texts
from counterpoint.data.decode import is_picture_name
from counterpoint.data.listing import files_in, has_pictures, of_folder, of_paths
from counterpoint.data.paths import existing, is_pattern, matching
from counterpoint.errors import InputError, SourceError, counted
from counterpoint.storage.files import expanded

PACKED = tuple(f"{suffix}.gz" for suffix in (*frames.TEXT, *texts.LINES))
SUFFIXES = (*archives.SUFFIXES, *frames.SUFFIXES, *arrays.SUFFIXES, *texts.LINES, *PACKED)


@dataclass(frozen=True)
class Shard:
    """One part of a source; it can be sent to another process.

    Names are relative to ``root``, the folder that the source is or that its parts share, so that items are named
    as if a folder of photos were embedded at once.

    >>> Shard("shells", "/data/photos/shells", "/data/photos").item("003.png")
    'shells/003.png'
    >>> Shard("part-00000", ("/data/photos/003.png",), "/data/photos").item("/data/photos/003.png")
    '003.png'
    """

    name: str
    source: str | tuple[str, ...]
    """The source for a modality: a path, or the paths of photos."""
    root: str

    def item(self, name: str) -> str:
        """The name of an item of this shard among the items of all shards."""
        return f"{self.name}/{name}" if isinstance(self.source, str) else _relative(Path(name), Path(self.root))

    def state(self) -> str:
        """A hash of its files' names, sizes and modification times, which changes with the shard."""
        if isinstance(self.source, tuple):
            photos = of_paths(self.source)
            held = [[self.item(name) for name in photos.names], photos.stamps]
        elif Path(self.source).is_dir():
            photos = of_folder(Path(self.source))
            held = [photos.names, photos.stamps]
        else:
            file = Path(self.source).stat()
            held = [file.st_size, file.st_mtime_ns]
        return hashlib.sha256(json.dumps(held).encode()).hexdigest()


def shards_of(source: object, *, size: int) -> list[Shard]:
    """The shards of a source, sorted by name.

    Args:
        source: A folder, a pattern such as ``data/*.tar``, a list of paths, or one path. A shard is a file of columns
            or numbers, an archive, or a folder with photos in it; folders without photos are searched for such files.
        size: Loose photos are sorted by name and cut into shards of this many.

    Raises:
        SourceError: There are no shards, or two have the same name.
    """
    if size < 1:
        raise InputError(f"A shard holds at least 1 photo. Got a shard size of {size}.")
    root, paths = _listed(source)
    photos = sorted({str(path) for path in paths if _is_photo(path)})
    shards = [Shard(_bare(_relative(path, root)), str(path), str(root)) for path in paths if not _is_photo(path)]
    for number, start in enumerate(range(0, len(photos), size)):
        shards.append(Shard(f"part-{number:05}", tuple(photos[start : start + size]), str(root)))
    if not shards:
        raise SourceError(
            f"There are no shards in '{source}'. A shard is a folder with photos, or a file that ends in "
            f"{', '.join(SUFFIXES)}; loose photos are cut into shards."
        )
    places: dict[str, Shard] = {}
    for shard in shards:
        other = places.setdefault(shard.name, shard)
        if other is not shard:
            raise SourceError(
                f"Two shards are called '{shard.name}': {_described(other)} and {_described(shard)}. "
                "Rename or leave out one."
            )
    return sorted(shards, key=lambda shard: shard.name)


def _listed(source: object) -> tuple[Path, list[Path]]:
    """The folder that names are relative to, and the path of every shard and of every loose photo."""
    if isinstance(source, list | tuple) and source and all(isinstance(each, str | Path) for each in source):
        paths = [existing(each).absolute() for each in source]
        root = Path(os.path.commonpath([path.parent for path in paths]))
        return root, [result for path in paths for result in (_parts(path) if path.is_dir() else [path])]
    if not isinstance(source, str | Path) or str(source).startswith("sample:"):
        got = f"'{source}'" if isinstance(source, str) else f"a {type(source).__name__}"
        raise SourceError(
            f"Shards come from a folder, a pattern or a list of paths. Got {got}; embed it at once, into an .npz file."
        )
    if is_pattern(source):
        root, matches = matching(source)
        return root, _without_notes(list(dict.fromkeys(part for path in matches for part in _parts(path))))
    path = existing(source).absolute()
    if path.is_file():
        return path.parent, [path]
    inside = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    return path, _without_notes([part for each in inside for part in _parts(each)])


def _without_notes(parts: list[Path]) -> list[Path]:
    """Text files are shards where there is nothing else; beside tables or photos they are notes about them."""
    others = [part for part in parts if frames.suffix_of(part) not in texts.LINES]
    return others or parts


def _parts(path: Path) -> Iterator[Path]:
    """A shard or a photo itself; for a folder without photos the shards in it; nothing for anything else."""
    if not path.is_dir():
        if _is_photo(path) or path.name.lower().endswith(SUFFIXES):
            yield path
    elif has_pictures(path):
        yield path
    else:
        yield from (file for file in files_in(path, set()) if file.name.lower().endswith(SUFFIXES))


def _is_photo(path: Path) -> bool:
    return is_picture_name(path.name) and not path.is_dir()


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _bare(name: str) -> str:
    """A name without its suffix, the longest that is known.

    >>> _bare("2024/photos.tar.gz"), _bare("v1.2")
    ('2024/photos', 'v1.2')
    """
    fitting = [suffix for suffix in SUFFIXES if name.lower().endswith(suffix)]
    return name[: -max(map(len, fitting))] if fitting else name


def _described(shard: Shard) -> str:
    return f"'{shard.source}'" if isinstance(shard.source, str) else counted(len(shard.source), "loose photo")


def apart(out: Path, source: object, shards: Sequence[Shard]) -> None:
    """Refuse an output that would later be read as data, or would replace data."""
    folder = expanded(source) if isinstance(source, str | Path) else None
    if folder is not None and folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"'{out}' lies in the source '{source}', of which it would be a part. Choose another --out.")
    for shard in shards:
        if isinstance(shard.source, str) and (out / f"{shard.name}.npz").resolve() == Path(shard.source).resolve():
            raise InputError(f"The vectors of '{shard.source}' would be written over it. Choose another --out.")
