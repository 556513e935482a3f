"""The single changes of an augmentation, and the presets that fit a kind of data: as specs."""

from __future__ import annotations

import dataclasses

from counterpoint import catalogue


def alone(spec: str, *, only: str) -> dict[str, str]:
    """For each change that a spec makes, the spec that makes this change only, by its name.

    The changes of a part are listed by its ``alone``, which returns all its options for each of its changes. Parts
    without one, such as a custom function, cannot be divided: then nothing is returned.

    >>> alone("small(mirror=0)", only="image")["erase"]
    'small(scale=1.0, ratio=1.0, mirror=0.0, colour=0.0, grey=0.0)'
    >>> list(alone("waves(jitter=0)", only="series"))
    ['crop', 'scale', 'mask']
    >>> alone("my_module:view", only="image")
    {}
    """
    name, _ = catalogue.split(spec)
    if name not in catalogue.SHELVES["views"]:
        return {}
    part = catalogue.find("views", spec, only=only)()
    if not hasattr(part, "alone"):
        return {}
    usual = dataclasses.asdict(catalogue.find("views", name, only=only)())
    return {
        change: catalogue.written(name, {each: options[each] for each in usual if options[each] != usual[each]})
        for change, options in part.alone().items()
    }


def presets(only: str) -> list[str]:
    """The names of all views of the catalogue that fit a kind of data.

    >>> presets("series")
    ['waves']
    """
    return [name for name, row in catalogue.SHELVES["views"].items() if row.only in ("", only)]
