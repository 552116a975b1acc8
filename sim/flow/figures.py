"""What a flow run has found: counters as it goes, sums over columns when a sample is taken."""

from array import array
from bisect import bisect_right
from itertools import accumulate, pairwise
from random import Random
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.units import SECOND, Micros
from sim.flow.orphan import Orphan
from sim.flow.sound import ALL_DELAYS
from sim.flow.wishes import Wish
from sim.measures import REPAIRS_KEPT_MAX, Measures, Sample, Spread
from sim.scenario import DELAYS_US
from sim.sizes import tree_bytes
from sim.sums import depth_least
from tracker.overlay.columns import ORIGIN

if TYPE_CHECKING:
    from sim.flow.flow import Flow

SAMPLES: Final = 60
"""A run is looked at about so many times."""
SAMPLE_EVERY_US_MIN: Final[Micros] = SECOND
WAITS_KEPT_MAX: Final = 1 << 22

Column = npt.NDArray[np.int32]
"""As narrow as the mesh's own columns: half of what numpy would take, in half of the time."""
Waits = npt.NDArray[np.int64]


class Figures:
    """Counts one run."""

    def __init__(self, flow: "Flow") -> None:
        self._flow = flow
        self._mesh = flow.mesh
        self._chance: Final = Random("figures")
        self.wishes: dict[int, Wish] = {}
        """What joiners wanted who have not found a parent at once."""
        self.samples: list[Sample] = []
        self.joins = self.leaves = self.crashes = 0
        self.repairs = self.repairs_without_tracker = 0
        self.repair_us: list[Micros] = []
        self.waits_us: Final = array("q")
        self.peers_peak = 0
        self.emergencies_peak = 0
        self.copies_peak = 0
        self._infrastructure: list[int] = [ORIGIN]

    def begin(self) -> None:
        """Take the first sample, and more of them at equal times."""
        every_us = max(SAMPLE_EVERY_US_MIN, self._flow.scenario.duration_us // SAMPLES)
        self._flow.calendar.call(0, self._sample, every_us)

    def _sample(self, every_us: Micros) -> None:
        """Look at how things stand, and come again."""
        calendar = self._flow.calendar
        self.samples.append(self.sample())
        calendar.call(calendar.now + every_us, self._sample, every_us)

    # ---- as it goes

    def joined(self, node: int, waited_us: Micros) -> None:
        """Count one that has found its first parent."""
        mesh = self._mesh
        if mesh.role[node] != LISTENER:
            self._infrastructure.append(node)
            return
        self.joins += 1
        if len(self.waits_us) < WAITS_KEPT_MAX:
            self.waits_us.append(waited_us)
        self._look_at(mesh.parent[node])

    def repaired(self, orphan: Orphan, now: Micros, is_helped: bool) -> None:  # noqa: FBT001
        """Count an orphan that hears again."""
        self.repairs += 1
        self.repairs_without_tracker += not is_helped
        took_us = now - orphan.unheard_since
        if len(self.repair_us) < REPAIRS_KEPT_MAX:
            self.repair_us.append(took_us)
        elif (place := int(self.repairs * self._chance.random())) < REPAIRS_KEPT_MAX:
            self.repair_us[place] = took_us
        self._look_at(self._mesh.parent[orphan.node])

    def gone(self, is_crash: bool) -> None:  # noqa: FBT001 - declared
        """Count one that has left."""
        self.leaves += not is_crash
        self.crashes += is_crash

    def _look_at(self, parent: int) -> None:
        """Take in what the origin and the relays carry after one of them has got another child."""
        mesh = self._mesh
        if mesh.role[parent] == LISTENER:
            return
        if parent == ORIGIN:
            self.copies_peak = max(self.copies_peak, mesh.feeds[ORIGIN])
        if mesh.beyond_capacity(parent):
            beyond = sum([mesh.beyond_capacity(one) for one in self._infrastructure])
            self.emergencies_peak = max(self.emergencies_peak, beyond)

    # ---- sums

    def sample(self) -> Sample:
        """Look at how things stand."""
        flow = self._flow
        mesh, sound = self._mesh, flow.sound
        people = flow.people.sorted()
        depth = _depth(self.depths(people))
        lag, unicast = (_percentiles(delays) for delays in self._delays(people))
        self.peers_peak = max(self.peers_peak, len(people))
        orphans = len(flow.orphans.of)
        missing, _ = sound.so_far(flow.now)
        due_us = self._due_us(people)
        return Sample(
            at_us=flow.now,
            listeners=len(people),
            waiting=len(flow.desk.waiting),
            orphans=orphans,
            depth_max=int(depth.max),
            depth_p99=int(depth.p99),
            delay_p50_us=int(lag[0]),
            delay_p99_us=int(lag[1]),
            unicast_p50_us=int(unicast[0]),
            unicast_p99_us=int(unicast[1]),
            origin_copies=mesh.feeds[ORIGIN],
            joins=self.joins,
            leaves=self.leaves,
            crashes=self.crashes,
            repairs=self.repairs,
            moves=flow.desk.moves.count,
            missing_us=tuple(count * sound.chunk_us for count in missing),
            due_us=due_us,
        )

    def depths(self, nodes: npt.NDArray[np.intp]) -> list[int]:
        """Count these peers by their distance from the origin; orphans' trees count from their heads."""
        parent = np.asarray(self._flow.mesh.parent)
        count = len(parent)
        # Nobody is above whoever hears from nobody, and above nobody is nobody again.
        above = np.full(count + 1, count, np.intp)
        np.copyto(above[:-1], parent, where=parent >= 0)
        deeper = [len(nodes)]
        at = above.take(nodes)
        while hanging := int(np.count_nonzero(at < count)):
            deeper.append(hanging)
            at = above.take(at)
        return [here - below for here, below in pairwise([*deeper, 0])]

    def _delays(self, people: npt.NDArray[np.intp]) -> tuple[Column, Column]:
        """Give listeners' delays from the origin, and what they would be if it fed them all."""
        mesh, crowd = self._flow.mesh, self._flow.crowd
        if not len(people):
            return np.zeros(1, np.int32), np.zeros(1, np.int32)
        city = np.asarray(mesh.city)[people]
        access = np.asarray(mesh.access_us)[people]
        unicast = np.asarray(crowd.city_delays_us[crowd.home], np.int32)[city] + access + crowd.data_centre_us
        return np.asarray(mesh.lag_us)[people], unicast

    def _due_us(self, people: npt.NDArray[np.intp]) -> Micros:
        """Give the audio that was due by now, at those who are here and at those who have gone."""
        sound = self._flow.sound
        since = np.asarray(sound.first_due_at).take(people)
        end = min(self._flow.now, sound.counts_until)
        return sound.due_us + int(np.maximum(0, end - since).sum())

    def _gapped(self, more: list[int], people: npt.NDArray[np.intp]) -> list[int]:
        """Give how many have missed anything at each delay, with as many `more` of whom it is not marked yet."""
        sound = self._flow.sound
        marks = np.asarray(sound.all_marks).take(people)
        return [
            sound.gapped[delay] + more[delay] + int(np.count_nonzero(marks >> delay & 1))
            for delay in ALL_DELAYS
        ]

    def measures(self) -> Measures:
        """Sum up."""
        flow = self._flow
        last = self.sample()
        missing, more_gapped = flow.sound.so_far(flow.now)
        waits = np.frombuffer(self.waits_us, np.int64) if self.waits_us else np.zeros(1, np.int64)
        people = flow.people.sorted()
        lag, unicast = self._delays(people)
        copies = sorted(one.origin_copies for one in self.samples if one.listeners) or [0]
        reports = flow.reports.timer
        departures = max(1, self.leaves + self.crashes)
        return Measures(
            simulated_us=flow.now,
            events=flow.events,
            peers_peak=max(self.peers_peak, last.listeners),
            joins=self.joins,
            leaves=self.leaves,
            crashes=self.crashes,
            repairs=self.repairs,
            repairs_without_tracker=self.repairs_without_tracker,
            moves=flow.desk.moves.count,
            due_us=self._due_us(people),
            missing_us=[count * flow.sound.chunk_us for count in missing],
            gapped=self._gapped(more_gapped, people),
            heard=flow.sound.heard,
            delay_us=_spread(lag),
            unicast_us=_spread(unicast),
            wait_us=_spread(waits),
            depth=_depth(self.depths(people)),
            depth_least=self.least_depth(),
            origin_copies_median=copies[len(copies) // 2],
            origin_copies_peak=max(self.copies_peak, copies[-1]),
            emergency_copies_peak=self.emergencies_peak,
            join_us=flow.desk.joining.us,
            leave_us=flow.desk.leaving.us + reports.us * reports.count / departures,
            bytes_per_peer=tree_bytes(flow.tree) / len(flow.tree),
            repair_us=list(self.repair_us),
            samples=[*self.samples, last],
            violations=flow.problems(),
            digest=flow.digest(),
            is_cut_short=flow.now < flow.scenario.duration_us,
        )

    def least_depth(self) -> int:
        """Give the least depth at which all who are here could hang: the most capable ones first, level by level."""
        capacity = self._flow.mesh.capacity
        present = [*self._flow.people.all, *self._infrastructure[1:]]
        return depth_least(capacity[ORIGIN], (capacity[node] for node in present))


def _percentiles(values: Column | Waits) -> tuple[float, float]:
    """Give the median and the 99th, as numbers that are there; of two in the middle the lower."""
    last = len(values) - 1
    half, most = last * 50 // 100, last * 99 // 100
    ordered = np.partition(values, (half, most))
    return float(ordered[half]), float(ordered[most])


def _depth(counts: list[int]) -> Spread:
    """Give median, 99th percentile and maximum of distances of which it is known how often each is there."""
    last, within = sum(counts) - 1, list(accumulate(counts))
    half, most = (bisect_right(within, last * share // 100) for share in (50, 99))
    return Spread(half, most, len(counts) - 1) if last >= 0 else Spread()


def _spread(values: Column | Waits) -> Spread:
    return Spread(*_percentiles(values), float(values.max()))


assert len(DELAYS_US) <= 8, "a listener's gaps are bits of a byte"
