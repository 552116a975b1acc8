"""Two children of parents of one rank change places, where both together hear sooner for it.

Near the top no place is free, and one with children may not go deeper: so a head that hangs far away can only come
nearer where somebody else makes room. Its own place is as good for that one as the rank rule asks: both parents have the
same rank. The parents looked at are the ancestors of those near the head who hear soonest.
"""

from typing import Final

from meshcast.protocol.units import MILLISECOND
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.errands import Exchange
from tracker.overlay.placement import Move, is_settled
from tracker.overlay.states import ATTACHED, PENDING
from tracker.overlay.tree import Tree

EXCHANGE_US: Final = 10 * MILLISECOND
"""What each of the two moves must gain, summed over all who hear it."""
PICKS: Final = 2
BAGS: Final = 2


def exchange(tree: Tree, head: int) -> list[Move]:
    """Have a head and a child of a nearer parent change places; the first of two moves."""
    source = tree.parent[head]
    if source == NOBODY or tree.state[source] != ATTACHED or not is_settled(tree, head):
        return []
    lags = tree.lags
    best, best_gain = NOBODY, 2 * EXCHANGE_US
    for other in _near_parents(tree, head, source):
        gain = lags.crowd[head] * (lags.lag[head] - lags.lag[other] - lags.delay(other, head))
        if gain < best_gain:
            continue
        for child in tree.children.of(other):
            more = lags.crowd[child] * (lags.lag[child] - lags.lag[source] - lags.delay(source, child))
            if gain + more > best_gain and is_settled(tree, child):
                best, best_gain = child, gain + more
    if best == NOBODY:
        return []
    other = tree.parent[best]
    tree.attach(head, other)
    tree.errands.exchanges[head] = Exchange(best, source)
    return [Move(head, source, other)]


def complete_exchange(tree: Tree, head: int) -> list[Move]:
    """Have the other one go to the place that a head has left, once the head is where it shall be."""
    if tree.state[head] == PENDING:
        return []
    errand = tree.errands.exchanges.pop(head)
    child, target, source = errand.child, errand.target, tree.parent[head]
    if (
        source == NOBODY
        or tree.parent[child] != source
        or tree.free[source] >= 0
        or not is_settled(tree, child)
    ):
        return []
    if tree.state[target] != ATTACHED or tree.free[target] <= 0:
        return []
    if not tree.may_attach(child, target) or tree.is_under(target, child):
        return []
    tree.attach(child, target)
    return [Move(child, source, target)]


def _near_parents(tree: Tree, head: int, source: int) -> list[int]:
    """Give parents of the rank of a head's own that feed, directly or not, those near it who hear soonest."""
    lags, rank = tree.lags, tree.rank[source]
    seen, found = [source], list[int]()
    for openings in (lags.spots, lags.leaves):
        for key in lags.nearest_bags(openings, lags.place[head])[:BAGS]:
            for other in openings.pick(key, tree.dice, PICKS):
                while other > ORIGIN and other != head and tree.rank[other] > rank:
                    other = tree.parent[other]  # noqa: PLW2901 - climbs from the one that was picked
                if other <= ORIGIN or other in seen or tree.rank[other] != rank:
                    continue
                seen.append(other)
                if tree.state[other] == ATTACHED and tree.free[other] >= 0 and tree.is_rooted(other):
                    found.append(other)
    return found
