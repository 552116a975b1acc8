"""What the tests of the protocol share: a crew, a world of machines, a child and a server by themselves."""

from collections.abc import Callable
from typing import Any

import pytest

from meshcast.protocol.messages import Accept
from meshcast.protocol.units import Micros, Sequence
from tests.protocol.child import Child
from tests.protocol.crew import Crew, golden_values
from tests.protocol.server import Server
from tests.protocol.world import World


@pytest.fixture(scope="session")
def crew() -> Crew:
    return Crew()


@pytest.fixture(scope="session")
def golden(crew: Crew) -> dict[str, Any]:
    return golden_values(crew)


@pytest.fixture
def world(crew: Crew) -> World:
    return World(crew)


@pytest.fixture(scope="session")
def make_world(crew: Crew) -> Callable[[], World]:
    return lambda: World(crew)


@pytest.fixture(scope="session")
def accept() -> Callable[..., Accept]:
    """Make an Accept with what matters to a test."""

    def accept(counter: int, rank: int = 0, newest: Sequence = 0, idle_us: Micros = 0) -> Accept:
        return Accept(counter, rank, newest, idle_us, (b"root",))

    return accept


@pytest.fixture
def child(crew: Any) -> Child:
    return Child(crew)


@pytest.fixture
def server(crew: Any) -> Server:
    return Server(crew)
