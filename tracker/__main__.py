"""`python -m tracker` is the tracker's command line."""

from tracker.service.cli import main

main()
