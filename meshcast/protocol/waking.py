"""After the clock stood still (a lid was closed): what came meanwhile is of the past, and so is what was asked."""

from meshcast.protocol.acquaintances import Acquaintances
from meshcast.protocol.effects import Effect, HangUp
from meshcast.protocol.history import History
from meshcast.protocol.limits import SLEPT_LINKS_US, SLEPT_US_MIN
from meshcast.protocol.playout import Playout
from meshcast.protocol.units import Micros
from meshcast.protocol.uplink import Uplink


def attach_anew(
    slept_us: Micros,
    uplink: Uplink,
    playout: Playout,
    history: History,
    acquaintances: Acquaintances,
    now: Micros,
) -> list[Effect]:
    """Look for a parent, and for the live end of the programme; after a long sleep make every link anew."""
    if slept_us < SLEPT_US_MIN:
        return []
    playout.resume()
    history.clear()
    uplink.pulls.holes.clear()
    uplink.asks.clear()
    if slept_us < SLEPT_LINKS_US:
        return uplink.lose_parent(now, is_silent=False)
    # The other ends have given these links up, and a link that seems to be there is not dialled.
    return [*acquaintances.part(), HangUp(uplink.member.tracker, "it slept")]
