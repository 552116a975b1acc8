from meshcast.protocol.capacity cimport clients_max

cimport cython

cdef int CHILDREN_MAX, NOBODY, ORIGIN, _SMALL
cdef int ORPHAN, ILLEGAL, LISTENER
cdef int _LEAVE, _STEPS

cdef class Nodes:
    cdef public tuple nearest
    cdef public int[:] parent
    cdef public object _small
    cdef public short[:] rank
    cdef public short[:] capacity
    cdef public short[:] free
    cdef public short[:] region
    cdef public long long[:] prefix
    cdef public list counter
    cdef public short[:] state
    cdef public short[:] role
    cdef public bint is_stored
    cdef public dict changed
    cdef public short[:] _clients_max
    cdef public short[:] _bags
    cdef public int[:] by_capacity
    cdef public signed char[:] _next
    cdef public list _unused
    cdef public int _used

    @cython.locals(node=int, kind=int)
    cpdef int add(self, int capacity, int region, role=*, long long prefix=*) except? -1
    cpdef int clients_max(self, int node) except? -1
    cpdef bint has_children(self, int node) except? -1
    cpdef int branch(self, int node) except? -1
    cpdef bint is_rooted(self, int node) except? -1
    cpdef bint is_under(self, int node, int ancestor) except? -1
    cpdef _note(self, int node)
    @cython.locals(capacity=int)
    cpdef _count(self, int node, int more)
    cpdef _write_capacity(self, int node, int capacity)
    cpdef _release(self, int node)
    cpdef bint _step(self, int node, int step) except? -1
