"""Channels and their counts: only the steps of the table are legal, and sums are sums."""

import itertools

import pytest

from meshcast.protocol.errors import LocalProtocolError
from meshcast.transport.channel import TRANSITIONS, Channel, ChannelState, ChannelStep
from meshcast.transport.configuration import dialling
from meshcast.transport.counters import Counters
from meshcast.transport.fast_connection import FastConnection


def channel_in(state: ChannelState) -> Channel:
    made = Channel(FastConnection(configuration=dialling()), dialled=True)
    made.state = state
    return made


@pytest.mark.parametrize(("state", "step"), list(itertools.product(ChannelState, ChannelStep)))
def test_a_channel_takes_the_steps_of_the_table_and_no_others(state: ChannelState, step: ChannelStep) -> None:
    channel = channel_in(state)
    if (state, step) in TRANSITIONS:
        channel.take(step)
        assert channel.state is TRANSITIONS[state, step]
    else:
        with pytest.raises(LocalProtocolError, match=f"{state.name} cannot be {step.name}"):
            channel.take(step)


def test_a_channel_is_live_until_it_is_closed() -> None:
    live = [state for state in ChannelState if channel_in(state).is_live]
    assert live == [ChannelState.HANDSHAKING, ChannelState.OPEN]


def test_nothing_leads_out_of_gone() -> None:
    assert all(state is not ChannelState.GONE for state, _ in TRANSITIONS)


def test_counters_add_up_field_by_field() -> None:
    sums = Counters(wire_bytes_sent=1, blobs_received=2)
    sums.add(Counters(wire_bytes_sent=10, frames_sent=5))
    assert sums == Counters(wire_bytes_sent=11, frames_sent=5, blobs_received=2)
