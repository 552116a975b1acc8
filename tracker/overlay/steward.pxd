from tracker.overlay.leases cimport Leases
from tracker.overlay.levelling cimport Levelling
from tracker.overlay.placement cimport complete_splice, place, place_in_emergency
from tracker.overlay.relief cimport relieve, relieve_some
from tracker.overlay.standbys cimport refill_standbys, take_over_standbys
from tracker.overlay.tree cimport Tree

cimport cython

cdef int FREE, NOBODY, ORIGIN
cdef long long ROUND_US

cdef class Steward:
    cdef public Tree tree
    cdef public Levelling _levelling
    cdef public int steps
    cdef public dict _vacancies
    cdef public dict _orphaned_by
    cdef public Leases leases
    cdef public long long[:] _placed_at

    @cython.locals(node=int)
    cpdef int admit_next(self, waiting, enter, withdraw, long long now) except? -1
    cpdef bint may_enter(self, int capacity) except? -1
    cpdef bint seat(self, int node, long long now) except? -1
    @cython.locals(missing=int)
    cpdef tuple told(self, int node, long long now)
    cpdef heard(self, int node, long long now)
    cpdef lost(self, int node, long long now)
    cpdef hear_of_silence(self, int node, int silent)
    cpdef hear_of_orphan(self, int node, counter)
    cpdef hear_of_parent(self, int node, int parent, int rank, counter)
    cpdef tuple hear_of_standbys(self, int node, standbys)
    cpdef bint help(self, int node, standbys) except? -1
    @cython.locals(placed_at=cython.longlong, is_fresh=bint)
    cpdef bint may_help(self, int node, long long now) except? -1
    @cython.locals(tree=Tree, moves=list)
    cpdef list settle(self, int node, parent)
    cpdef list better(self)
    cpdef list tidy(self)
