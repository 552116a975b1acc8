"""Delay by placement: how late is the sound at the median listener, against a broadcaster that feeds everybody itself?"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
import resource

import click

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX
from meshcast.protocol.tickets import Role
from sim.geography import Geography, access_us, city_number
from sim.matrix import Matrix
from sim.population import Population
from tracker.overlay.nodes import ORIGIN
from tracker.overlay.placement import Move, complete_splice, place
from tracker.overlay.promises import check
from tracker.overlay.rebalance import advance, rebalance
from tracker.overlay.succession import succeed, vacancy
from tracker.overlay.relief import relieve, relieve_some
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

RELAY_US = 1500
import os
DIAG = os.environ.get("DIAG")


class World:
    def __init__(self, geography, origin_city, seed, relays, noise_us, bg):
        self.geo = geography
        self.chance = Random(seed)
        self.noise = Random(seed + 1)
        self.noise_us = noise_us
        self.population = Population()
        self.bg = bg
        near = geography.nearest_regions()
        self.tree = Tree(regions=len(near), nearest_regions=near, dice=Random(seed + 2).randrange, origin_capacity=32)
        self.city = {ORIGIN: origin_city}
        self.acc = {ORIGIN: 500}
        self.moves = {"splice": 0, "relief": 0, "rebalance": 0, "relieve_some": 0, "succeed": 0}
        self.alive = []
        self.pos = {}
        self.cpu = {"join": 0.0, "rebalance": 0.0, "relief": 0.0, "standby": 0.0, "leave": 0.0}
        self.n_orphans_placed = 0
        self.cache = {}
        self.tree.lags.enter(ORIGIN, self.measure(ORIGIN))
        for r in range(relays):
            self.add_relay(r)

    def measure(self, node):
        marks = self.geo.landmark_rtts_us(self.city[node], self.acc[node])
        return [m + int(self.noise.expovariate(1 / self.noise_us)) if self.noise_us else m for m in marks]

    def add_relay(self, number):
        marks = self.geo.landmarks if hasattr(self.geo, "landmarks") else self.geo._landmarks
        self.enter(64, marks[number % len(marks)], 500, Role.RELAY)

    def true_delay(self, a, b):
        return self.geo.delay_us(self.city[a], self.city[b]) + self.acc[a] + self.acc[b] + RELAY_US

    def join(self):
        capacity = self.population.capacity(self.chance)
        mobile = self.population.is_mobile(capacity, self.chance)
        return self.enter(capacity, self.geo.draw(self.chance), access_us(self.chance, is_mobile=mobile), Role.LISTENER)

    def enter(self, capacity, city, acc, role):
        tree = self.tree
        t = time.process_time()
        marks = self.geo.landmark_rtts_us(city, acc)
        region = min(range(len(marks)), key=marks.__getitem__)
        node = tree.add(capacity=capacity, region=region, role=role, prefix=self.chance.randrange(1 << 30))
        self.city[node], self.acc[node] = city, acc
        m = self.measure(node)
        t0 = time.process_time()
        tree.lags.enter(node, m)
        if place(tree, node) is None:
            tree.leave(node)
            return -1
        self.cpu["join"] += time.process_time() - t0
        tree.confirm(node)
        self.obey(self.done(node), "splice")
        self.refill(node)
        if role is Role.LISTENER:
            self.pos[node] = len(self.alive)
            self.alive.append(node)
        return node

    def done(self, node):
        splice = complete_splice(self.tree, node)
        moves = ([] if splice is None else [splice]) + advance(self.tree, node)
        above = self.tree.parent[node]
        return moves or relieve(self.tree, above) or relieve(self.tree, node)

    def refill(self, node):
        t0 = time.process_time()
        refill_standbys(self.tree, node)
        for one in list(self.tree.standbys.wanting):
            refill_standbys(self.tree, one)
        self.cpu["standby"] += time.process_time() - t0

    def obey(self, moves, why):
        for move in moves:
            self.moves[why] += 1
            self.tree.counter[move.child] += 1
            assert self.tree.parent[move.child] == move.target
            self.tree.confirm(move.child)
            self.obey(self.done(move.child), why)

    def background(self):
        t0 = time.process_time()
        moves = rebalance(self.tree)
        self.cpu["rebalance"] += time.process_time() - t0
        self.obey(moves, "rebalance")

    def die(self):
        tree = self.tree
        at = self.chance.randrange(len(self.alive))
        dead = self.alive[at]
        last = self.alive.pop()
        if last != dead:
            self.alive[at] = last
            self.pos[last] = at
        vacant = vacancy(tree, dead)
        known = {h: tree.standbys.of(h) for h in tree.children.of(dead)}
        t0 = time.process_time()
        heads = tree.leave(dead)
        self.cpu["leave"] += time.process_time() - t0
        deferred = []
        for head in heads:
            willing = [s for s in known[head] if tree.free[s] > -EMERGENCY_PLACES_MAX and tree.is_rooted(s) and tree.rank[s] < tree.rank[head]]
            if willing:
                s = min(willing, key=lambda one: self.true_delay(one, head))
                tree.adopted(head, s, rank=tree.rank[s] + 1 if tree.rank[s] >= 2 else 3, counter=tree.counter[head] + 1)
                deferred.append(s)
            else:
                self.n_orphans_placed += 1
                self.rescue(head)
            self.refill(head)
        t0 = time.process_time()
        moves = succeed(tree, vacant, heads)
        self.cpu["relief"] += time.process_time() - t0
        self.obey(moves, "succeed")
        for s in deferred:
            t0 = time.process_time()
            moves = relieve(tree, s)
            self.cpu["relief"] += time.process_time() - t0
            self.obey(moves, "relief")
        t0 = time.process_time()
        moves = relieve_some(tree)
        self.cpu["relief"] += time.process_time() - t0
        self.obey(moves, "relieve_some")

    def rescue(self, head):
        tree = self.tree
        if place(tree, head, emergency=True) is None:
            self.n_shed = getattr(self, "n_shed", 0) + 1
            kids = list(tree.children.of(head))
            for kid in kids:
                tree.detach(kid)
            assert place(tree, head, emergency=True) is not None
            for kid in kids:
                self.rescue(kid)
        tree.confirm(head)
        self.obey(self.done(head), "splice")
        if tree.parent[head] == ORIGIN:
            self.obey(relieve(tree, ORIGIN), "relief")

    def stats(self):
        tree = self.tree
        lag = {ORIGIN: 0}
        depth = {ORIGIN: 0}
        uni, tru, dep, est, err = [], [], [], [], 0
        for node in sorted(tree.nodes(), key=lambda one: tree.rank[one]):
            if node == ORIGIN:
                continue
            p = tree.parent[node]
            lag[node] = lag[p] + self.true_delay(p, node)
            depth[node] = depth[p] + 1
            if tree.role[node] == Role.LISTENER:
                uni.append(self.true_delay(ORIGIN, node)); tru.append(lag[node]); dep.append(depth[node]); est.append(tree.lags.lag[node])
        uni.sort(); tru.sort(); dep.sort(); est.sort()
        n = len(uni)
        q = lambda a, x: a[min(n - 1, int(n * x))]
        return dict(n=n, p50=q(tru, .5) / 1e3, p99=q(tru, .99) / 1e3, u50=q(uni, .5) / 1e3, u99=q(uni, .99) / 1e3, est50=q(est, .5) / 1e3,
            ratio=round(q(tru, .5) / q(uni, .5), 3), depth_mean=sum(dep) / n, depth_max=dep[-1])


def diag(w):
    t = w.tree
    rows = {}
    depth = {ORIGIN: 0}
    for node in sorted(t.nodes(), key=lambda one: t.rank[one]):
        if node == ORIGIN: continue
        p = t.parent[node]; d = depth[node] = depth[p] + 1
        r = rows.setdefault(d, dict(n=0, cap0=0, childless=0, inner=0, cap=0, free=0, acc=0, core=0, accall=0, edge_w=0, crowd=0, rk=0))
        r["n"] += 1; r["rk"] += t.rank[node] - d - 2
        r["crowd"] += t.lags.crowd[node]; r["edge_w"] += w.true_delay(p, node) * t.lags.crowd[node]
        r["core"] += w.geo.delay_us(w.city[p], w.city[node]); r["accall"] += w.acc[node]
        if not t.capacity[node]: r["cap0"] += 1
        elif not t.has_children(node): r["childless"] += 1
        else: r["inner"] += 1; r["cap"] += t.capacity[node]; r["acc"] += w.acc[node]
        r["free"] += max(0, t.free[node])
    from collections import Counter
    far = Counter()
    for node in t.nodes():
        if node and depth[node] == 3:
            p = t.parent[node]
            kind = "leaf" if not t.capacity[node] else "childless" if not t.has_children(node) else "inner"
            c = w.geo.delay_us(w.city[p], w.city[node]) // 30000
            far[(kind, c * 30)] += 1
    print(sorted(far.items()))
    for d, r in sorted(rows.items()):
        print(d, f"n {r['n']} leafonly {r['cap0']} childless {r['childless']} inner {r['inner']} cap {r['cap']/max(1,r['inner']):.1f} acc {r['acc']/max(1,r['inner'])/1e3:.1f} free {r['free']} core {r['core']/r['n']/1e3:.1f} edge_w {r['edge_w']/r['crowd']/1e3:.1f} crowd {r['crowd']} rank-over {r['rk']/r['n']:.2f}")


@click.command()
@click.option("--peers", default=10_000)
@click.option("--turnovers", default=2.0)
@click.option("--relays", default=0)
@click.option("--matrix", default=None)
@click.option("--seed", default=1)
@click.option("--noise-us", default=1000)
@click.option("--bg", default=1)
@click.option("--check", "checked", is_flag=True)
def main(peers, turnovers, relays, matrix, seed, noise_us, bg, checked):
    if matrix:
        geo = Matrix(Path(matrix)); origin = geo.number("Manhattan")
    else:
        geo = Geography(); origin = city_number("New York")
    w = World(geo, origin, seed, relays, noise_us, bg)
    t0 = time.process_time()
    while len(w.alive) < peers:
        w.join()
        for _ in range(bg):
            w.background()
    def show(what, events):
        s = w.stats()
        print(what, f"RATIO {s['ratio']} p50 {s['p50']:.0f}/{s['u50']:.0f} est {s['est50']:.0f} p99 {s['p99']:.0f}/{s['u99']:.0f} depth {s['depth_mean']:.1f}/{s['depth_max']}",
            "moves/event", {k: round(v / events, 2) for k, v in w.moves.items()}, round(sum(w.moves.values()) / events, 2),
            "us/event", {k: round(v / events * 1e6, 1) for k, v in w.cpu.items()}, "places", len(w.tree.lags._floor), "wanting", len(w.tree.standbys.wanting), "orph", w.n_orphans_placed, f"{time.process_time() - t0:.0f}s {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024}MB", w.tree.lags.done if hasattr(w.tree.lags,'done') else '', flush=True)
    show("built", peers)
    if DIAG: diag(w)
    for k in w.moves: w.moves[k] = 0
    for k in w.cpu: w.cpu[k] = 0.
    if hasattr(w.tree.lags,'done'): w.tree.lags.done.clear()
    deaths = int(peers * turnovers)
    snaps, dm = [], []
    for i in range(deaths):
        w.die()
        w.join()
        for _ in range(2*bg):
            w.background()
        if i >= deaths // 2 and i % max(1, deaths // 10) == 0:
            s = w.stats(); snaps.append(s["ratio"]); dm.append(s["depth_max"])
    if deaths:
        show("churn", deaths)
        print("SNAPS", round(sum(snaps)/max(1,len(snaps)),3), snaps, dm)
    if DIAG:
        diag(w)
    if checked:
        check(w.tree)


if __name__ == "__main__":
    main()
