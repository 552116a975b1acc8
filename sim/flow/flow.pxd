from sim.flow.calendar cimport Actor, Calendar
from sim.flow.crowd cimport Crowd
from sim.flow.departures cimport Departures
from sim.flow.desk cimport Desk
from sim.flow.figures cimport Figures
from sim.flow.mesh cimport Mesh
from sim.flow.orphan cimport Orphan
from sim.flow.orphans cimport Orphans
from sim.flow.people cimport People
from sim.flow.reports cimport Reports
from sim.flow.sound cimport Sound
from sim.flow.wishes cimport Wish
from tracker.overlay.tree cimport Tree

cimport cython

cdef int LISTENER, NOBODY, ORIGIN
cdef long long FOREVER_US, SECOND
cdef unsigned long long _PRIME, _WORD
cdef int _ASK, _CHANGE, _JOINED, _JOINS_ALONE

cdef class Flow(Actor):
    cdef public object scenario
    cdef public object seed
    cdef public Calendar calendar
    cdef public Crowd crowd
    cdef public Mesh mesh
    cdef public Sound sound
    cdef public Tree tree
    cdef public Desk desk
    cdef public Orphans orphans
    cdef public Figures figures
    cdef public dict _wishes
    cdef public object troubles
    cdef public People people
    cdef public Reports reports
    cdef public object phases
    cdef public Departures departures
    cdef public object on_repair
    cdef public unsigned long long _digest
    cdef public int coming

    @cython.locals(word=cython.ulonglong)
    cpdef note(self, unsigned long long kind, unsigned long long node, unsigned long long other=*)
    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    cpdef _expect(self)
    cpdef _change(self, int step)
    @cython.locals(now=cython.longlong)
    cpdef come(self)
    @cython.locals(crowd=Crowd, mesh=Mesh, way_us=cython.longlong)
    cpdef long long _way_us(self, Wish wish) except? -1
    cpdef _ask(self, Wish wish)
    @cython.locals(generation=int, due=cython.longlong)
    cpdef _placed(self, int node, wish, int parent, long long told_at)
    cpdef _joined(self, int node, int generation, int parent, int theirs, Wish wish)
    @cython.locals(mesh=Mesh, have=dict, now=cython.longlong, lag_us=cython.longlong)
    cpdef _attach(self, int node, int parent, Wish wish)
    cpdef admit(self, int node)
    cpdef _joins_alone(self, int node, int generation, int parent, Wish wish)
    @cython.locals(node=int)
    cpdef _repaired(self, Orphan orphan, int parent, long long now)
