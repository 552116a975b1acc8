"""Who stands by for whom: two for each peer, chosen so that one misfortune does not take them together with the parent.

A standby is attached, of lower rank than its client, not the client's parent, and stands by for at most three times its own
capacity; the index of adopters holds exactly those who may take one more. Of these the highest rank is asked first, and
in it the nearest region: it keeps the client's depth, and it spares the top. (Nearest region first left half of those
just under the top without a standby, for deeper ones had taken them all: docs/decisions/0012.) One on a branch of its
own (another child of the origin above it) and with an address prefix of its own is taken at once; otherwise a few more
are looked at and the best is taken; where lags are known, all that are looked at are compared by them. The origin and
the relays are the last resort.

While no lag is known, a few of the nearest bag one rank up are looked at first (`_quick`): mostly two of them are all
that could be wished for, at a quarter of what the search costs.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from meshcast.protocol.capacity import clients_max_for
from meshcast.protocol.limits import RANK_LISTENER_MIN, STANDBYS_MAX
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.keys import RANK_BITS
from tracker.overlay.tree import Tree

RANK_US: Final = 60 * MILLISECOND
"""What a rank lower than need be counts as lag: who is adopted there can never go back to its own, and the top is small."""
PERFECT_US: Final = 1 * SECOND
"""What each mark for a branch or a prefix of its own counts against lag."""
PROBES_MAX: Final = 8
"""Candidates looked at before the best so far is taken."""
PERFECT: Final = 3
"""A branch of its own counts two, a prefix of its own one."""
LOOKS_MAX: Final = 6
"""Neighbours in one bag that are looked at before a search."""


def refill_standbys(tree: Tree, node: int) -> tuple[int, ...]:
    """Give a node standbys up to two, keeping those it has; give all it has then, perhaps none. About 5 us."""
    standbys = tree.standbys
    if standbys.wanting:
        standbys.wanting.pop(node, None)
    held = standbys.of(node)
    if len(held) == STANDBYS_MAX:
        return held
    parent = tree.parent[node]
    if tree.lags.is_blind and parent != NOBODY and tree.rank[node] > RANK_LISTENER_MIN:
        for one in _quick(tree, node, parent, held):
            if tree.give_adopter(node, one):
                held += (one,)
        if len(held) == STANDBYS_MAX:
            return held
    while len(held) < STANDBYS_MAX:
        best = _best(tree, node, parent, held[0] if held else NOBODY)
        if best == NOBODY or not tree.give_adopter(node, best):
            break
        held += (best,)
    return held


def take_over_standbys(tree: Tree, node: int, reported: Iterable[int]) -> tuple[int, ...]:
    """Believe a node that says who stands by for it; give those entered. One that is full, or no lower, is not."""
    said, held, wanting = tuple(reported), tree.standbys.of(node), tree.standbys.wanting
    if said != held:
        for standby in held:
            if standby not in said:
                tree.drop_standby(node, standby)
        for standby in said:
            if standby not in held and _has_room(tree, node, standby):
                tree.give_standby(node, standby)
        held = tree.standbys.of(node)
    if len(held) == STANDBYS_MAX and node in wanting:
        del wanting[node]
    return held


def adopters_below(tree: Tree, node: int, below: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Go through some adopters of a rank under `below`: the highest rank first, and in it the nearest region.

    They come by ranks: each rank, and some of one bag.
    """
    adopters, near = tree.adopters, tree.nearest[tree.region[node]]
    for rank in reversed(range(below)):
        if not adopters.bags_at[rank]:
            continue
        for region in near:
            key = region << RANK_BITS | rank
            size = adopters.sizes[key]
            if size:
                yield rank, adopters.pick(key, tree.dice, PROBES_MAX if rank >= RANK_LISTENER_MIN else size)


def _quick(tree: Tree, node: int, parent: int, held: tuple[int, ...]) -> list[int]:
    """Find some whom a search would take at once, among a few neighbours in the nearest bag one rank up."""
    rank, adopters = tree.rank[node] - 1, tree.adopters
    if not adopters.bags_at[rank]:
        return []
    for region in tree.nearest[tree.region[node]]:
        key = region << RANK_BITS | rank
        size = adopters.sizes[key]
        if size:
            break
    # Branches and prefixes that are taken: the node's own, its parent's, those of the standby that it has, and of the one
    # that is found first. Whoever has none yet is on nobody's branch.
    mine, theirs = tree.prefix[node], tree.prefix[parent]
    first, second, third = tree.branch(parent), NOBODY, NOBODY
    other, last = mine, mine
    if held:
        second, other = tree.branch(held[0]), tree.prefix[held[0]]
    is_one_enough = len(held) == STANDBYS_MAX - 1
    found: list[int] = []
    at = tree.dice(size) if size > 1 else 0
    for step in range(size if size < LOOKS_MAX else LOOKS_MAX):  # noqa: FURB136 - a call takes longer
        one = adopters.one(key, at - step)
        # Who is of that rank has room for one of the next (`_has_room`), and is another than the node.
        top = _rooted_branch(tree, one)
        if top in (NOBODY, first, second, third):
            continue
        prefix = tree.prefix[one]
        if prefix in (mine, theirs, other, last):
            continue
        found.append(one)
        if is_one_enough or len(found) == STANDBYS_MAX:
            break
        third, last = top, prefix
    return found


def _rooted_branch(tree: Tree, node: int) -> int:
    """Give the ancestor (or the node itself) that is a child of the origin; `NOBODY` for all who are under an orphan."""
    top, above = node, tree.parent[node]
    while above > ORIGIN:
        top = above
        above = tree.parent[above]
    # The origin itself is under nobody, and yet no orphan.
    return top if ORIGIN in (above, top) else NOBODY


def _has_room(tree: Tree, node: int, standby: int) -> bool:
    """Tell whether a standby has room for a client of this rank."""
    most = clients_max_for(tree.role[standby], tree.capacity[standby], tree.rank[standby], tree.rank[node])
    return tree.standbys.load[standby] < most


def _best(tree: Tree, node: int, parent: int, held: int) -> int:
    """Find who shares least with a node's parent and with the standby that it has; each is `NOBODY` if there is none.

    They are looked at in the order of `adopters_below`, which is not asked: it would be a generator.
    """
    adopters, near = tree.adopters, tree.nearest[tree.region[node]]
    is_blind, own = tree.lags.is_blind, tree.rank[node]
    best, best_score, probes = NOBODY, -1, 0
    first = NOBODY if parent == NOBODY else tree.branch(parent)
    second = NOBODY if held == NOBODY else tree.branch(held)
    mine = tree.prefix[node]
    theirs = mine if parent == NOBODY else tree.prefix[parent]
    other = mine if held == NOBODY else tree.prefix[held]
    for rank in range(own - 1, -1, -1):
        if not adopters.bags_at[rank]:
            continue
        # All the room of an adopter is for those of the next rank.
        is_deep, is_last_resort = rank + 1 < own, rank < RANK_LISTENER_MIN
        for region in near:
            key = region << RANK_BITS | rank
            size = adopters.sizes[key]
            if not size:
                continue
            at = adopters.start(key, tree.dice)
            for _ in range(size if is_last_resort or size < PROBES_MAX else PROBES_MAX):
                candidate = adopters.one(key, at)
                at = at + 1 if at + 1 < size else 0
                if best != NOBODY and (is_last_resort or probes >= PROBES_MAX):
                    return best
                if candidate in (parent, held):
                    continue
                top = _rooted_branch(tree, candidate)
                if top == NOBODY or (is_deep and not _has_room(tree, node, candidate)):
                    continue
                probes += 1
                prefix = tree.prefix[candidate]
                score = 0 if prefix in (mine, theirs, other) else 1
                if top not in (first, second):
                    score += 2
                if is_blind and score == PERFECT:
                    return candidate
                if not is_blind:
                    score = score * PERFECT_US - _cost_us(tree, node, candidate)
                if best == NOBODY or score > best_score:
                    best, best_score = candidate, score
    return best


def _cost_us(tree: Tree, node: int, candidate: int) -> Micros:
    """Give what a standby's lag, and its rank, count against it."""
    ranks = tree.rank[node] - 1 - tree.rank[candidate]
    lags = tree.lags
    return lags.lag[candidate] + lags.delay(candidate, node) + RANK_US * ranks
