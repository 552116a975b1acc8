from tracker.overlay.openings cimport Openings
from tracker.overlay.placement cimport is_settled
from tracker.overlay.tree cimport Tree

cimport cython

cdef int CHILDREN_MAX, LISTENER, NOWHERE, ORIGIN, RANK_BITS, RANK_LISTENER_MIN, RANK_MAX
cdef int COUNTED_EVERY

cdef class Levelling:
    cdef public Tree _tree
    cdef public long long _events
    cdef public int _bound

    @cython.locals(tree=Tree, node=int, target=int, moves=list)
    cpdef list bring_up(self)

@cython.locals(places=int, room=int, depth=int, capacity=int, child=int, counts=list)
cpdef int least_rank(Tree tree) except? -1
@cython.locals(hanging=int, depth=int, below=int, capacity=int, taken=int, left=list)
cpdef int depth_least(int places, list counts) except? -1
@cython.locals(leaf_only=Openings, slots=Openings, openings=Openings, rank=int, key=int)
cpdef int _deepest(Tree tree, int bound) except? -1
@cython.locals(slots=Openings, near=tuple, rank=int, target=int)
cpdef int _highest_under(Tree tree, int node, int bound) except? -1
