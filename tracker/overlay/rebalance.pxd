from tracker.overlay.errands cimport Errands
from tracker.overlay.exchange cimport complete_exchange, exchange
from tracker.overlay.keys cimport key_of
from tracker.overlay.openings cimport Openings
from tracker.overlay.placement cimport is_settled, parent_rank_bound, place_by_lag, score_under
from tracker.overlay.relief cimport relieve
from tracker.overlay.succession cimport arrive, replace, retire
from tracker.overlay.tree cimport Tree

cimport cython

cdef int ATTACHED, NOBODY, ORIGIN

@cython.locals(node=int, above=int)
cpdef list rebalance(Tree tree, int moves_max=*)
@cython.locals(errands=Errands, above=int)
cpdef list advance(Tree tree, int node)
@cython.locals(source=int, least_us=cython.longlong, limit=cython.longlong)
cpdef list lift(Tree tree, int node)
cpdef int _draw_above(Tree tree, int node) except? -1
@cython.locals(over=Openings, rank=int, key=int)
cpdef list _relieve_one(Tree tree, int moves_max)
