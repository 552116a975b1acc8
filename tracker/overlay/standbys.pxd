from meshcast.protocol.capacity cimport clients_max_for
from tracker.overlay.lags cimport Lags
from tracker.overlay.openings cimport Openings
from tracker.overlay.standby_links cimport StandbyLinks
from tracker.overlay.tree cimport Tree

cimport cython

cdef long long PERFECT_US, RANK_US
cdef int LOOKS_MAX, NOBODY, ORIGIN, PERFECT, PROBES_MAX, RANK_BITS, RANK_LISTENER_MIN, STANDBYS_MAX

@cython.locals(parent=int, one=int, best=int, held=tuple, standbys=StandbyLinks)
cpdef tuple refill_standbys(Tree tree, int node)
@cython.locals(
    rank=int, adopters=Openings, region=int, key=int, size=int, one=int, at=int,
    step=int, top=int, is_one_enough=bint, first=int, second=int, third=int, mine=cython.longlong,
    theirs=cython.longlong, other=cython.longlong, last=cython.longlong, prefix=cython.longlong,
)
cpdef list _quick(Tree tree, int node, int parent, tuple held)
@cython.locals(top=int, above=int)
cpdef int _rooted_branch(Tree tree, int node) except? -1
cpdef bint _has_room(Tree tree, int node, int standby) except? -1
@cython.locals(
    adopters=Openings, near=tuple, is_blind=bint, own=int, best=int, best_score=cython.longlong, probes=int, first=int,
    second=int, mine=cython.longlong, theirs=cython.longlong, other=cython.longlong, rank=int, is_deep=bint,
    is_last_resort=bint, region=int, key=int, size=int, at=int, _=int, candidate=int, top=int, prefix=cython.longlong,
    score=cython.longlong,
)
cpdef int _best(Tree tree, int node, int parent, int held) except? -1
@cython.locals(ranks=int, lags=Lags)
cpdef long long _cost_us(Tree tree, int node, int candidate) except? -1
@cython.locals(said=tuple, held=tuple, wanting=dict, standby=int)
cpdef tuple take_over_standbys(Tree tree, int node, reported)
