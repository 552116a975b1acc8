from sim.flow.calendar cimport Actor, Calendar
from sim.flow.mesh cimport Mesh
from sim.flow.orphans cimport Orphans
from sim.flow.sound cimport Sound
from tracker.overlay.placement cimport Move
from tracker.overlay.standby_links cimport StandbyLinks
from tracker.overlay.steward cimport Steward
from tracker.overlay.tree cimport Tree

cimport cython

cdef int LISTENER, NOBODY, ORIGIN, STANDBYS_MAX
cdef long long GRACE_US, REPORT_EVERY_US
cdef int _BURY, _HELP_ARRIVES, _MOVE, _RESUME, _WAKE_WANTING

cdef class Wish:
    cdef public int capacity
    cdef public int city
    cdef public long long access_us
    cdef public int region
    cdef public long long prefix
    cdef public long long asked_at
    cdef public long long stays_us
    cdef public bint is_crashing
    cdef public object role
    cdef public tuple landmarks

cdef class Timer:
    cdef public object clock
    cdef public long long count
    cdef public long long timed
    cdef public double seconds
    cdef public bint is_on
    cdef public double _began

    cpdef begin(self)
    cpdef resume(self)

cdef class Desk(Actor):
    cdef public Tree tree
    cdef public Steward steward
    cdef public object waiting
    cdef public long long moves
    cdef public dict helped
    cdef public Timer joining
    cdef public Timer leaving
    cdef public bint is_up
    cdef public bint is_open
    cdef public long long slow_us
    cdef public Orphans orphans
    cdef public object lowered
    cdef public Mesh _mesh
    cdef public Sound _sound
    cdef public Calendar _calendar
    cdef public object _placed
    cdef public object _dice
    cdef public Wish _wish
    cdef public dict _lacking
    cdef public long long _serial

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    cpdef long long way_us(self, int node)
    cpdef join(self, Wish wish)
    @cython.locals(timer=Timer, steward=Steward, node=int, _=int)
    cpdef _admit(self)
    cpdef _enter(self, _, Wish wish)
    @cython.locals(mesh=Mesh, wish=Wish, role=int, told_at=cython.longlong, standby=int)
    cpdef _tell_place(self, int node, tuple standbys, long long now)
    @cython.locals(mesh=Mesh, steward=Steward, timer=Timer, parent=int)
    cpdef joined(self, int node)
    @cython.locals(mesh=Mesh, steward=Steward, now=cython.longlong, parent=int, moves=list)
    cpdef report(self, int node, silent=*)
    cpdef report_standbys(self, int node)
    @cython.locals(mesh=Mesh, known=StandbyLinks, held=list, wanted=tuple, standby=int, told_at=cython.longlong)
    cpdef _give_standbys(self, int node, long long now)
    @cython.locals(node=int)
    cpdef known(self, tuple peer)
    cpdef _help_arrives(self, int node, int generation, int parent, tuple standbys)
    cpdef left(self, int node)
    cpdef lost(self, int node)
    @cython.locals(mesh=Mesh, now=cython.longlong, one=Move, child=int, target=int, round_trips=int, due=cython.longlong)
    cpdef order(self, list moves)
    @cython.locals(mesh=Mesh, now=cython.longlong, child=int, target=int, is_possible=bint)
    cpdef _move(self, Move one, int generation, int theirs)
    cpdef bint _is_beneath(self, int node, int top)
    @cython.locals(mesh=Mesh)
    cpdef _bury(self, int node, int generation)
