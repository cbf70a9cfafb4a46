"""The entry point of `python -m nasion`."""

from nasion.cli import main

main()
