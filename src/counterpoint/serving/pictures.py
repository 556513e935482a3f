"""Pictures of items as WebP files for the page, with a cache of the latest."""

from __future__ import annotations

import io
from collections import OrderedDict

from counterpoint.interfaces import HasOriginals
from counterpoint.modality import ShowsPictures
from counterpoint.reports.thumbnails import CRISP, picture
from counterpoint.serving.collection import Collection
from counterpoint.serving.http_errors import NotAvailable

SIDES = (64, 128, 256, 512, 1024)
"""Sizes of pictures in pixels; few, so that the cache is hit."""

CACHED = 2000
"""Pictures in the cache, of about 10 kB each."""


class Pictures:
    """The pictures of the items of a collection."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._cache: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def __call__(self, row: int, side: int) -> bytes:
        """The picture of an item as WebP, its longer side at most ``side`` pixels, rounded up to one of ``SIDES``.

        Raises:
            NotAvailable: The modality has no pictures, or the item cannot be read.
        """
        row = self._collection.row(row)
        side = next((each for each in SIDES if each >= side), SIDES[-1])
        with self._collection.reading:
            if (row, side) not in self._cache:
                self._cache[row, side] = self._render(row, side)
                if len(self._cache) > CACHED:
                    self._cache.popitem(last=False)
            self._cache.move_to_end((row, side))
            return self._cache[row, side]

    def _render(self, row: int, side: int) -> bytes:
        items, model = self._collection.items, self._collection.model
        if items is None or model is None or not isinstance(model.modality, ShowsPictures):
            raise NotAvailable("These items have no pictures, or their data is not here: name it with --source.")
        index = self._collection.places[[row]]
        if index[0] < 0:
            raise NotAvailable("This item is not in the data that was named with --source.")
        original = items.originals(index, side)[0] if isinstance(items, HasOriginals) else None
        image = picture(model.modality.picture(items.take(index))[0]) if original is None else original
        image.thumbnail((side, side))
        small, file = max(image.size) <= CRISP, io.BytesIO()
        image.save(file, "WEBP", quality=100 if small else 80, lossless=small)
        return file.getvalue()
