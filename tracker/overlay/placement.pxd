from tracker.overlay.lags cimport Lags
from tracker.overlay.openings cimport Openings
from tracker.overlay.tree cimport Tree

cimport cython

cdef int ATTACHED, EMERGENCY_PLACES_MAX, LISTENER, NOBODY, NOWHERE, PROBES_MAX, RANK_BITS, RANK_MASK, RANK_MAX

cdef class Placement:
    cdef public int parent
    cdef public object leaf
    cdef public bint emergency

cdef class Move:
    cdef public int child
    cdef public int source
    cdef public int target

cpdef place(Tree tree, int node)
cpdef place_in_emergency(Tree tree, int node)
@cython.locals(slots=Openings, below=int, regions=int, first=int, step=int, region=int, rank=int, key=int, slot=int)
cpdef place_elsewhere(Tree tree, int node)
@cython.locals(below=int, parent=int)
cpdef _place_within(Tree tree, int node)
@cython.locals(below=int)
cpdef _place_beyond(Tree tree, int node)
@cython.locals(parent=int)
cpdef place_by_lag(Tree tree, int node, int below, long long limit=*)
@cython.locals(lags=Lags, key=int, one=int, score=cython.longlong, best_score=cython.longlong, own=bint)
cpdef tuple find_spot(Tree tree, int node, int below)
@cython.locals(lags=Lags, key=int, leaf=int, parent=int, score=cython.longlong, best_score=cython.longlong)
cpdef tuple find_leaf(Tree tree, int node, int below)
cpdef long long score_under(Tree tree, int node, int parent) except? -1
@cython.locals(source=int)
cpdef complete_splice(Tree tree, int joiner)
@cython.locals(role=int)
cpdef int parent_rank_bound(Tree tree, int node) except? -1
@cython.locals(slots=Openings, own=int, key=int, found=int)
cpdef find_slot(Tree tree, int node, int below)
@cython.locals(size=int, at=int, step=int, one=int)
cpdef int _rooted_in(Tree tree, Openings slots, int key) except? -1
@cython.locals(below=int)
cpdef find_elsewhere(Tree tree, int node, int source)
@cython.locals(leaf_only=Openings, key=int, leaf=int)
cpdef _find_splice(Tree tree, int node, int highest)
cpdef bint is_settled(Tree tree, int node) except? -1
cpdef bint bears_another(Tree tree, int parent, int most=*) except? -1
@cython.locals(adopter=int)
cpdef _find_adopter(Tree tree, int node)
