"""The simulator: the very same machines in virtual time."""
