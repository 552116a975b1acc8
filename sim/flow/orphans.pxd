from sim.flow.calendar cimport Actor, Calendar
from sim.flow.loans cimport Loans
from sim.flow.mesh cimport Mesh
from sim.flow.orphan cimport Orphan
from sim.flow.sound cimport Sound
from sim.flow.uncles cimport Uncles

cimport cython

cdef int NOBODY, ORIGIN, RANK_MAX, REFERRED_MAX, STANDBYS_MAX
cdef long long LEASE_US, REPORT_AFTER_US, SHED_AFTER_US, STALLED_PATIENCE_US
cdef int SOURCE
cdef int _ACCEPTED, _ASKED, _BEREFT, _CONNECTED, _IMPATIENT, _REFUSED, _SEEK, _WAKE

cdef class Orphans(Actor):
    cdef public Mesh mesh
    cdef public Sound sound
    cdef public Calendar calendar
    cdef public object attached
    cdef public object seek
    cdef public Uncles uncles
    cdef public dict of
    cdef public dict _pending
    cdef public Loans loans

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    @cython.locals(orphan=Orphan)
    cpdef begin(self, int node, long long now, long long unheard_since, tuple uncles=*, tuple left=*, named=*, bint has_heard=*)
    cpdef forget(self, int node)
    @cython.locals(mesh=Mesh, node=int, entry=int, standby=int, is_joiner=bint, warm=list, cold=list)
    cpdef list _candidates(self, Orphan orphan, long long now)
    @cython.locals(due=cython.longlong)
    cpdef _drive(self, Orphan orphan, long long now)
    cpdef _wake(self, Orphan orphan, long long due)
    @cython.locals(node=int, way_us=cython.longlong, is_dialled=bint, is_warm=bint, arrives_at=cython.longlong)
    cpdef _ask(self, Orphan orphan, int peer, long long now)
    @cython.locals(due=cython.longlong, generation=int)
    cpdef _dial_all(self, Orphan orphan, long long now)
    @cython.locals(node=int, peer=int, generation=int, theirs=int, due=cython.longlong)
    cpdef _turn_to(self, Orphan orphan, dict known, long long now)
    cpdef _seek(self, Orphan orphan, int generation)
    @cython.locals(node=int)
    cpdef _new_round(self, Orphan orphan, long long now)
    cpdef _lose_patience(self, Orphan orphan)
    @cython.locals(node=int, child=int, due=cython.longlong)
    cpdef _shed(self, Orphan orphan, long long now)
    @cython.locals(way_us=cython.longlong, held=int)
    cpdef _asked(self, int peer, int theirs, int node, int generation)
    @cython.locals(held=int, orphan=Orphan, now=cython.longlong)
    cpdef _accepted(self, int peer, int theirs, int node, int generation)
    @cython.locals(is_flowing=bint, newest=cython.longlong, rank=int)
    cpdef _adopt(self, int node, int parent, long long now)
    @cython.locals(orphan=Orphan)
    cpdef _refused(self, int node, int generation, int peer, tuple others)
    @cython.locals(orphan=Orphan)
    cpdef _connected(self, int node, int generation, int peer, int theirs)
