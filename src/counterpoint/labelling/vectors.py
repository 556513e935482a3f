"""The verb ``evaluate`` for vectors that anybody made: an array, a tensor, embeddings, or a file of them.

They are scored as those of a model are. What only a model can say is left open: an untrained encoder to compare with,
and alignment and collisions, for which views are encoded. The raw data, given as ``source``, is a baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn import functional

from counterpoint.data.arrays import as_numpy, numbered
from counterpoint.data.labels import read_codes
from counterpoint.data.splits import class_counts
from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError, LabelError, SourceError, listed
from counterpoint.evaluation.geometry import effective_rank, uniformity
from counterpoint.evaluation.labelled import Labelled
from counterpoint.evaluation.probe import compare, probe
from counterpoint.evaluation.scores import raw_features
from counterpoint.files import expanded, is_file
from counterpoint.kinds import Wishes
from counterpoint.labelling.parting import labelled_of_one_class, parted
from counterpoint.opening import open_source

SUFFIXES = (".npy", ".npz")
NAMES = ("vectors", "embeddings", "features", "representations", "x", "h", "z")
LABELS = ("labels", "label", "y", "targets")
"""What vectors and labels are called in an .npz, in the order of preference."""

FOLDS = 5
"""One of so many parts of the groups is asked about."""

BARE = (
    "These vectors are compared with chance alone, for nothing else is known of them: give the data that they were "
    "made of as source, and raw features stand beside them."
)


@dataclass(frozen=True)
class Rows:
    """The rows of vectors as items; what is taken of them is their numbers."""

    names: Sequence[str]
    labels: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: Int64[np.ndarray, " b"]) -> Int64[Tensor, " b"]:
        return torch.from_numpy(np.asarray(index, dtype=np.int64))


@dataclass(frozen=True)
class Vectors:
    """Vectors (n, d), the rows that they are in, and what they were made of, as flat numbers, where that was given."""

    vectors: Float32[np.ndarray, "n d"]
    rows: Rows
    raw: Float32[np.ndarray, "n k"] | None = None

    def of(self, part: Labelled) -> Float32[np.ndarray, "m d"]:
        """Those of some rows."""
        return np.ascontiguousarray(self.vectors[_numbers(part)])

    def raw_of(self, part: Labelled) -> Float32[np.ndarray, "m k"] | None:
        """What those were made of."""
        return None if self.raw is None else self.raw[_numbers(part)]


class Reader:
    """Opens vectors as rows, and keeps what was opened."""

    def __init__(self) -> None:
        self.read: list[Vectors] = []

    def open(self, source: object) -> Rows:
        """The rows of an array, a tensor, embeddings or a file."""
        self.read.append(read_vectors(source))
        return self.read[-1].rows


def is_vectors(given: object) -> bool:
    """Whether these are vectors, or the path of a file of them, and no model.

    >>> is_vectors(np.zeros((2, 3))), is_vectors("vectors.npz"), is_vectors("runs/photos")
    (True, True, False)
    """
    if isinstance(given, str | Path):
        return Path(given).suffix.lower() in SUFFIXES or is_saved(given)
    return isinstance(given, np.ndarray | Tensor | Embeddings)


def evaluate_vectors(
    train: object,
    test: object = None,
    *,
    labels: object = None,
    source: object = None,
    groups: object = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The scores of vectors on labelled items, as ``evaluate`` gives those of a model.

    Raises:
        InputError: Vectors, labels, groups or the source cannot be read, or do not fit each other.
    """
    reader = Reader()
    if groups is None:
        known, asked = parted(reader, train, test, labels, seed=seed, one_class=True)
    elif test is not None:
        raise LabelError(
            "Groups say which items are held out together, and here a test is given. Leave out one of them."
        )
    else:
        known, asked = _apart(reader.open(train), labels, train, groups, seed=seed)
    of_known, of_asked = _with_raw(reader.read, source)
    widths = [part.vectors.shape[1] for part in (of_known, of_asked)]
    if widths[0] != widths[1]:
        raise InputError(f"The vectors to learn from have {widths[0]} numbers, and those to test {widths[1]}.")
    told = asked.labels if test is not None else np.concatenate([known.labels, asked.labels])
    scores = _scored((of_known, known), (of_asked, asked), seed=seed)
    return {
        **scores,
        "classes": class_counts(told if test is None else known.labels, known.classes),
        "sizes": {"train": len(known.items), "test": len(asked.items), "classes": len(known.classes)},
        **({} if source is not None else {"note": BARE}),
    }


def _scored(train: tuple[Vectors, Labelled], test: tuple[Vectors, Labelled], *, seed: int) -> dict[str, Any]:
    """Neighbours and linear probe with their baselines, and the geometry of the test vectors."""
    (of_known, known), (of_asked, asked) = train, test
    features = {"trained": (of_known.of(known), of_asked.of(asked))}
    raw, raw_asked = of_known.raw_of(known), of_asked.raw_of(asked)
    if raw is not None and raw_asked is not None:
        features["raw"] = (raw, raw_asked)
    classes = int(max(known.labels.max(), asked.labels.max())) + 1
    probes = {
        name: probe(h, known.labels, h_asked, asked.labels, classes=classes, seed=seed)
        for name, (h, h_asked) in features.items()
    }
    h = features["trained"][1]
    unit = functional.normalize(torch.from_numpy(h), dim=1).numpy()
    return {
        **compare(probes.pop("trained"), probes, train_labels=known.labels, test_labels=asked.labels, seed=seed),
        "geometry": {"alignment": None, "uniformity": uniformity(unit), "effective_rank": effective_rank(h)},
    }


def read_vectors(given: object) -> Vectors:
    """Vectors (n, d) float32 with the names and the labels that they bring.

    Raises:
        SourceError: It is no array of numbers (n, d), or the file holds none or several.
    """
    if isinstance(given, str | Path):
        if is_saved(given):
            given = Embeddings.load(given)
        else:
            return _in_file(expanded(given))
    if isinstance(given, Embeddings):
        return Vectors(given.vectors, Rows(list(given.names)))
    if not isinstance(given, np.ndarray | Tensor):
        raise SourceError(f"Vectors are an array, a tensor, embeddings, or a file of them. Got {type(given).__name__}.")
    return _checked(as_numpy(given), None)


def _in_file(file: Path) -> Vectors:
    """The vectors in an .npy, or in an .npz under one of the usual names or alone."""
    if not is_file(file):
        raise SourceError(f"There is no file '{file}'. Give the path of an .npz or .npy file of vectors.")
    try:
        found = np.load(file, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return _checked(found, None)
        with found:
            held = {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError) as wrong:
        raise SourceError(
            f"'{file}' holds no vectors that can be read: {wrong}. Write them with numpy.savez."
        ) from wrong
    flat = [name for name, each in held.items() if each.ndim == 2 and each.dtype.kind in "fiu"]
    name = next((each for each in NAMES if each in flat), flat[0] if len(flat) == 1 else None)
    if name is None:
        raise SourceError(f"'{file}' holds no array 'vectors' (n, d). It holds {listed(held)}.")
    named = next((held[each] for each in LABELS if each in held), None)
    return _checked(held[name], None if named is None else named.tolist())


def _checked(array: np.ndarray, labels: Sequence[Any] | None) -> Vectors:
    if array.ndim != 2 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise SourceError(f"Vectors are numbers of the shape (n, d). Got {array.dtype} of the shape {array.shape}.")
    return Vectors(np.ascontiguousarray(array, dtype=np.float32), Rows(numbered(len(array)), labels))


def _with_raw(read: Sequence[Vectors], source: object) -> tuple[Vectors, Vectors]:
    """The vectors to learn from and those to test, which may be the same, each with what it was made of."""
    if source is None:
        return read[0], read[-1]
    sources = source if len(read) == 2 and isinstance(source, tuple) else (source,)
    if len(sources) != len(read):
        raise InputError("Give the source of the vectors to learn from and that of the test, as a pair.")
    modality, items = open_source(sources[0], Wishes())
    opened = [items, *(modality.open(each) for each in sources[1:])]
    for vectors, each in zip(read, opened, strict=True):
        if len(vectors.vectors) != len(each):
            raise InputError(
                f"There are {len(vectors.vectors)} vectors, and {len(each)} items in what they are said to be made of."
            )
    held = [
        Vectors(vectors.vectors, vectors.rows, raw_features(modality, each))
        for vectors, each in zip(read, opened, strict=True)
    ]
    return held[0], held[-1]


def _apart(rows: Rows, labels: object, source: object, groups: object, *, seed: int) -> tuple[Labelled, Labelled]:
    """A part of the groups to ask about, and the others, with classes in both as far as the groups allow."""
    from sklearn.model_selection import StratifiedGroupKFold

    whole = labelled_of_one_class(rows, labels, source)
    codes = read_codes(groups, source, rows).codes
    if codes.ndim != 1 or (codes < 0).any():
        raise LabelError("Every item is of one group. Name the group of each, such as its patient or its speaker.")
    of_each = codes[_numbers(whole)]
    count = len(np.unique(of_each))
    if count < 2:
        raise LabelError("All labelled items are of one group, so none can be held out. Give a test, or other groups.")
    folds = StratifiedGroupKFold(min(FOLDS, count), shuffle=True, random_state=seed)
    kept, held = next(iter(folds.split(np.zeros(len(of_each)), whole.labels, of_each)))
    return whole.of(kept), whole.of(held)


def _numbers(part: Labelled) -> Int64[np.ndarray, " m"]:
    """The rows that some items stand in."""
    numbers: np.ndarray = part.items.take(np.arange(len(part.items))).numpy()
    return numbers
