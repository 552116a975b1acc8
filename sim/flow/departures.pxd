from sim.flow.calendar cimport Calendar
from sim.flow.desk cimport Desk
from sim.flow.figures cimport Figures
from sim.flow.mesh cimport Mesh
from sim.flow.orphans cimport Orphans
from sim.flow.people cimport People
from sim.flow.reports cimport Reports
from sim.flow.sound cimport Sound

cimport cython

cdef int NOBODY, ORIGIN
cdef long long PING_US, SILENCE_US, STALLED_FRESH_US

cdef class Departures:
    cdef public object _flow
    cdef public Mesh mesh
    cdef public Sound sound
    cdef public Calendar calendar
    cdef public Desk desk
    cdef public Orphans orphans
    cdef public Figures figures
    cdef public Reports reports
    cdef public People people
    cdef public dict _wishes
    cdef public long long _silence_us
    cdef public bint _is_replaced
    cdef public object _phases

    cpdef bint _is_here(self, int node, int generation)
    cpdef _replace(self)
    cpdef _orphaned(self, int head, int generation, tuple uncles, long long unheard, tuple left)
    @cython.locals(client=int, generation=int)
    cpdef _standby_gone(self, int standby, list clients)
    cpdef _lost(self, int node, int generation)
    cpdef _left(self, int node, int generation)
