"""Over one parent, from its Accept on: what is done while it brings nothing new, and when it is left.

At half of the silence threshold the children are told (`Stalled`), so that they stay; after 250 ms the parent is pinged,
once; at the threshold it is left, unless it has said that nothing comes to it either. Then it is left only for somebody
who has a later chunk, or when its own repair must have failed.
"""

from dataclasses import dataclass
from typing import Final

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk
from meshcast.protocol.effects import Effect, Probe
from meshcast.protocol.judge import Judge
from meshcast.protocol.limits import (
    LEASE_US,
    PROBE_AFTER_US,
    SILENCE_US_MAX,
    STALLED_FRESH_US,
    STALLED_PATIENCE_US,
)
from meshcast.protocol.messages import Stalled
from meshcast.protocol.relay import Relay
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.units import Micros, PeerId
from meshcast.protocol.watch import Watch

OVERSLEPT_US: Final = LEASE_US - SILENCE_US_MAX - STALLED_FRESH_US
"""Whoever believes an old chunk after this leaves its parent too late: when that one's lease has ended."""

assert SILENCE_US_MAX + STALLED_FRESH_US < OVERSLEPT_US, "whoever is awake has left by then"


def warn_children(relay: Relay, now: Micros, since: Micros) -> list[Effect]:
    """Tell the children that nothing has come since then, and that this peer sees to it; every 100 ms."""
    if not relay.children or now < relay.notice_due():
        return []
    return relay.stalled(Stalled(relay.member.me[:4], now - since), now)


@dataclass(slots=True)
class Vigil:
    """Over one parent."""

    parent: PeerId
    watch: Watch
    judge: Judge
    backlog: Backlog
    relay: Relay
    standbys: Standbys
    has_probed: bool = False

    def heard(self, chunk: Chunk, now: Micros, *, live: bool) -> None:
        """Take in a genuine chunk from the parent; what it brings twice does not make up for what it does not bring."""
        self.judge.brought += chunk.sequence > self.watch.newest
        self.has_probed = False
        self.watch.heard(chunk, now, live=live)

    def tick(self, now: Micros) -> list[Effect]:
        """Warn the children and ping the parent, when it is time to."""
        effects: list[Effect] = []
        if now >= self.watch.notice_from() and not self.watch.is_excused(now):
            effects += warn_children(self.relay, now, self.watch.heard_at)
        if now - self.watch.heard_at >= PROBE_AFTER_US and not self.has_probed:
            self.has_probed = True
            effects.append(Probe(self.parent))
        return effects

    def must_leave(self, now: Micros) -> bool:
        """Has the parent been silent for too long? One that says it is stalled is left only for somebody ahead."""
        watch = self.watch
        if now < watch.heard_at + watch.silence_us:
            return False
        if not watch.is_excused(now) or now >= watch.heard_at + STALLED_PATIENCE_US:
            return True
        return self.standbys.ahead_of(self.backlog.newest) is not None

    def has_overslept(self, now: Micros) -> bool:
        """Was there no word from the parent for so long that it may have dropped this peer and raised its rank since?

        A peer that is awake has left it before that. One that was suspended finds old chunks waiting: they prove nothing.
        """
        return now >= max(self.watch.heard_at, self.watch.stalled_at or 0) + OVERSLEPT_US

    def is_judged_bad(self, now: Micros) -> bool:
        """At the end of a window: does the parent keep back too much?"""
        return now >= self.judge.deadline() and self.judge.verdict(now)

    def silence_deadline(self) -> Micros:
        """When is something due because the parent brings nothing new?"""
        watch = self.watch
        due = min(watch.deadline(), watch.heard_at + STALLED_PATIENCE_US)
        if watch.stalled_at is not None and self.standbys.ahead_of(self.backlog.newest) is not None:
            due = min(due, watch.heard_at + watch.silence_us)
        if self.relay.children:
            due = min(due, max(watch.notice_from(), self.relay.notice_due(), watch.excused_until))
        return due if self.has_probed else min(due, watch.heard_at + PROBE_AFTER_US)
