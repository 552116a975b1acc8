from sim.flow.calendar cimport Actor, Calendar
from sim.flow.mesh cimport Mesh
from sim.flow.moves cimport Moves
from sim.flow.orphans cimport Orphans
from sim.flow.timer cimport Timer
from sim.flow.wishes cimport Wish
from tracker.overlay.standby_links cimport StandbyLinks
from tracker.overlay.steward cimport Steward
from tracker.overlay.tree cimport Tree

cimport cython

cdef int LISTENER, NOBODY, ORIGIN, STANDBYS_MAX
cdef long long GRACE_US, REPORT_EVERY_US
cdef int _BURY, _HELP_ARRIVES, _RESUME, _WAKE_WANTING

cdef class Desk(Actor):
    cdef public Tree tree
    cdef public Steward steward
    cdef public object waiting
    cdef public bint _is_line
    cdef public Moves moves
    cdef public dict helped
    cdef public Timer joining
    cdef public Timer leaving
    cdef public bint is_up
    cdef public bint is_open
    cdef public long long slow_us
    cdef public Orphans orphans
    cdef public Mesh _mesh
    cdef public Calendar _calendar
    cdef public object _placed
    cdef public object _dice
    cdef public Wish _wish
    cdef public dict _lacking
    cdef public long long _serial

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    cpdef long long way_us(self, int node) except? -1
    cpdef join(self, Wish wish)
    @cython.locals(node=int, now=cython.longlong)
    cpdef bint _is_seated_at_once(self, Wish wish) except? -1
    @cython.locals(steward=Steward, node=int, now=cython.longlong)
    cpdef _admit(self)
    cpdef _enter_first(self, _, Wish wish)
    @cython.locals(timer=Timer, standbys=tuple)
    cpdef _tell_joiner(self, int node, long long now)
    cpdef int _enter(self, Wish wish) except? -1
    @cython.locals(mesh=Mesh, wish=Wish, role=int, told_at=cython.longlong, standby=int)
    cpdef _tell_place(self, int node, tuple standbys, long long now)
    @cython.locals(mesh=Mesh, steward=Steward, timer=Timer, parent=int)
    cpdef joined(self, int node)
    @cython.locals(mesh=Mesh, steward=Steward, now=cython.longlong, parent=int, moves=list)
    cpdef report(self, int node, silent=*)
    cpdef report_standbys(self, int node)
    @cython.locals(mesh=Mesh, known=StandbyLinks, entry=int, one=int, other=int, wanted=tuple, standby=int, told_at=cython.longlong)
    cpdef _give_standbys(self, int node, long long now)
    @cython.locals(node=int)
    cpdef known(self, tuple peer)
    cpdef _help_arrives(self, int node, int generation, int parent, tuple standbys)
    cpdef left(self, int node)
    cpdef lost(self, int node)
    cpdef order(self, list moves)
    @cython.locals(mesh=Mesh)
    cpdef _bury(self, int node, int generation)
