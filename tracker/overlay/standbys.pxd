from meshcast.protocol.capacity cimport clients_max_for
from tracker.overlay.lags cimport Lags
from tracker.overlay.openings cimport Openings
from tracker.overlay.standby_links cimport StandbyLinks
from tracker.overlay.tree cimport Tree

cimport cython

cdef int LOOKS_MAX, NOBODY, ORIGIN, PERFECT, PROBES_MAX, RANK_BITS, RANK_LISTENER_MIN, STANDBYS_MAX

@cython.locals(parent=int, one=int, standbys=StandbyLinks)
cpdef tuple refill_standbys(Tree tree, int node)
@cython.locals(
    rank=int, adopters=Openings, region=int, key=int, size=int, one=int, at=int,
    step=int, top=int, above=int, is_one_enough=bint, first=int, second=int, third=int, mine=cython.longlong,
    theirs=cython.longlong, other=cython.longlong, last=cython.longlong, prefix=cython.longlong,
)
cpdef list _quick(Tree tree, int node, int parent, tuple held)
cpdef bint _has_room(Tree tree, int node, int standby) except? -1
@cython.locals(
    probes=int, is_blind=bint, own=int, parent_of="int[:]", prefix_of="long long[:]", rank=int, candidate=int, top=int,
    above=int, is_deep=bint, is_last_resort=bint,
)
cpdef _best(Tree tree, int node, list bound)
cpdef _cost_us(Tree tree, int node, int candidate)
@cython.locals(said=tuple, held=tuple, wanting=dict, standby=int)
cpdef tuple take_over_standbys(Tree tree, int node, reported)
