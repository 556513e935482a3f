"""A sheet of the encoder's input: in each row an item, then random views of it; pictures, or words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from counterpoint.data.subset import spread
from counterpoint.interfaces import Items, Keys
from counterpoint.modality import Modality, ShowsPictures, ShowsWords, augmentation_of
from counterpoint.reports.thumbnails import picture
from counterpoint.storage.files import replacing, write_json

SMALLEST, LARGEST = 64, 128
"""Sides of a tile in pixels."""

WORDED, LETTERS = 3, 240
"""The most views of an item as text, and the letters of each."""

PAPER, INK = (250, 250, 248), (85, 90, 96)
MARGIN, GAP, BETWEEN, CAPTION = 14, 4, 20, 24
"""Margins around the sheet, between views, between an item and its views, above the rows; in pixels."""


def draw_views(
    modality: Modality, items: Items, path: Path, *, seed: int, count: int = 8, views: int = 6
) -> Path | None:
    """Write a PNG of ``count`` evenly spread items with ``views`` views each, those of the first epoch.

    Text views are written beside it as JSON. Returns the path of what was written; None, and writes nothing, where
    the modality supports neither.
    """
    rows = spread(len(items), count)
    batch = items.take(rows)
    item = torch.from_numpy(rows)
    keys = [Keys(seed=seed, epoch=0, step=0, view=view, item=item) for view in range(views)]
    augmentation = augmentation_of(modality)
    if isinstance(modality, ShowsWords):
        shown = [modality.inputs(batch), *(augmentation(batch, each) for each in keys[:WORDED])]
        return _written(path.with_suffix(".json"), [modality.view_words(view) for view in shown])
    if not isinstance(modality, ShowsPictures):
        return None
    columns = [modality.picture(batch), *(modality.seen(augmentation(batch, each)) for each in keys)]
    with replacing(path) as temporary:
        _sheet(columns).save(temporary, "PNG", optimize=True)
    return path


def _written(path: Path, columns: Sequence[Sequence[str]]) -> Path:
    """Items and views as text, a list for every item."""
    rows = [[shorten(text, LETTERS, placeholder=" ...") for text in row] for row in zip(*columns, strict=True)]
    write_json(path, {"views": rows})
    return path


def _sheet(columns: list[Tensor]) -> Image.Image:
    width, height = _tile(columns[-1])
    lefts = [MARGIN] + [MARGIN + width + BETWEEN + place * (width + GAP) for place in range(len(columns) - 1)]
    tops = [MARGIN + CAPTION + place * (height + GAP) for place in range(len(columns[0]))]
    paper = Image.new("RGB", (lefts[-1] + width + MARGIN, tops[-1] + height + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(13)
    for left, caption in zip(lefts, ("item", "random views of it"), strict=False):
        pen.text((left, MARGIN), caption, fill=INK, font=font)
    for left, column in zip(lefts, columns, strict=True):
        for top, each in zip(tops, column, strict=True):
            small = _fitted(picture(each), width, height)
            paper.paste(small, (left + (width - small.width) // 2, top + (height - small.height) // 2))
    return paper


def _tile(view: Tensor) -> tuple[int, int]:
    """Width and height of a tile: whole multiples of a small view, or a shrunken large one."""
    height, width = view.shape[2:]
    if max(height, width) > LARGEST:
        scale = LARGEST / max(height, width)
        return max(1, round(width * scale)), max(1, round(height * scale))
    times = math.ceil(SMALLEST / max(height, width))
    return times * width, times * height


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """As large as the tile allows, with the pixels of a small picture left visible."""
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS)
