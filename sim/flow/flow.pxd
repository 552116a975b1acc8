from sim.flow.calendar cimport Calendar
from sim.flow.crowd cimport Crowd
from sim.flow.desk cimport Desk, Timer
from sim.flow.figures cimport Figures
from sim.flow.mesh cimport Mesh
from sim.flow.orphans cimport Orphan, Orphans
from sim.flow.sound cimport Sound
from tracker.overlay.tree cimport Tree

cimport cython

cdef int LISTENER, NOBODY, ORIGIN, REFERRED_MAX
cdef long long BEAT_EVERY_US, FOREVER_US, PING_US, REPORT_AFTER_US, SECOND, SILENCE_US, STALLED_FRESH_US

cdef class Flow:
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
    cdef public Timer reporting
    cdef public object people
    cdef public dict _place_of
    cdef public long long _silence_us
    cdef public object _phases
    cdef public object on_repair
    cdef public unsigned long long _digest
    cdef public int coming

    @cython.locals(word=cython.ulonglong)
    cpdef note(self, unsigned long long kind, unsigned long long node, unsigned long long other=*)
    cpdef _expect(self)
    cpdef _change(self, int step)
    @cython.locals(now=cython.longlong)
    cpdef come(self)
    cpdef long long _way_us(self, wish)
    cpdef _ask(self, wish)
    @cython.locals(generation=int, due=cython.longlong)
    cpdef _placed(self, int node, wish, int parent, long long told_at)
    cpdef _joined(self, int node, int generation, int parent, int theirs, wish)
    @cython.locals(mesh=Mesh, have=dict, now=cython.longlong, lag_us=cython.longlong)
    cpdef _attach(self, int node, int parent, wish)
    cpdef admit(self, int node)
    cpdef _joins_alone(self, int node, int generation, int parent, wish)
    @cython.locals(node=int, generation=int, due=cython.longlong)
    cpdef _repaired(self, Orphan orphan, int parent, long long now)
    @cython.locals(node=int, due=cython.longlong)
    cpdef report_lowered(self)
    cpdef _report_standbys(self, int node, int generation)
    cpdef _report(self, int node, int generation, tuple left)
    cpdef _fill_all(self)
    @cython.locals(mesh=Mesh, orphans=Orphans, parent=int, uncle=int, entry=int, known=list, asked=dict)
    cpdef _fill_from_uncles(self, int node, long long now)
    cpdef _crash(self, int node, int generation)
    cpdef _say_goodbye(self, int node, int generation)
    cpdef bint _is_here(self, int node, int generation)
    cpdef _replace(self)
    cpdef _strike(self, int node)
    cpdef _orphaned(self, int head, int generation, tuple uncles, long long unheard, tuple left)
    @cython.locals(client=int, generation=int)
    cpdef _standby_gone(self, int standby, list clients)
    cpdef _lost(self, int node, int generation)
    cpdef _left(self, int node, int generation)
