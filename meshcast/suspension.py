"""Has this computer been asleep? A monotonic clock does not say: it stands still while the lid is closed."""

import time

from meshcast.protocol.units import Micros

NANOSECONDS = 1_000
"""In a microsecond."""


def asleep_us() -> Micros:
    """Give how long this computer has been suspended since it started; 0 where the system does not tell.

    Linux has two clocks that differ in nothing else (clock_gettime(2)): BOOTTIME counts suspension and MONOTONIC does not.
    Neither is ever set, so that a change of the calendar is no sleep.
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0
    # Read in this order the difference is never more than what it is; what lies between the two is no sleep.
    boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return max(0, boot_ns - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // NANOSECONDS
