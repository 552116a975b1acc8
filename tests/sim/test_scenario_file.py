import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import MILLISECOND, SECOND
from sim import scenario_keys as keys
from sim.scenario import (
    Crowd,
    Curve,
    Fault,
    FaultKind,
    Fidelity,
    Law,
    Nat,
    Rtts,
    Scenario,
    Sessions,
    Wave,
)
from sim.scenario_document import Document
from sim.scenario_file import peers_of, read_scenario, scaled, scenario_of, shipped
from sim.scenario_text import document_of, toml_of

WHOLE = """
name = "whole"
about = "everything that can be said"
fidelity = "packets"
duration_s = 90
origin_capacity = 6
relays = 2
relay_capacity = 32
delay_ms = 500
chunk_ms = 40

[crowd]
serving = 0.4
mobile = 0.25
capacities = [1, 3]
shares = [0.25, 0.75]
nats = { open = 0.5, symmetric = 0.5 }

[[waves]]
peers = 10
at_s = 1.5
over_s = 20

[[waves]]
peers = 5

[curve]
points = [[0, 3], [30.5, 9]]

[sessions]
law = "trace"
lengths_s = [5, 7.25]
crashing = 0.75
replaced = false

[rtts]
home = "Paris"

[[faults]]
kind = "weather"
at_s = 10
for_s = 5
loss = 0.02
jitter_ms = 30
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a scenario, and files beside it by their names, and give its path."""

    def make(text: str, **beside: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        for name, content in beside.items():
            (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
        return str(path)

    return make


def test_every_key_fills_its_field(write: Callable[..., str]) -> None:
    assert read_scenario(write(WHOLE)) == Scenario(
        "whole",
        "everything that can be said",
        Fidelity.PACKETS,
        duration_us=90 * SECOND,
        origin_capacity=6,
        relays=2,
        relay_capacity=32,
        delay_us=500 * MILLISECOND,
        chunk_us=40 * MILLISECOND,
        crowd=Crowd(0.4, (1, 3), (0.25, 0.75), 0.25, ((Nat.OPEN, 0.5), (Nat.SYMMETRIC, 0.5))),
        waves=(Wave(10, 1_500_000, 20 * SECOND), Wave(5)),
        curve=Curve(((0, 3), (30_500_000, 9))),
        sessions=Sessions(Law.TRACE, trace_us=(5 * SECOND, 7_250_000), crashing=0.75, replaced=False),
        rtts=Rtts(home="Paris"),
        faults=(Fault(FaultKind.WEATHER, 10 * SECOND, 5 * SECOND, loss=0.02, jitter_us=30_000),),
    )


def test_what_is_not_said_is_as_the_values_have_it(write: Callable[..., str]) -> None:
    assert read_scenario(write("[[waves]]\npeers = 5")) == Scenario("mine", waves=(Wave(5),))


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_can_be_read_and_says_where_its_figures_come_from(name: str) -> None:
    scenario = read_scenario(name)
    assert scenario.name == name
    assert re.search(r"assum|made up|press|yardstick", scenario.about)
    assert scenario_of(Document.parse(toml_of(scenario), "again"), Path()) == scenario


def test_the_scenarios_that_were_promised_are_there() -> None:
    assert shipped() == [
        "eight-million", "evening", "flash-crowd", "mass-crash", "mostly-leaves", "polluters", "region-loss", "smoke",
        "spaces-2023", "spaces-2024", "tracker-outage",
    ]  # fmt: skip


SCENARIOS = st.builds(
    Scenario,
    st.just("some"),
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
    st.just(Fidelity.FLOW),
    st.integers(SECOND, 86_400 * SECOND),
    waves=st.tuples(st.builds(Wave, st.integers(1, 10**6), st.integers(0, 10**10), st.integers(0, 10**10))),
    sessions=st.builds(
        Sessions, st.sampled_from([Law.FOREVER, Law.LOG_NORMAL]), st.integers(10**5, 10**10), st.floats(0, 5)
    ),
    faults=st.tuples(
        st.builds(
            Fault,
            st.just(FaultKind.MASS_CRASH),
            st.integers(0, 10**10),
            share=st.floats(0, 1, allow_subnormal=False),
        )
    ),
)


@given(SCENARIOS)
def test_what_is_written_is_read_back(scenario: Scenario) -> None:
    text = toml_of(scenario)
    assert scenario_of(Document.parse(text, "text"), Path()) == scenario
    assert scenario_of(Document("values", document_of(scenario)), Path()) == scenario
    assert tomllib.loads(text) == document_of(scenario)


BAD = [
    ("duration_s = = 3", "line 1: this is not TOML"),
    ('about = """never ends', "line 1: this is not TOML"),
    ("duration_s = 10\nduration = 3", 'line 2: a scenario has no key "duration"; did you mean "duration_s"?'),
    ("[sessions]\nlaw = 'exponential'\nmedain_s = 3", 'line 3: [sessions] has no key "medain_s"; did you mean "median_s"?'),
    ("\n[[waves]]\npeers = 5\n[[waves]]\npeeers = 3", 'line 5: [waves.1] has no key "peeers"; did you mean "peers"?'),
    ("[[waves]]\nat_s = 5", "line 1: waves.0.peers is missing; expected a whole number from 0 to 20000000"),
    ("[[waves]]\npeers = 5.5", "line 2: waves.0.peers is 5.5; expected a whole number"),
    ("waves = 3", "line 1: waves is 3; expected tables [[waves]]"),
    ("sessions = [1]", "line 1: sessions is [1]; expected a table [sessions]"),
    ("duration_s = true", "line 1: duration_s is true; expected a number of seconds from 1 to 86400"),
    ("duration_s = nan", "line 1: duration_s is nan; expected a number of seconds"),
    ('duration_s = "long"', 'line 1: duration_s is "long"; expected a number of seconds'),
    ("origin_capacity = 65", "line 1: origin_capacity is 65; expected a whole number from 1 to 64 (somebody must hear"),
    ('fidelity = "pakets"', 'expected one of "packets", "flow"; did you mean "packets"?'),
    ("name = 'a/b'", "line 1: name is \"a/b\"; expected letters"),
    ("[sessions]\nlaw = 'log-normal'\nreplaced = 1", "line 3: sessions.replaced is 1; expected true or false"),
    ("[sessions]\nlaw = 'trace'", "sessions.trace is missing; expected a file with one length in seconds a line"),
    ("[sessions]\nlengths_s = [3]", 'sessions.law is missing; expected law = "trace"'),
    ("[sessions]\nlaw = 'trace'\nlengths_s = [3,\n-4]", "line 4: sessions.lengths_s.1 is -4; expected a number of seconds"),
    ("[crowd]\nshares = [0.5, 0.5]", "line 2: crowd.shares is [0.5, 0.5]; expected a share for each capacity: 3 of these"),
    ("[crowd]\nshares = [0.5, 0.4, 0.3]", "line 2: crowd.shares is [0.5, 0.4, 0.3]; expected shares that sum up to 1"),
    ("[crowd]\ncapacities = []", "line 2: crowd.capacities is []; expected a list, each a whole number from 1 to 64"),
    ("[crowd.nats]\nopen = 0.5", "line 1: the shares of [crowd.nats] sum up to 0.5; expected 1"),
    ("[crowd]\nnats.opne = 1", 'line 2: [crowd.nats] has no key "opne"; did you mean "open"?'),
    ("[curve]", "line 1: [curve] has both or neither; expected points"),
    ("[curve]\npoints = [[0, 1],\n[5, 2],\n[5, 3]]", "line 4: curve.points.2 is [5, 3]; expected [time_s, listeners]: times that grow"),
    ("[curve]\npoints = [[0, 1.5]]", "line 2: curve.points.0 is [0, 1.5]; expected [time_s, listeners]"),
    ('[curve]\nfile = "none.csv"', 'line 2: curve.file is "none.csv"; expected a file that exists'),
    ("[rtts]\nhome = 'Atlantis'", 'line 2: rtts.home is "Atlantis"; expected a city of the model'),
    ("[[faults]]\nat_s = 3", 'line 1: faults.0.kind is missing; expected one of "mass-crash"'),
    ("[[faults]]\nkind = 'mass-crush'", 'line 2: faults.0.kind is "mass-crush"; expected one of'),
    ("[[faults]]\nkind = 'mass-crush'", 'did you mean "mass-crash"?'),
    ("[[faults]]\nkind = 'mass-crash'\nat_s = 3", "line 1: faults.0.share is missing; expected a number from 0 to 1 (a share)"),
    ("[[faults]]\nkind = 'mass-crash'\nat_s = 3\nshare = 0.1\nloss = 0.1", 'line 5: mass-crash has no key "loss"'),
    ("[[faults]]\nkind = 'weather'\nat_s = 3", "line 1: weather needs one of loss and jitter_ms"),
    ("[[faults]]\nkind = 'region-gone'\nat_s = 3\ncontinent = 'Europa'", 'line 4: faults.0.continent is "Europa"; expected one of "North America"'),
    ("relays = 1", "line 1: nobody comes; expected [[waves]] or a [curve]"),
    ("[[waves]]\npeers = 30_000", "line 2: 30,000 peers in packets fidelity; expected 20,000 at most"),
    ("[[waves]]\npeers = 15_000_000\n[[waves]]\npeers = 15_000_000", "30,000,000 peers in packets"),
    ("fidelity = 'flow'\n[[waves]]\npeers = 15_000_000\n[[waves]]\npeers = 15_000_000", "30,000,000 peers; expected 20,000,000"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BAD)
def test_what_cannot_be_is_told_with_file_line_and_what_was_expected(
    write: Callable[..., str], text: str, said: str
) -> None:
    path = write(text)
    with pytest.raises(BadInputError) as caught:
        read_scenario(path)
    assert str(caught.value).startswith(f"{path}, line ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_curve_may_come_from_a_file_beside_the_scenario(write: Callable[..., str]) -> None:
    path = write(
        '[curve]\nfile = "counts.csv"', counts="time_s,listeners\n# the doors open\n0,5\n\n10.5,20\n"
    )
    assert read_scenario(path).curve == Curve(((0, 5), (10_500_000, 20)))


def test_lengths_may_come_from_a_file_beside_the_scenario(write: Callable[..., str]) -> None:
    path = write(
        'sessions = { law = "trace", trace = "lengths.csv" }\nwaves = [{ peers = 1 }]', lengths="3\n4.5\n"
    )
    assert read_scenario(path).sessions.trace_us == (3 * SECOND, 4_500_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0,5\n1\n", "line 2: 1; expected time_s,listeners"),
        ("0,5\n1,x\n", "line 2: 1,x; expected time_s,listeners"),
        ("0,5\n0,6\n", "line 2: 0,6; expected [time_s, listeners]: times that grow"),
        ("0,5.5\n", "line 1: 0,5.5; expected [time_s, listeners]"),
        ("time_s,listeners\n", "line 1: there is nothing in it"),
    ],
)
def test_a_curve_that_cannot_be_read_is_told_with_its_own_line(
    write: Callable[..., str], content: str, said: str
) -> None:
    path = write('[curve]\nfile = "counts.csv"', counts=content)
    with pytest.raises(BadInputError, match=re.escape(said)) as caught:
        read_scenario(path)
    assert "counts.csv, line" in str(caught.value)


def test_a_file_that_is_no_text_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"name = 'x'\n\xff\xfe")
    with pytest.raises(BadInputError, match=r"x\.toml, line 2: this is not text; expected UTF-8"):
        read_scenario(str(tmp_path / "x.toml"))


def test_a_scenario_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        BadInputError, match=r"there is no scenario smoky; give a path to a TOML file, or one of .*smoke"
    ):
        read_scenario("smoky")


# ---- settings


def test_settings_are_laid_over_the_file(write: Callable[..., str]) -> None:
    settings = ["sessions.lengths_s=[1]", "faults.0.loss=0.5", "fidelity=flow", "faults.1.kind=sleep", "rtts.home=London",
                "faults.1.at_s=5", "faults.1.share=0.5", "waves.1.peers=7", "sessions.replaced=true"]  # fmt: skip
    scenario = read_scenario(write(WHOLE), settings)
    assert scenario.sessions.trace_us == (SECOND,)
    assert scenario.sessions.replaced
    assert [fault.kind for fault in scenario.faults] == [FaultKind.WEATHER, FaultKind.SLEEP]
    assert scenario.faults[0].loss == 0.5
    assert (scenario.fidelity, scenario.rtts.home, scenario.waves[1].peers) == (Fidelity.FLOW, "London", 7)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("sessions.medain_s=60", '--set sessions.medain_s=60: [sessions] has no key "medain_s"; did you mean "median_s"?'),
        ("sessoins.median_s=60", '--set sessoins.median_s=60: a scenario has no key "sessoins"; did you mean "sessions"?'),
        ("origin_capacity=0", "--set origin_capacity=0: origin_capacity is 0; expected a whole number from 1"),
        ("faults.7.share=0.5", "--set faults.7.share=0.5: faults has 1 entries, counted from 0"),
        ("faults.share=0.5", "--set faults.share=0.5: faults has 1 entries, counted from 0"),
        ("relays.0=5", "--set relays.0=5: relays is no table"),
        ("relays", "--set relays: expected key=value"),
        ("waves=[]", "--set waves=[]: nobody comes"),
        ("waves.0.peers=30000", "--set waves.0.peers=30000: 30,005 peers in packets fidelity"),
    ],
)  # fmt: skip
def test_settings_are_checked_like_the_file(write: Callable[..., str], setting: str, said: str) -> None:
    path = write(
        WHOLE.replace("[curve]\npoints = [[0, 3], [30.5, 9]]\n", "") if "waves" in setting else WHOLE
    )
    with pytest.raises(BadInputError) as caught:
        read_scenario(path, [setting])
    assert said in str(caught.value)


def test_an_error_in_the_file_is_told_with_its_line_though_settings_are_laid_over_it(
    write: Callable[..., str],
) -> None:
    with pytest.raises(BadInputError, match="line 2: relays is -1"):
        read_scenario(write("[[waves]]\npeers = 1\n".join(["\nrelays = -1\n", ""])), ["origin_capacity=3"])


# ---- scaling


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=5), st.integers(1, 10**7))
def test_waves_are_scaled_in_proportion_and_nobody_is_lost(sizes: list[int], peers: int) -> None:
    waves = tuple(Wave(size) for size in sizes)
    found = scaled(Scenario("x", fidelity=Fidelity.FLOW, waves=waves), peers)
    assert peers_of(found) == peers
    for size, wave in zip(sizes, found.waves, strict=True):
        assert wave.peers == pytest.approx(size * peers / sum(sizes), abs=len(sizes))


def test_a_curve_is_scaled_to_its_peak() -> None:
    curve = Curve(((0, 10), (SECOND, 200), (2 * SECOND, 100)))
    assert scaled(Scenario("x", curve=curve), 20).curve == Curve(((0, 1), (SECOND, 20), (2 * SECOND, 10)))


def test_scaling_is_checked_too() -> None:
    with pytest.raises(BadInputError, match="--peers 50000: 50,000 peers in packets fidelity"):
        read_scenario("smoke", peers=50_000)


# ---- the keys


def test_every_kind_of_fault_has_its_keys() -> None:
    names = {key.name for key in keys.FAULT}
    assert list(keys.FAULTS) == list(FaultKind)
    for wants in keys.FAULTS.values():
        assert {*wants.needed, *wants.allowed, *wants.one_of} <= names


def test_every_bound_has_its_reason() -> None:
    tables = (keys.SCENARIO, keys.CROWD, keys.WAVE, keys.SESSIONS, keys.RTTS, keys.FAULT)
    bounded = [key for table in tables for key in table if key.choices is None]
    unexplained = [
        key.name for key in bounded if key.unit not in {keys.Unit.TEXT, keys.Unit.FLAG} and not key.why
    ]
    assert unexplained == []
