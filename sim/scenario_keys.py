"""The keys of a scenario file: what each is called there, which field it fills, what it is counted in, and its bounds.

Every bound has its reason, which a person is told who oversteps it. Durations end in `_s` (seconds) and delays in `_ms`
(milliseconds); within, both are whole microseconds.
"""

import enum
from dataclasses import dataclass
from typing import Any, Final

from meshcast.protocol.limits import (
    CHILDREN_MAX,
    CHUNK_US_MAX,
    CHUNK_US_MIN,
    PLAYOUT_DELAY_US_MAX,
    PLAYOUT_DELAY_US_MIN,
)
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.cities import Continent
from sim.scenario import FaultKind, Fidelity, Law

DAY_S: Final = 86_400
PEERS_MAX: Final = 20_000_000
"""A peer takes some 2 kB in flow fidelity: more does not fit into the memory of a large workstation."""
PACKETS_PEERS_MAX: Final = 20_000
"""Every message of each is an event: ten thousand already take many times the simulated time."""


class Unit(enum.Enum):
    """What a key's value is; the text says it to a person."""

    WHOLE = "a whole number"
    NUMBER = "a number"
    SECONDS = "a number of seconds"
    MILLIS = "a number of milliseconds"
    TEXT = "a text"
    FLAG = "true or false"
    CHOICE = "one of"


PER_UNIT: Final = {Unit.SECONDS: SECOND, Unit.MILLIS: MILLISECOND}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    name: str
    field: str
    unit: Unit
    least: float = 0.0
    most: float = 1.0
    why: str = ""
    """Why it has these bounds."""
    choices: type[enum.Enum] | None = None

    @property
    def expected(self) -> str:
        """Say to a person what is allowed."""
        if self.choices is not None:
            return "one of " + ", ".join(f'"{one.value}"' for one in self.choices)
        if self.unit in {Unit.TEXT, Unit.FLAG}:
            return str(self.unit.value)
        reason = f" ({self.why})" if self.why else ""
        return f"{self.unit.value} from {self.least:.10g} to {self.most:.10g}{reason}"

    def value(self, given: Any) -> Any:
        """Turn what a file gives into what the field holds; None if it is not as expected."""
        if self.choices is not None:
            return next((one for one in self.choices if one.value == given), None)
        if self.unit is Unit.TEXT:
            return given if isinstance(given, str) else None
        if self.unit is Unit.FLAG:
            return given if isinstance(given, bool) else None
        is_number = isinstance(given, int if self.unit is Unit.WHOLE else int | float)
        if isinstance(given, bool) or not is_number or not self.least <= given <= self.most:
            return None
        return round(given * PER_UNIT[self.unit]) if self.unit in PER_UNIT else given

    def given(self, value: Any) -> Any:
        """Turn what the field holds back into what a file says."""
        if isinstance(value, enum.Enum):
            return value.value
        if self.unit in PER_UNIT:
            given = value / PER_UNIT[self.unit]
            return int(given) if given.is_integer() else given
        return value


def whole(name: str, least: int, most: int, why: str, field: str = "") -> Key:
    """Make a key for counts."""
    return Key(name, field or name, Unit.WHOLE, least, most, why)


def share(name: str) -> Key:
    """Make a key for a share of the listeners."""
    return Key(name, name, Unit.NUMBER, 0.0, 1.0, "a share")


def seconds(name: str, least: float = 0.0, most: float = DAY_S, why: str = "a day at most") -> Key:
    """Make a key for a duration; it fills the field of the same name in microseconds."""
    return Key(name, name.removesuffix("_s") + "_us", Unit.SECONDS, least, most, why)


def millis(name: str, least: float, most: float, why: str) -> Key:
    """Make a key for a delay; it fills the field of the same name in microseconds."""
    return Key(name, name.removesuffix("_ms") + "_us", Unit.MILLIS, least, most, why)


SCENARIO: Final = (
    Key("name", "name", Unit.TEXT),
    Key("about", "about", Unit.TEXT),
    Key("fidelity", "fidelity", Unit.CHOICE, choices=Fidelity),
    seconds("duration_s", 1, DAY_S, "a second at least, a day at most"),
    whole("origin_capacity", 1, CHILDREN_MAX, "somebody must hear the origin, and no machine feeds more"),
    whole("relays", 0, 10_000, "ten thousand relays carry eight million listeners by themselves"),
    whole("relay_capacity", 1, CHILDREN_MAX, "no machine feeds more"),
    millis(
        "delay_ms",
        PLAYOUT_DELAY_US_MIN / MILLISECOND,
        PLAYOUT_DELAY_US_MAX / MILLISECOND,
        "what players offer",
    ),
    millis("chunk_ms", CHUNK_US_MIN / MILLISECOND, CHUNK_US_MAX / MILLISECOND, "what the protocol allows"),
)
CROWD: Final = (share("serving"), share("mobile"))
CAPACITY: Final = whole("capacities", 1, CHILDREN_MAX, "uplink classes in children; no machine feeds more")
PART: Final = share("shares")
WAVE: Final = (
    whole("peers", 0, PEERS_MAX, "more do not fit into memory"),
    seconds("at_s"),
    seconds("over_s"),
)
POINT_S: Final = seconds("time_s")
LISTENERS: Final = whole("listeners", 0, PEERS_MAX, "more do not fit into memory")
SESSIONS: Final = (
    Key("law", "law", Unit.CHOICE, choices=Law),
    seconds("median_s", 0.1, 10 * DAY_S, "shorter ones never hear anything; ten days are for ever"),
    Key("sigma", "sigma", Unit.NUMBER, 0.0, 5.0, "1.5 is usual; at 5 the middle half spans a factor of 850"),
    Key("alpha", "alpha", Unit.NUMBER, 0.1, 10.0, "at 0.1 nobody ever leaves, at 10 all leave together"),
    share("crashing"),
    Key("replaced", "replaced", Unit.FLAG),
)
LENGTH_S: Final = seconds("lengths_s", 0.0, 100 * DAY_S, "a hundred days are for ever")
RTTS: Final = (
    Key("matrix", "matrix", Unit.TEXT),
    Key("home", "home", Unit.TEXT),
    Key("by_delay", "by_delay", Unit.FLAG),
)
FAULT: Final = (
    Key("kind", "kind", Unit.CHOICE, choices=FaultKind),
    seconds("at_s"),
    seconds("for_s"),
    share("share"),
    Key("continent", "continent", Unit.TEXT),
    Key("loss", "loss", Unit.NUMBER, 0.0, 0.9, "a network that loses more is none"),
    millis("jitter_ms", 0, 10_000, "ten seconds are longer than any queue on the way"),
    millis("delay_ms", 0, 3_600_000, "an hour: a clock in another time zone"),
    Key(
        "factor",
        "factor",
        Unit.NUMBER,
        1.0,
        64.0,
        "a factor of one changes nothing, and 64 is beyond all lines",
    ),
)
TABLES: Final = ("crowd", "waves", "curve", "sessions", "rtts", "faults")
CONTINENTS: Final = tuple(one.value for one in Continent)


@dataclass(frozen=True, slots=True)
class FaultKeys:
    """Which keys a kind of fault needs, and which it may have besides `kind`."""

    needed: tuple[str, ...]
    allowed: tuple[str, ...]
    one_of: tuple[str, ...] = ()
    """At least one of these."""


CROOK: Final = FaultKeys(("share",), ("at_s", "for_s"))
FAULTS: Final[dict[FaultKind, FaultKeys]] = {
    FaultKind.MASS_CRASH: FaultKeys(("at_s", "share"), ()),
    FaultKind.REGION_GONE: FaultKeys(("at_s", "continent"), ("for_s", "share")),
    FaultKind.PARTITION: FaultKeys(("at_s",), ("for_s",), ("continent", "share")),
    FaultKind.WEATHER: FaultKeys(("at_s",), ("for_s",), ("loss", "jitter_ms")),
    FaultKind.TRACKER_DOWN: FaultKeys(("at_s",), ("for_s",)),
    FaultKind.TRACKER_SLOW: FaultKeys(("at_s", "delay_ms"), ("for_s",)),
    FaultKind.SLOW_CHILDREN: FaultKeys(("at_s", "share"), ("for_s", "factor")),
    FaultKind.SLEEP: FaultKeys(("at_s", "share"), ("for_s",)),
    FaultKind.BROADCASTER_RESTART: FaultKeys(("at_s",), ("for_s",)),
    FaultKind.CLOCK_SKEW: FaultKeys(("share", "delay_ms"), ("at_s",)),
    FaultKind.POLLUTERS: CROOK,
    FaultKind.FORGERS: CROOK,
    FaultKind.WITHHOLDERS: CROOK,
    FaultKind.LIARS: FaultKeys(("share",), ("at_s", "factor")),
    FaultKind.TICKET_REUSE: CROOK,
    FaultKind.ECLIPSE: CROOK,
    FaultKind.STARVATION: CROOK,
}
