from tracker.overlay.lags cimport Lags
from tracker.overlay.openings cimport Openings
from tracker.overlay.placement cimport is_settled
from tracker.overlay.tree cimport Tree

cimport cython

cdef int ATTACHED, NOBODY, ORIGIN, PENDING

@cython.locals(
    lags=Lags, source=int, best=int, best_gain=cython.longlong, other=int, gain=cython.longlong, child=int,
    more=cython.longlong,
)
cpdef list exchange(Tree tree, int head)
@cython.locals(child=int, target=int, source=int)
cpdef list complete_exchange(Tree tree, int head)
@cython.locals(lags=Lags, rank=int, openings=Openings, key=int, other=int)
cpdef list _near_parents(Tree tree, int head, int source)
