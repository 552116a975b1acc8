"""`python -m meshcast` is the command line."""

from meshcast.cli import main

main()
