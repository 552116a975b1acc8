from sim.flow.calendar cimport Actor, Calendar
from sim.flow.mesh cimport Mesh
from sim.flow.sound cimport Sound
from tracker.overlay.placement cimport Move

cimport cython

cdef int NOBODY, ORIGIN, RANK_LISTENER_MIN
cdef int _MOVE

cdef class Moves(Actor):
    cdef public long long count
    cdef public object lowered
    cdef public object reported
    cdef public Mesh _mesh
    cdef public Sound _sound
    cdef public Calendar _calendar

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    @cython.locals(mesh=Mesh, now=cython.longlong, one=Move, child=int, target=int, round_trips=int, due=cython.longlong)
    cpdef order(self, list moves, long long slow_us)
    @cython.locals(mesh=Mesh, now=cython.longlong, child=int, target=int, is_possible=bint)
    cpdef _move(self, Move one, int generation, int theirs)
    cpdef bint _is_beneath(self, int node, int top) except? -1
