"""What is left out of pictures or changed when they are decoded: counted, with one note per remark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

Say = Callable[[str, int], None]
"""Called with a remark on a picture, one of ``REMARKS``, and how many times it applies."""

REMARKS = {
    "pages": "{things:,} further pages of {pictures:,} pictures are dropped: the first page is used",
    "alpha": "the opacity of {pictures:,} pictures is dropped",
    "transparent": "{pictures:,} pictures with transparent parts are laid on white",
    "shallow": "{pictures:,} pictures of more than 8 bits are brought to 8, as most are",
}


def unsaid(remark: str, times: int) -> None:
    """Ignore a remark."""


def notes_of(remarks: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One note for each remark, given the counts of each by the name of the picture.

    >>> notes_of({"a.tif": {"pages": 2}, "b.tif": {"pages": 4}})
    ['6 further pages of 2 pictures are dropped: the first page is used']
    """
    counts: Counter[str] = Counter()
    for of_one in remarks.values():
        counts.update(of_one)
    pictures = Counter(remark for of_one in remarks.values() for remark in of_one)
    return [
        sentence.format(things=counts[each], pictures=pictures[each])
        for each, sentence in REMARKS.items()
        if counts[each]
    ]
