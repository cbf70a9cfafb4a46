"""`python -m nasion`."""

from nasion.cli import main

main()
