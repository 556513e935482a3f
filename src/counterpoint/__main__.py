"""``python -m counterpoint`` is the ``counterpoint`` command."""

from counterpoint.cli import main

main()
