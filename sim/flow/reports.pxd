from sim.flow.calendar cimport Actor, Calendar
from sim.flow.desk cimport Desk
from sim.flow.mesh cimport Mesh
from sim.flow.orphans cimport Orphans
from sim.flow.people cimport People
from sim.flow.sound cimport Sound
from sim.flow.timer cimport Timer
from sim.flow.uncles cimport Uncles

cimport cython

cdef int NOBODY, ORIGIN, REFERRED_MAX
cdef int _ENLISTED, _FILL_ALL, _NEAREST, _REPORT, _STANDBYS
cdef long long BEAT_EVERY_US, REPORT_AFTER_US

cdef class Reports(Actor):
    cdef public Mesh mesh
    cdef public Sound sound
    cdef public Calendar calendar
    cdef public Desk desk
    cdef public Orphans orphans
    cdef public People people
    cdef public Timer timer
    cdef public int[:] _asked

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    cpdef report_standbys(self, int node, int generation)
    @cython.locals(due=cython.longlong)
    cpdef report_after(self, int node, tuple left)
    cpdef _report(self, int node, int generation, tuple left)
    cpdef _fill_all(self)
    @cython.locals(mesh=Mesh, uncles=Uncles, parent=int, asked=int, at=int, known=int, are_all=bint, heard_out=int, uncle=int)
    cpdef fill_from_uncles(self, int node, long long now)
    @cython.locals(at=int, mesh=Mesh, entry=int)
    cpdef int _ask_uncle(self, int node, int parent, int uncle, int asked, long long now) except? -1
