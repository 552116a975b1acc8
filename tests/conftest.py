"""What holds for all tests."""

from hypothesis import settings

# How long an example takes depends on the machine and on what else it does: nothing is asserted about it.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
