"""Groups in which every two items are linked: complete linkage, Sorensen 1948, which does not chain dissimilar ones."""

from __future__ import annotations

from collections.abc import Iterable


def complete_groups(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of two and more, from pairs sorted by closeness, the closest first; the largest group first.

    Two groups are merged once every member of one has been paired with every member of the other.

    >>> complete_groups([(0, 1), (1, 2), (3, 4), (0, 3)])
    [[0, 1], [3, 4]]
    >>> complete_groups([(0, 1), (1, 2), (0, 2)])
    [[0, 1, 2]]
    """
    group: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    links: dict[int, dict[int, int]] = {}
    for i, j in pairs:
        for item in (i, j):
            if item not in group:
                group[item], members[item], links[item] = item, [item], {}
        one, other = group[i], group[j]
        if one == other:
            continue
        links[one][other] = links[other][one] = links[one].get(other, 0) + 1
        if links[one][other] == len(members[one]) * len(members[other]):
            _join(one, other, group, members, links)
    return sorted((sorted(each) for each in members.values() if len(each) > 1), key=lambda each: (-len(each), each))


def _join(
    one: int, other: int, group: dict[int, int], members: dict[int, list[int]], links: dict[int, dict[int, int]]
) -> None:
    """Merge two groups; their links become those common to both."""
    if len(links[one]) + len(members[one]) < len(links[other]) + len(members[other]):
        one, other = other, one
    for item in members[other]:
        group[item] = one
    members[one] += members.pop(other)
    for third, count in links.pop(other).items():
        del links[third][other]
        if third != one:
            links[one][third] = links[third][one] = links[one].get(third, 0) + count
