from meshcast.protocol.capacity cimport may_go_below, referred
from sim.flow.calendar cimport Actor, Calendar
from sim.flow.mesh cimport Mesh
from sim.flow.sound cimport Sound

cimport cython

cdef int NOBODY, ORIGIN, RANK_MAX, REFERRED_MAX, STANDBYS_MAX, UNCLES_MAX
cdef long long BORROW_AFTER_US, BORROW_EVERY_US, LEASE_US, REPORT_AFTER_US, SHED_AFTER_US, STALLED_PATIENCE_US
cdef int SOURCE
cdef int _ACCEPTED, _ASKED, _BEREFT, _BORROW, _CONNECTED, _IMPATIENT, _LEND, _REFUSED, _SEEK, _WAKE

cdef class Orphan:
    cdef public int node
    cdef public long long since
    cdef public long long unheard_since
    cdef public bint has_heard
    cdef public tuple uncles
    cdef public object repair
    cdef public tuple named
    cdef public bint is_named_up
    cdef public tuple left
    cdef public dict silent
    cdef public int rounds
    cdef public bint is_seeking
    cdef public long long wakes_at
    cdef public object dropped_at
    cdef public dict generations
    cdef public dict referred

cdef class Orphans(Actor):
    cdef public Mesh mesh
    cdef public Sound sound
    cdef public Calendar calendar
    cdef public object attached
    cdef public object seek
    cdef public object dice
    cdef public dict of
    cdef public dict _pending

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)
    @cython.locals(orphan=Orphan)
    cpdef begin(self, int node, long long now, long long unheard_since, tuple uncles=*, tuple left=*, named=*, bint has_heard=*)
    @cython.locals(one=int)
    cpdef tuple uncles_of(self, int parent)
    @cython.locals(parents="int[:]", standby="int[:]", above=int, entry=int, uncle=int, known=list)
    cpdef list uncles(self, int parent)
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
    @cython.locals(node=int, lender=int, is_short=bint, due=cython.longlong)
    cpdef _borrow(self, Orphan orphan)
    cpdef int _lender(self, int node, long long now)
    cpdef _lend(self, Orphan orphan, int node, int generation, int lender)
    cpdef _lose_patience(self, Orphan orphan)
    @cython.locals(node=int, child=int, due=cython.longlong)
    cpdef _shed(self, Orphan orphan, long long now)
    @cython.locals(way_us=cython.longlong, held=int)
    cpdef _asked(self, int peer, int theirs, int node, int generation)
    @cython.locals(held=int, orphan=Orphan, now=cython.longlong)
    cpdef _accepted(self, int peer, int theirs, int node, int generation)
    @cython.locals(is_flowing=bint, newest=cython.longlong, rank=int)
    cpdef _adopt(self, int node, int parent, long long now)
    cpdef tuple referrals(self, int peer, int asker)
    @cython.locals(one=int)
    cpdef tuple names(self, int peer, int asker)
    @cython.locals(able=list)
    cpdef tuple able_below(self, int peer, int asker)
    @cython.locals(orphan=Orphan)
    cpdef _refused(self, int node, int generation, int peer, tuple others)
    @cython.locals(orphan=Orphan)
    cpdef _connected(self, int node, int generation, int peer, int theirs)
