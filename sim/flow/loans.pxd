from sim.flow.calendar cimport Actor, Calendar
from sim.flow.mesh cimport Mesh
from sim.flow.orphan cimport Orphan
from sim.flow.sound cimport Sound

cimport cython

cdef int NOBODY, ORIGIN
cdef long long BORROW_AFTER_US, BORROW_EVERY_US
cdef int _BORROW, _LEND

cdef class Loans(Actor):
    cdef public Mesh mesh
    cdef public Sound sound
    cdef public Calendar calendar
    cdef public dict _orphans

    cpdef begin(self, Orphan orphan)
    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    @cython.locals(node=int, lender=int, is_short=bint, due=cython.longlong)
    cpdef _borrow(self, Orphan orphan)
    cpdef int _lender(self, int node, long long now) except? -1
    cpdef _lend(self, Orphan orphan, int node, int generation, int lender)
