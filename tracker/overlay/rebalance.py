"""Lifts and successions."""

from tracker.overlay.lags import LEVEL_US, QUALITY_US
from tracker.overlay.nodes import LISTENER, NOBODY, ORIGIN
from tracker.overlay.placement import HOP_US, Move, _bears_splice, find_slot, find_spot, parent_rank_bound, place_by_lag, score_under
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

import os
LIFT_US = int(os.environ.get("LIFT", 10)) * 1000      # us * peers a move must gain
REPLACE_US = int(os.environ.get("REPL", 20)) * 1000   # us * peers a move of a replacement must gain
SLOT_US = int(os.environ.get("SLOT", 4)) * 1000   # value of a place more, for each of the crowd's mean child
PICKS = 3


def find_heir(tree: Tree, place: int, parent: int, heads, old: int, crowd: int):
    """Find the childless capable peer that best stands between parent and heads; its cost."""
    lags = tree.lags
    best, best_cost = None, 1 << 60
    busy = 0
    rank = max(3, tree.rank[parent] + 1)
    for key in lags.nearest_bags(lags.reserve, place, QUALITY_US):
        for one in lags.reserve.pick(key, tree.dice, PICKS):
            above = tree.parent[one]
            if one == parent or above == parent or one in tree.heads_of or one in tree.heir_of or tree.promised_leaf(one) is not None:
                continue
            if (tree.rank[one] < rank and tree.has_children(one)) or (old != NOBODY and room_of(tree, one) < len(heads) - (above == old)) or tree.is_under(parent, one):
                continue
            # Not one who has much to do where it is.
            busy += 1
            cost = cost_between(tree, parent, one, heads, crowd)
            if cost < best_cost and tree.is_rooted(one):
                best, best_cost = one, cost
    return best, best_cost


FEWCAP = 1


def room_of(tree: Tree, one: int) -> int:
    """How many more an heir can take: its free places, and those of some childless children."""
    room, spare = tree.free[one], 0
    for child in tree.children.of(one):
        if not tree.has_children(child):
            spare += 1
    return room + min(spare, 3)


def cost_between(tree: Tree, parent: int, one: int, heads, crowd: int) -> int:
    lags = tree.lags
    cost = crowd * lags.delay(parent, one)
    room = room_of(tree, one)
    for head in heads:
        if head == one:
            continue
        room -= 1
        cost += lags.crowd[head] * (lags.delay(one, head) if room >= 0 or tree.parent[head] == one else 60000)
    return cost - SLOT_US * min(tree.capacity[one], 8 if not FEWCAP else tree.capacity[one] - 0) * crowd // (len(heads) + 1)


def succeed(tree: Tree, parent: int, place: int, heads) -> list[Move]:
    """After a death."""
    if parent == NOBODY or tree.state[parent] != State.ATTACHED or not heads or tree.free[parent] <= 0 or not tree.is_rooted(parent):
        return []
    heads = [h for h in heads if tree.state[h] == State.ATTACHED and tree.rank[h] > max(tree.rank[parent] + 1, 3) and h not in tree.heir_of]
    if not heads:
        return []
    crowd = 1 + sum(tree.lags.crowd[h] for h in heads)
    heir, cost = find_heir(tree, place, parent, heads, NOBODY, crowd)
    if heir is None:
        return []
    source = tree.parent[heir]
    if source == parent:
        return []
    tree.attach(heir, parent)
    tree.heads_of[heir] = list(heads)
    for h in heads:
        tree.heir_of[h] = heir
    note(tree, "succeed")
    return [Move(heir, source, parent)]


def note(tree, what):
    d = tree.lags.done
    d[what] = d.get(what, 0) + 1


def replace(tree: Tree, old: int) -> list[Move]:
    parent = tree.parent[old]
    if parent == NOBODY or tree.role[old] != LISTENER or tree.state[old] != State.ATTACHED or not tree.has_children(old):
        return []
    if (not _bears_splice(tree, parent) and not (tree.role[parent] != LISTENER and tree.free[parent] > -8)) or old in tree.heir_of:
        return []
    heads = [c for c in tree.children.of(old) if tree.state[c] == State.ATTACHED and not tree.is_promised(c) and c not in tree.heir_of]
    if len(heads) != tree.capacity[old] - tree.free[old] or not heads:
        return []
    lags = tree.lags
    crowd = lags.crowd[old]
    heir, cost = find_heir(tree, lags.place[old], parent, heads, old, crowd)
    if heir is None:
        return []
    gain = cost_between(tree, parent, old, heads, crowd) - cost
    if gain < REPLACE_US * (2 + len(heads)):
        return []
    source = tree.parent[heir]
    tree.attach(heir, parent)
    tree.heads_of[heir] = list(heads)
    tree.old_of[heir] = old
    for h in heads:
        tree.heir_of[h] = heir
    note(tree, "replace")
    return [Move(heir, source, parent)]


def advance(tree: Tree, node: int) -> list[Move]:
    """Take the next step of a succession after a node has reported."""
    if node in tree.swap_of:
        return finish_exchange(tree, node)
    heir = node if node in tree.heads_of else tree.heir_of.get(node)
    if heir is None:
        return retire(tree, tree.parent[node])
    moves = []
    if tree.state[heir] != State.ATTACHED:
        return []
    old = tree.old_of.get(heir, NOBODY)
    heads = tree.heads_of.pop(heir)
    if len(heads) > tree.free[heir]:
        heads.sort(key=lambda h: tree.lags.lag[tree.parent[h]] * 0 - tree.lags.crowd[h])
    for head in heads:
        if tree.heir_of.pop(head, None) != heir:
            continue
        source = tree.parent[head]
        if tree.state[head] != State.ATTACHED or source == NOBODY or tree.free[heir] <= -3 or not tree.may_attach(head, heir) or source == heir:
            continue
        if tree.is_under(heir, head):
            continue
        if source != old and score_under(tree, head, heir) >= score_under(tree, head, source) + 3000 and tree.free[source] >= 0:
            continue
        tree.attach(head, heir)
        moves.append(Move(head, source, heir))
    return moves


EXCH_US = int(os.environ.get("EXCH", 10)) * 1000
EXK = int(os.environ.get("EXK", 3))


def exchange(tree: Tree, head: int) -> list[Move]:
    """Let a head and a child of a nearer parent of the same rank change places."""
    source = tree.parent[head]
    if source == NOBODY or tree.state[head] != State.ATTACHED or tree.state[source] != State.ATTACHED or not is_loose(tree, head):
        return []
    lags = tree.lags
    lag, crowd, delay = lags.lag, lags.crowd, lags.delay
    rank = tree.rank[source]
    here = lag[source] + delay(source, head)
    best, best_gain = None, 2 * EXCH_US
    parent, ranks = tree.parent, tree.rank
    seen = [source]
    bags = lags.nearest_bags(lags.spots, lags.place[head])[:2] + lags.nearest_bags(lags.leaves, lags.place[head])[:2]
    for key in bags:
        for other in (lags.spots.pick(key, tree.dice, EXK) if key in lags.spots._bags and lags.spots.bag(key) else lags.leaves.pick(key, tree.dice, EXK)):
            while other > ORIGIN and ranks[other] > rank:
                if other == head:
                    other = NOBODY
                    break
                other = parent[other]
            if other <= ORIGIN or ranks[other] != rank or other in seen or tree.free[other] < 0 or tree.state[other] != State.ATTACHED or not tree.is_rooted(other):
                continue
            seen.append(other)
            mine = crowd[head] * (here - lag[other] - delay(other, head))
            if mine < best_gain:
                continue
            for child in tree.children.of(other):
                gain = mine + crowd[child] * (lag[child] - lag[source] - delay(source, child))
                if gain > best_gain and tree.state[child] == State.ATTACHED and is_loose(tree, child):
                    best, best_gain = child, gain
    if best is None:
        return []
    other = tree.parent[best]
    tree.attach(head, other)
    tree.swap_of[head] = (best, source)
    note(tree, "exchange")
    return [Move(head, source, other)]


def is_loose(tree: Tree, node: int) -> bool:
    return tree.role[node] == LISTENER and not tree.is_promised(node) and node not in tree.heir_of and node not in tree.heads_of and tree.promised_leaf(node) is None and node not in tree.swap_of


def finish_exchange(tree: Tree, node: int) -> list[Move]:
    if tree.state[node] != State.ATTACHED:
        return []
    child, target = tree.swap_of.pop(node)
    source = tree.parent[node]
    if tree.state[child] != State.ATTACHED or tree.parent[child] != source or tree.free[source] >= 0 or not is_loose(tree, child):
        return []
    if tree.state[target] != State.ATTACHED or tree.free[target] <= 0 or not tree.may_attach(child, target) or tree.is_under(target, child):
        return []
    tree.attach(child, target)
    return [Move(child, source, target)]


def retire(tree: Tree, heir: int) -> list[Move]:
    """Move the old one away."""
    if heir not in tree.old_of:
        return []
    if any(tree.state[c] == State.PENDING for c in tree.children.of(heir)):
        return []
    old = tree.old_of.pop(heir)
    if tree.state[old] != State.ATTACHED or tree.has_children(old) or tree.parent[old] != tree.parent[heir]:
        return []
    source = tree.parent[old]
    if tree.free[source] >= 0:
        return []
    if tree.free[heir] > 0:
        tree.attach(old, heir)
        return [Move(old, source, heir)]
    if place_by_lag(tree, old, parent_rank_bound(tree, old)) is not None:
        return [Move(old, source, tree.parent[old])]
    return []


def dissolve(tree: Tree, adopter: int) -> list[Move]:
    """Empty the child with the least crowd of one beyond its capacity."""
    heads = [c for c in tree.children.of(adopter) if tree.state[c] == State.ATTACHED and tree.has_children(c) and tree.role[c] == LISTENER]
    if not heads:
        return []
    old = min(heads, key=tree.lags.crowd.__getitem__)
    moves = []
    for kid in list(tree.children.of(old)):
        if tree.state[kid] != State.ATTACHED or kid in tree.heir_of or tree.is_promised(kid):
            continue
        spot, _ = find_spot(tree, kid, parent_rank_bound(tree, kid))
        if spot is None or spot == old:
            spot = find_slot(tree, kid, parent_rank_bound(tree, kid))
        if spot is None or spot == old or tree.is_under(spot, kid):
            continue
        tree.attach(kid, spot)
        moves.append(Move(kid, old, spot))
        note(tree, "dissolve")
        if len(moves) == 2:
            break
    return moves


def lift(tree: Tree, node: int) -> list[Move]:
    source = tree.parent[node]
    if source == NOBODY or tree.state[node] != State.ATTACHED or tree.role[node] != LISTENER or tree.is_promised(node) or node in tree.heir_of or node in tree.heads_of or tree.promised_leaf(node) is not None:
        return []
    gain = LIFT_US // min(tree.lags.crowd[node], 100) + 1000
    limit = score_under(tree, node, source) - gain
    placement = place_by_lag(tree, node, parent_rank_bound(tree, node), limit)
    if placement is None:
        return []
    note(tree, "lift" if tree.lags.crowd[node] == 1 else "lift_head")
    return [Move(node, source, placement.parent)]


def rebalance(tree: Tree) -> list[Move]:
    """Try to better one place."""
    lags = tree.lags
    if lags.behind:
        lags.catch_up()
    node = tree.dice(tree._used)
    if tree.state[node] != State.ATTACHED or node == ORIGIN:
        return []
    path = []
    at = node
    while at > ORIGIN:
        path.append(at)
        at = tree.parent[at]
    if at != ORIGIN:
        return []
    over = tree.overcommitted
    if over.ranks and tree.dice(2):
        rank = (over.ranks & -over.ranks).bit_length() - 1
        region = (over.regions_at[rank] & -over.regions_at[rank]).bit_length() - 1
        bag = over.pick(region << 6 | rank, tree.dice, 1)
        moves = dissolve(tree, bag[0])
        if moves:
            return moves
    moves = lift(tree, node) if len(path) else []
    if not moves and len(path) > 1:
        above = path[1 + tree.dice(len(path) - 1)]
        moves = lift(tree, above) or exchange(tree, above) or replace(tree, above)
    return moves
