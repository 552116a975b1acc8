"""Whom to ask next: the decisions of an orphan, alive only while its peer has no parent.

Standby 1 at once; standby 2 after max(100 ms, 1.5 round trips); 100 ms after that *all* others are dialled at once, and
the first that connects is *asked*: an Accept holds a place and draws a backlog, so only one is asked for it at a time.
(Asking one by one left three quarters of 200-peer crash runs with a miss at 1 s, all at once one in eight.) A second
later a new round begins with whoever is known by then.
"""

import enum
from collections.abc import Hashable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from meshcast.protocol.limits import COLD_DIAL_US, DIAL_ALL_AFTER_US, HEDGE_US_MIN, ROUND_US
from meshcast.protocol.units import MILLISECOND, Micros

RTT_UNKNOWN_US = 100 * MILLISECOND

Name = TypeVar("Name", bound=Hashable)
"""What names a peer: its key, or a number where a million of them are simulated."""


# A tuple is made in a third of the time of a frozen dataclass, and repairs are all that happens in a mass crash.
class Candidate(NamedTuple, Generic[Name]):
    """Somebody to ask first: a standby, or the parent that the tracker named."""

    peer: Name
    is_warm: bool
    """Its link is up."""
    rtt_us: Micros
    is_source: bool = False

    @property
    def patience_us(self) -> Micros:
        """How long it has to answer before another is asked too."""
        return max(HEDGE_US_MIN, self.rtt_us + self.rtt_us // 2) if self.is_warm else COLD_DIAL_US


class Ask(NamedTuple, Generic[Name]):
    """Ask this one to adopt."""

    peer: Name


def nearest_first(warm: Iterable[Candidate[Name]]) -> list[Candidate[Name]]:
    """Order standbys: the nearest first, and the origin last, for its upload is not to grow with the crowd."""
    return sorted(warm, key=_origin_last)


def _origin_last(one: Candidate[Name]) -> tuple[bool, Micros]:
    return one.is_source, one.rtt_us


def in_order(
    named: Name | None, warm: Iterable[Candidate[Name]], cold: Iterable[Name], *, is_up: bool
) -> list[Candidate[Name]]:
    """Give whom to ask: whom a joiner was named (its link is up or not), the warm, and for a joiner the others too."""
    if named is None:
        order = nearest_first(warm)
    else:
        order = [Candidate(named, is_up, RTT_UNKNOWN_US)]
        order += [one for one in nearest_first(warm) if one.peer != named]
    order += [Candidate(peer, is_warm=False, rtt_us=RTT_UNKNOWN_US) for peer in cold if peer != named]
    return order


class DialAll(enum.Enum):
    """Dial everybody else, and tell the tracker."""

    NOW = "now"


class NewRound(enum.Enum):
    """Nobody answered: look round for whoever is known now."""

    NOW = "now"


Decision: TypeAlias = Ask[Name] | DialAll | NewRound


class Stage(enum.Enum):
    """How far a round has come."""

    STANDBYS = "standbys"
    ALL = "all"


_STANDBYS: Final = Stage.STANDBYS
_ALL: Final = Stage.ALL
"""Read off the enum once: it takes its time for it."""


class Repair(Generic[Name]):
    """One round of asking."""

    __slots__ = ("_answered", "_connected", "_next_at", "_queue", "_round_ends_at", "_stage", "_tried")

    def __init__(self, candidates: Sequence[Candidate[Name]], now: Micros) -> None:
        self._queue = list(candidates)
        self._stage = _STANDBYS
        self._next_at = now
        self._round_ends_at: Micros | None = None
        self._tried: dict[Name, None] = {}
        self._answered: dict[Name, None] = {}
        self._connected: list[Candidate[Name]] = []

    def deadline(self) -> Micros:
        """When is the next decision due?"""
        if self._stage is _ALL and not self._connected:
            assert self._round_ends_at is not None
            return self._round_ends_at
        return self._next_at

    def decide(self, now: Micros) -> list[Decision[Name]]:
        """Give what is to be done by now."""
        decisions: list[Decision[Name]] = []
        while self._stage is _STANDBYS and self._next_at <= now:
            decisions.append(self._next_standby(now))
        if self._stage is _ALL:
            decisions.extend(self._next_of_all(now))
        return decisions

    def connected(self, candidate: Candidate[Name], now: Micros) -> None:
        """Take in that somebody's link is up, who was dialled because nobody answered."""
        if self._stage is _ALL and candidate.peer not in self._tried:
            self._connected.append(candidate)
            self._next_at = max(self._next_at, now)

    def named(self, peer: Name) -> None:
        """Take in that the tracker names somebody: then it is worth asking once more."""
        self._tried.pop(peer, None)

    def refused(self, peer: Name, now: Micros) -> None:
        """Take in that somebody refused or is gone: there is no point in waiting for it."""
        self._answered[peer] = None
        self._queue = [one for one in self._queue if one.peer != peer]
        self._connected = [one for one in self._connected if one.peer != peer]
        if peer in self._tried and peer == next(reversed(self._tried)):
            self._next_at = now

    @property
    def unanswered(self) -> list[Name]:
        """Give those that were asked and have said nothing: at the end of a round they are taken for dead."""
        return [peer for peer in self._tried if peer not in self._answered]

    def _next_standby(self, now: Micros) -> Decision[Name]:
        """Ask the next standby, or turn to all others."""
        if not self._queue:
            self._stage = _ALL
            self._round_ends_at = now + ROUND_US
            self._next_at = now
            return DialAll.NOW
        one = self._queue.pop(0)
        self._tried[one.peer] = None
        self._next_at = now + (one.patience_us if self._queue or not one.is_warm else DIAL_ALL_AFTER_US)
        return Ask(one.peer)

    def _next_of_all(self, now: Micros) -> list[Decision[Name]]:
        """Ask the first that connected, if nobody is being waited for."""
        assert self._round_ends_at is not None
        if self._connected and self._next_at <= now:
            one = self._connected.pop(0)
            self._tried[one.peer] = None
            self._next_at = now + one.patience_us
            self._round_ends_at = max(self._round_ends_at, self._next_at)
            return [Ask(one.peer)]
        return [NewRound.NOW] if now >= self._round_ends_at else []
