from sim.flow.calendar cimport Actor, Calendar
from sim.flow.desk cimport Desk
from sim.flow.figures cimport Figures
from sim.flow.mesh cimport Mesh
from sim.flow.orphans cimport Orphans
from sim.flow.people cimport People
from sim.flow.reports cimport Reports
from sim.flow.sound cimport Sound

cimport cython

cdef int NOBODY, ORIGIN
cdef int _CRASH, _GOODBYE, _LEFT, _LOST, _ORPHANED, _STANDBY_GONE
cdef long long BYE_US, PING_US, SILENCE_US, STALLED_FRESH_US

cdef class Departures(Actor):
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

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    cpdef end(self, int node, long long at, bint is_crash)
    cpdef _crash(self, int node, int generation)
    cpdef _say_goodbye(self, int node, int generation)
    cpdef bint _is_here(self, int node, int generation) except? -1
    cpdef _replace(self)
    @cython.locals(
        mesh=Mesh, sound=Sound, now=cython.longlong, newest=cython.longlong, is_stalled=bint, left=tuple, heads=list,
        clients=list, head=int, due=cython.longlong,
    )
    cpdef remove(self, int node, bint is_crash, tuple uncles=*)
    @cython.locals(
        mesh=Mesh, sound=Sound, now=cython.longlong, generation=int, way_us=cython.longlong, due=cython.longlong,
        heard_at=cython.longlong,
    )
    cpdef _bereave(self, int head, int parent, tuple uncles, tuple left, bint is_crash, bint is_stalled)
    @cython.locals(now=cython.longlong, mesh=Mesh, due=cython.longlong, one=int, known=list)
    cpdef _tell_clients(self, int node, list clients, bint is_crash)
    cpdef _orphaned(self, int head, int generation, tuple uncles, long long unheard, tuple left)
    @cython.locals(client=int, generation=int)
    cpdef _standby_gone(self, int standby, list clients)
    cpdef _lost(self, int node, int generation)
    cpdef _left(self, int node, int generation)
