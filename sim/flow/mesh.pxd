from meshcast.protocol.capacity cimport children_max, clients_max_for
from tracker.overlay.chains cimport Chains

cimport cython

cdef int END, LISTENER, NOBODY, ORIGIN, RANK_MAX, STANDBYS_MAX, _SMALL, _LARGE

cdef class Mesh:
    cdef public int _cities
    cdef public int[:] ways_us
    cdef public object _small
    cdef public object _large
    cdef public short[:] alive
    cdef public int[:] parent
    cdef public short[:] rank
    cdef public short[:] capacity
    cdef public short[:] role
    cdef public int[:] city
    cdef public short[:] _children_max
    cdef public int[:] access_us
    cdef public int[:] lag_us
    cdef public int[:] base_us
    cdef public long long[:] attached_at
    cdef public long long[:] counter
    cdef public int[:] generation
    cdef public int[:] standby
    cdef public long long[:] warm_at
    cdef public Chains children
    cdef public Chains servers
    cdef public short[:] feeds
    cdef public Chains clients
    cdef public unsigned char[:] _is_client
    cdef public short[:] load
    cdef public int living

    cpdef enter(self, int node, int capacity, int city, long long access_us, int role=*)
    cpdef long long city_delay_us(self, int one, int other) except? -1
    @cython.locals(way=int)
    cpdef long long delay_us(self, int one, int other) except? -1
    cpdef bint may_adopt(self, int parent, int rank) except? -1
    cpdef int room(self, int parent) except? -1
    cpdef link(self, int node, int parent)
    @cython.locals(parent=int)
    cpdef unlink(self, int node)
    @cython.locals(above=int)
    cpdef int head_of(self, int node) except? -1
    cpdef int beyond_capacity(self, int node) except? -1
    @cython.locals(entry=int, one=int, other=int)
    cpdef list standbys(self, int node)
    @cython.locals(entry=int)
    cpdef bint has_warm(self, int node, int standby, long long now) except? -1
    @cython.locals(entry=int)
    cpdef bint lacks_standby(self, int node) except? -1
    @cython.locals(entry=int, rank=int, one=int, other=int, has_dropped=bint)
    cpdef bint drop_higher_standbys(self, int node) except? -1
    @cython.locals(rank=int, client=int, lower=list)
    cpdef list drop_lower_clients(self, int node)
    @cython.locals(entry=int)
    cpdef bint take_standby(self, int node, int standby, long long warm_at) except? -1
    @cython.locals(own=int, rank=int, entry=int)
    cpdef int enlist(self, int node, int standby) except? -1
    @cython.locals(entry=int)
    cpdef bint is_client(self, int node, int standby) except? -1
    @cython.locals(entry=int)
    cpdef list clients_of(self, int standby)
    @cython.locals(entry=int)
    cpdef bint drop_standby(self, int node, int standby) except? -1
    @cython.locals(head=int, standby=int, entry=int, heads=list, entries=list)
    cpdef tuple leave(self, int node)
