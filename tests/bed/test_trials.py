"""The trials in short: benchmarks/faults.py runs them at length, and says what they are bound to."""

from bed.clock import in_virtual_time
from bed.crowd import Casting
from bed.faults import TURNS
from bed.hours import hours
from bed.trials import Findings, disorder, hops
from meshcast.protocol.units import SECOND

CHAIN = Casting(peers=5, capacity=1, source_capacity=1, gather_s=2)
FAST = Casting(peers=3, capacity=1, source_capacity=1, gather_s=6, bitrate_bps=128_000)


def test_two_percent_loss_a_hop_four_hops_deep_and_a_third_of_the_relays_frozen_are_not_heard() -> None:
    found = in_virtual_time(lambda: hops(1, 6, CHAIN, aftermath_s=6))
    assert found.depth_max >= 4
    assert found.frozen == 1
    assert found.score.due >= 300
    assert found.aftermath.due >= 240
    assert found.score.missing_at(SECOND) == found.aftermath.missing_at(SECOND) == 0
    assert found.orphans == 0
    assert found.ledger.concealed == 0


def test_loss_and_reordering_at_128_kbit_s_are_not_heard_and_move_nobody_for_nothing() -> None:
    """Ten peers changed parents 126 times in 35 s; and with a floor of 8 packets one chunk in fifteen found no room."""
    found = in_virtual_time(lambda: disorder(1, 6, FAST))
    assert found.score.due >= 450
    assert found.score.missing_at(2 * SECOND) == 0
    assert found.ledger.unsent == 0
    assert found.ledger.false_alarms <= 2


def test_faults_by_turns_leave_nothing_behind() -> None:
    found = in_virtual_time(
        lambda: hours(1, 10, Casting(peers=3, gather_s=1), turns_between=6, warm_up_turns=0, pace=0.15)
    )
    assert found.faults.keys() >= {turn.name for turn in TURNS[:12]}
    assert found.came == found.went
    assert found.deaf == 0
    assert found.key_updates > 0
    assert found.tasks_left == found.sockets_left == 0


def test_a_seed_repeats_its_findings() -> None:
    cast = Casting(peers=3, capacity=1, source_capacity=1, gather_s=1)

    def once() -> Findings:
        return in_virtual_time(lambda: hops(7, 1, cast, aftermath_s=1))

    assert once() == once()
