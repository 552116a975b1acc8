"""Is the source silent, or only this spare's link to it? Whoever is asked decides, and who does not answer is no witness."""

from typing import Any

import pytest

from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.inquiry import (
    AHEAD,
    AHEAD_AT_FIRST,
    ANSWER_US,
    ASK_EVERY_US,
    ASK_LATER_EVERY_US,
    DEPENDENT_US,
    WITNESSES_MAX,
    Inquiry,
)
from meshcast.protocol.messages import Enlist, Pull
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.serving import Serving
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros

CHUNK_US = 100 * MILLISECOND
SILENCE_US = 3 * CHUNK_US
BEGAN: Micros = 10 * SECOND
LAST = 70


class Spare:
    """One whose newest chunk came at `BEGAN`, and whom the named know."""

    def __init__(
        self, crew: Any, clients: tuple[str, ...] = (), children: tuple[str, ...] = (), **capacity: int
    ) -> None:
        self.crew = crew
        serving = Serving.begin(crew.member("spare", Role.SPARE), rank=1)
        neighbours = Neighbours(own_ticket=crew.ticket("spare", Role.SPARE))
        self.relay, self.backlog = serving.relay, serving.backlog
        for name in (*clients, *children):
            peer = crew.id(name)
            neighbours.up(peer)
            self.relay.hello(peer, crew.ticket(name, capacity=capacity.get(name, 4)), BEGAN)
            if name in clients:
                self.relay.enlist(peer, 3)
            else:
                self.relay.adopt(peer, crew.adopt(name, "spare"), BEGAN)
        self.backlog.add(crew.chunk(LAST), BEGAN, 0)
        self.inquiry = Inquiry(serving.backlog, serving.relay, serving.standing, neighbours)
        self.enlisted = [
            one.to
            for one in self.inquiry.enlist()
            if isinstance(one, Send) and isinstance(one.message, Enlist)
        ]

    def tick(self, after_us: Micros) -> list[Effect]:
        return self.inquiry.tick(BEGAN + after_us)

    def says(self, name: str, newest: int = LAST) -> None:
        self.inquiry.says_silent(self.crew.id(name), newest)

    def verdict(self, after_us: Micros) -> bool:
        self.tick(after_us)
        return self.inquiry.has_found_silence(BEGAN + after_us)


def test_it_asks_at_half_of_the_threshold_and_again_until_it_is_answered(crew: Any) -> None:
    spare = Spare(crew, clients=("ann", "bob"))
    assert spare.enlisted == [crew.id("ann"), crew.id("bob")]
    assert spare.inquiry.deadline() == BEGAN + SILENCE_US // 2
    assert spare.tick(SILENCE_US // 2 - 1) == []
    asked = spare.tick(SILENCE_US // 2)
    assert asked == [Send(peer, Pull(((LAST, LAST + AHEAD_AT_FIRST),))) for peer in spare.enlisted]
    spare.says("ann")
    assert spare.tick(SILENCE_US // 2 + ASK_EVERY_US - 1) == []
    (again,) = spare.tick(SILENCE_US // 2 + ASK_EVERY_US)
    assert again == Send(crew.id("bob"), Pull(((LAST, LAST + AHEAD_AT_FIRST),)))
    late = 2 * SECOND
    assert spare.tick(late) == [Send(crew.id("bob"), Pull(((LAST, LAST + AHEAD),)))]
    assert spare.tick(late + ASK_EVERY_US) == []
    assert spare.tick(late + ASK_LATER_EVERY_US) != []


def test_when_all_say_that_nothing_comes_the_source_is_silent_and_not_before_the_threshold(crew: Any) -> None:
    spare = Spare(crew, clients=("ann", "bob"))
    spare.tick(SILENCE_US // 2)
    spare.says("ann")
    spare.says("bob")
    assert not spare.verdict(SILENCE_US - 1)
    assert spare.verdict(SILENCE_US)


def test_one_that_has_not_answered_is_waited_for_and_not_for_long(crew: Any) -> None:
    spare = Spare(crew, clients=("ann", "bob"))
    spare.tick(SILENCE_US // 2)
    spare.says("ann")
    assert not spare.verdict(SILENCE_US + ANSWER_US - 1)
    assert spare.verdict(SILENCE_US + ANSWER_US)


def test_when_nobody_answers_nothing_is_known(crew: Any) -> None:
    spare = Spare(crew, clients=("ann", "bob"), children=("cat",))
    assert not spare.verdict(SILENCE_US)
    assert not spare.verdict(60 * SECOND)
    assert not Spare(crew).verdict(60 * SECOND)


def test_a_later_chunk_ends_the_inquiry_and_what_was_said_before_counts_no_more(crew: Any) -> None:
    spare = Spare(crew, clients=("ann",))
    spare.tick(SILENCE_US // 2)
    spare.says("ann")
    spare.backlog.add(crew.chunk(LAST + 1), BEGAN + 200 * MILLISECOND, 0)
    assert not spare.verdict(SILENCE_US)
    assert not spare.verdict(200 * MILLISECOND + SILENCE_US)
    spare.says("ann", LAST + 1)
    assert spare.verdict(200 * MILLISECOND + SILENCE_US)


def test_whoever_has_something_later_says_the_opposite(crew: Any) -> None:
    spare = Spare(crew, clients=("ann",))
    spare.tick(SILENCE_US // 2)
    spare.says("ann", LAST + 1)
    assert not spare.verdict(5 * SECOND)


def test_the_word_of_ones_own_children_counts_once_they_have_asked_others(crew: Any) -> None:
    spare = Spare(crew, children=("cat",))
    spare.tick(SILENCE_US // 2)
    spare.says("cat")
    assert not spare.verdict(DEPENDENT_US - 1)
    assert spare.verdict(DEPENDENT_US)


def test_an_orphan_that_turns_to_it_heard_from_somebody_else_and_stays_a_witness_as_its_child(
    crew: Any,
) -> None:
    spare = Spare(crew, clients=("dan",), dan=0)
    assert spare.enlisted == [], "one that serves nobody answers no pull"
    spare.tick(SILENCE_US // 2)
    spare.says("dan")
    spare.relay.adopt(crew.id("dan"), crew.adopt("dan", "spare"), BEGAN)
    spare.says("dan")
    assert spare.verdict(SILENCE_US)


@pytest.mark.parametrize("word", ["is_source_away", "has_source_left"])
def test_the_trackers_word_and_the_sources_own_are_enough(crew: Any, word: str) -> None:
    spare = Spare(crew)
    spare.tick(SILENCE_US // 2)
    assert not spare.verdict(SILENCE_US)
    setattr(spare.inquiry, word, True)
    assert spare.verdict(SILENCE_US)


def test_the_trackers_word_before_the_silence_is_about_another_one(crew: Any) -> None:
    spare = Spare(crew)
    spare.inquiry.is_source_away = True
    assert not spare.verdict(SILENCE_US)


def test_so_many_are_asked_at_most_and_who_does_not_stand_by_is_exchanged(crew: Any) -> None:
    names = tuple(f"client {number}" for number in range(8))
    spare = Spare(crew, clients=names)
    assert len(spare.enlisted) == WITNESSES_MAX
    assert spare.inquiry.enlist() == []
    spare.inquiry.refused(spare.enlisted[0])
    (other,) = [
        one.to for one in spare.inquiry.enlist() if isinstance(one, Send) and isinstance(one.message, Enlist)
    ]
    assert other == crew.id(names[WITNESSES_MAX])
    spare.relay.gone(other, BEGAN)
    assert (
        len(
            [
                one
                for one in spare.inquiry.enlist()
                if isinstance(one, Send) and isinstance(one.message, Enlist)
            ]
        )
        == 1
    )
