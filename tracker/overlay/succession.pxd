from tracker.overlay.lags cimport Lags
from tracker.overlay.placement cimport bears_another, is_settled, parent_rank_bound, place_by_lag, score_under
from tracker.overlay.tree cimport Tree

cimport cython

cdef int ATTACHED, NOBODY, PENDING, RANK_LISTENER_MIN

cpdef vacancy(Tree tree, int node)
@cython.locals(parent=int, rank=int, head=int)
cpdef list succeed(Tree tree, vacancy, heads)
@cython.locals(parent=int, head=int, crowd=int)
cpdef list replace(Tree tree, int old)
@cython.locals(head=int, source=int)
cpdef list arrive(Tree tree, int heir)
@cython.locals(child=int, old=int, source=int)
cpdef list retire(Tree tree, int heir)
@cython.locals(source=int)
cpdef list _send(Tree tree, int heir, succession)
@cython.locals(lags=Lags, key=int, one=int)
cpdef tuple _find_heir(Tree tree, vacancy, heads, old, int crowd)
cpdef bint _may_inherit(Tree tree, int one, int parent) except? -1
@cython.locals(lags=Lags, room=int, head=int)
cpdef _cost(Tree tree, int parent, int one, heads, long long crowd)
@cython.locals(child=int, childless=int)
cpdef int _room(Tree tree, int one) except? -1
