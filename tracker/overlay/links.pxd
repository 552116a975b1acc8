from tracker.overlay.chains cimport Chains
from tracker.overlay.errands cimport Errands
from tracker.overlay.lags cimport Lags
from tracker.overlay.nodes cimport Nodes
from tracker.overlay.openings cimport Openings
from tracker.overlay.standby_links cimport StandbyLinks

cimport cython

cdef int ATTACHED, LISTENER, NOBODY, RANK_BITS, RANK_MAX
cdef int _SLOT, _LEAF_ONLY, _ADOPTER, _OVERCOMMITTED

cdef class Links(Nodes):
    cdef public Chains children
    cdef public StandbyLinks standbys
    cdef public Lags lags
    cdef public Openings slots
    cdef public Openings leaf_only
    cdef public Openings adopters
    cdef public Openings overcommitted
    cdef public tuple _touching
    cdef public dict _leaf_of
    cdef public dict _joiner_of
    cdef public dict _splices_at
    cdef public Errands errands

    cpdef promise_splice(self, int joiner, int leaf)
    cpdef promised_leaf(self, int joiner)
    cpdef withdraw_splice(self, int joiner)
    cpdef int splices_at(self, int parent) except? -1
    cpdef bint is_promised(self, int leaf) except? -1
    cpdef begin_clearing(self, int child)
    cpdef end_clearing(self, int adopter)
    cpdef bint give_standby(self, int node, int standby) except? -1
    cpdef bint give_adopter(self, int node, int standby) except? -1
    @cython.locals(key=int)
    cpdef drop_standby(self, int node, int standby)
    @cython.locals(bags=int, touched=int, free=int, is_usable=bint, closed=dict)
    cpdef _index(self, int node)
    @cython.locals(key=int, bit=int, openings=Openings)
    cpdef _put(self, int node, int bags, int touched)
    @cython.locals(free=int)
    cpdef _link(self, int node, int parent)
    @cython.locals(parent=int, free=int, clearings=dict)
    cpdef _unlink(self, int node)
    @cython.locals(head=int)
    cpdef list _unlink_all(self, int parent)
    @cython.locals(parent=int)
    cpdef _break_splice_of_leaf(self, int leaf)
    @cython.locals(surplus=int, client=int)
    cpdef _release_clients(self, int node, int most)
    @cython.locals(before=int, standby=int, client=int, stays=int)
    cpdef _write_rank(self, int node, int rank)
