"""Pictures of items as files for a page; those that were shown lately are kept."""

from __future__ import annotations

import io
from collections import OrderedDict

from counterpoint.interfaces import HasOriginals
from counterpoint.modality import ShowsPictures
from counterpoint.reports.thumbnails import CRISP, picture
from counterpoint.serving.collection import Collection
from counterpoint.serving.refusals import NotThere

SIDES = (64, 128, 256, 512, 1024)
"""Of pictures, in pixels: few, so that they can be kept."""

KEPT = 2000
"""Pictures that are kept, of about 10 kB each."""


class Pictures:
    """The pictures of the items of a collection, as WebP."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def __call__(self, row: int, side: int) -> bytes:
        """The picture of an item, no longer than about ``side`` pixels; small ones keep every pixel.

        Raises:
            NotThere: Its kind of data has no pictures, or its items are not at hand.
        """
        row = self._collection.row(row)
        side = next((each for each in SIDES if each >= side), SIDES[-1])
        with self._collection.reading:
            if (row, side) not in self._kept:
                self._kept[row, side] = self._drawn(row, side)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end((row, side))
            return self._kept[row, side]

    def _drawn(self, row: int, side: int) -> bytes:
        items, model = self._collection.items, self._collection.model
        if items is None or model is None or not isinstance(model.modality, ShowsPictures):
            raise NotThere("These items have no pictures, or their data is not at hand: name it with --source.")
        index = self._collection.places[[row]]
        if index[0] < 0:
            raise NotThere("This item is not in the data that was named with --source.")
        original = items.originals(index, side)[0] if isinstance(items, HasOriginals) else None
        image = picture(model.modality.picture(items.take(index))[0]) if original is None else original
        image.thumbnail((side, side))
        small, file = max(image.size) <= CRISP, io.BytesIO()
        image.save(file, "WEBP", quality=100 if small else 80, lossless=small)
        return file.getvalue()
