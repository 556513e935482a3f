"""``python -m counterpoint`` is the ``counterpoint`` command."""

from counterpoint.cli import main

if __name__ == "__main__":
    main()
