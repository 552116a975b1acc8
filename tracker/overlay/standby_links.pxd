cimport cython

cdef int END, NOBODY, STANDBYS_MAX, _ENTRY

cdef class StandbyLinks:
    cdef public object _entries
    cdef public int[:] _standbys
    cdef public int[:] _first
    cdef public int[:] _next
    cdef public int[:] _previous
    cdef public short[:] load
    cdef public dict wanting

    @cython.locals(entry=int, one=int, other=int)
    cpdef tuple of(self, int node)
    @cython.locals(entry=int)
    cpdef bint are(self, int node, int one, int other) except? -1
    @cython.locals(entry=int)
    cpdef list clients(self, int standby)
    @cython.locals(entry=int)
    cpdef bint has(self, int node, int standby) except? -1
    @cython.locals(entry=int, one=int, other=int, first=int, last=int)
    cpdef bint give(self, int node, int standby) except? -1
    @cython.locals(entry=int, before=int, after=int, first=int)
    cpdef drop(self, int node, int standby)
    @cython.locals(entry=int)
    cpdef drop_clients(self, int standby)
    cpdef forget(self, int node)
