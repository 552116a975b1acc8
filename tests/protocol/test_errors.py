"""The type of an error says whose fault it was."""

import pytest

from meshcast.protocol import errors


@pytest.mark.parametrize(
    "kind",
    [errors.LocalProtocolError, errors.RemoteProtocolError, errors.BadInputError, errors.UnreachableError],
)
def test_every_error_of_meshcast_can_be_caught_as_one(kind: type[errors.MeshcastError]) -> None:
    with pytest.raises(errors.MeshcastError, match="say what to do"):
        raise kind("say what to do")


def test_a_fault_of_this_side_is_none_of_the_other() -> None:
    assert not issubclass(errors.LocalProtocolError, errors.RemoteProtocolError)
    assert not issubclass(errors.RemoteProtocolError, errors.LocalProtocolError)
