from tracker.overlay.chains cimport Chains
from tracker.overlay.keys cimport key_of
from tracker.overlay.nodes cimport Nodes
from tracker.overlay.openings cimport Openings

cimport cython

cdef int END, LEVEL_MASK, NOWHERE, RANK_BITS

cdef class Lags:
    cdef public bint is_blind
    cdef public object _wake
    cdef public Nodes _tree
    cdef public Chains _children
    cdef public int[:] lag
    cdef public unsigned char[:] place
    cdef public int[:] _reach
    cdef public int[:] crowd
    cdef public Openings spots
    cdef public Openings leaves
    cdef public Openings reserve
    cdef public dict behind
    cdef public list _shapes
    cdef public list _floor
    cdef public list _core
    cdef public list order
    cdef public dict _places_of

    cpdef long long access(self, int node) except? -1
    @cython.locals(place=int, there=int)
    cpdef long long delay(self, int one, int other) except? -1
    @cython.locals(parent=int, lag=cython.longlong)
    cpdef settle(self, int top)
    cpdef count(self, int node, int more)
    @cython.locals(place=int, level=cython.longlong)
    cpdef int spot_key(self, int node) except? -1
    @cython.locals(place=int, level=cython.longlong)
    cpdef int leaf_key(self, int node) except? -1
    cpdef int heir_key(self, int node, int capacity) except? -1
    cpdef offer_spot(self, int node, int capacity)
    cpdef _relevel(self, int node)
