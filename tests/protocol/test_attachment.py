"""Five states and the table of legal steps between them: every pair is in the table, or a bug of the caller."""

import itertools

import pytest

from meshcast.protocol.attachment import TRANSITIONS, Attachment, Step, after
from meshcast.protocol.errors import LocalProtocolError

PAIRS = list(itertools.product(Attachment, Step))


@pytest.mark.parametrize(("state", "step"), PAIRS, ids=[f"{s.value}-{t.value}" for s, t in PAIRS])
def test_every_step_is_in_the_table_or_a_local_protocol_error(state: Attachment, step: Step) -> None:
    if (state, step) in TRANSITIONS:
        assert after(state, step) is TRANSITIONS[state, step]
    else:
        with pytest.raises(LocalProtocolError, match="is no step from"):
            after(state, step)


def test_who_has_left_never_comes_back() -> None:
    assert not any(state is Attachment.LEFT for state, _ in TRANSITIONS)
    assert all((state, Step.LEAVE) in TRANSITIONS for state in Attachment if state is not Attachment.LEFT)


def test_who_moves_hears_from_the_old_parent_until_the_new_one_has_accepted() -> None:
    moving = after(Attachment.HEARING, Step.ASK)
    assert moving is Attachment.MOVING
    assert moving.is_hearing
    assert after(moving, Step.GAVE_UP) is Attachment.HEARING


def test_a_parent_is_found_by_an_accept_and_by_nothing_else() -> None:
    for (state, step), then in TRANSITIONS.items():
        if then.is_hearing and not state.is_hearing:
            assert step is Step.ACCEPTED


def test_every_state_can_be_reached() -> None:
    reached = {Attachment.SEEKING}
    for _ in Attachment:
        reached |= {then for (state, _), then in TRANSITIONS.items() if state in reached}
    assert reached == set(Attachment)
