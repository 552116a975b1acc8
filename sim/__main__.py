"""`python -m sim` is `meshcast-sim`."""

from sim.cli import main

main(prog_name="meshcast-sim")
