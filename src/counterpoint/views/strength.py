"""Augmentations that are stronger or weaker than usual: the same changes in the same order."""

from __future__ import annotations

from counterpoint import catalogue


def strengthened(spec: str, by: float, *, only: str) -> str:
    """The views of a spec at ``by`` times their strength; those without a strength are returned unchanged.

    What a stronger part is, is defined by its ``stronger``, a function of ``by`` that returns options.

    >>> strengthened("small", 2.0, only="image")
    'small(scale=0.04, colour=1.0, grey=0.4, erase=1.0)'
    >>> strengthened("waves(mask=0.1)", 0.5, only="series")
    'waves(mask=0.05, crop=0.707, scale=0.1, jitter=0.05)'
    >>> strengthened("my_module:view", 2.0, only="image")
    'my_module:view'
    """
    name, options = catalogue.split(spec)
    if by == 1 or name not in catalogue.SHELVES["views"]:
        return spec
    part = catalogue.find("views", spec, only=only)()
    if not hasattr(part, "stronger"):
        return spec
    stronger = part.stronger(by)
    changed = {each: value if isinstance(value, int) else float(f"{value:.3g}") for each, value in stronger.items()}
    return catalogue.written(name, {**options, **changed})
