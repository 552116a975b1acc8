"""Where a peer stands, read off its parts: for status lines, reports and tests."""

from typing import TYPE_CHECKING

from meshcast.protocol.messages import Wait, WaitFor
from meshcast.protocol.session import Contact, Session
from meshcast.protocol.tally import Status

if TYPE_CHECKING:
    from meshcast.protocol.peer import PeerMachine


def status_of(peer: "PeerMachine") -> Status:
    """Say where a peer stands."""
    return Status(
        peer.uplink.state,
        peer.session.contact,
        ""
        if peer.uplink.state.is_hearing or peer.playout.is_audible
        else waits_for(peer.session, peer.enrolment.waiting),
        peer.uplink.parent,
        tuple(peer.relay.children),
        tuple(peer.uplink.standbys.warm()),
        peer.standing.rank,
        peer.backlog.newest,
        peer.playout.buffered_us,
        peer.delay_us,
        peer.playout.delay_us,
        peer.playout.missing,
        peer.playout.missing,
        len(peer.uplink.pulls.holes),
        peer.tally.verified,
        peer.tally.forged,
        peer.relay.served_bytes,
        tuple(peer.uplink.search.repairs_us),
        peer.uplink.neighbours.doubts.false_alarms,
        peer.enrolment.title,
        peer.is_standby_programme,
    )


def waits_for(session: Session, waiting: Wait | None) -> str:
    """Say in a few words what a peer without sound waits for."""
    if session.contact in {Contact.AWAY, Contact.DIALLING}:
        return f"for the tracker ({session.detail})" if session.failures else "for the tracker"
    if waiting is None:
        return "for a place"
    match waiting.reason:
        case WaitFor.SOURCE:
            return "for the broadcaster"
        case WaitFor.PLACE:
            return f"for a place (number {waiting.place})"
