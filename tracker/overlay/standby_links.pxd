cdef int END, NOBODY, STANDBYS_MAX

cdef class StandbyLinks:
    cdef public int[:] _standbys
    cdef public int[:] _first
    cdef public int[:] _next
    cdef public int[:] _previous
    cdef public short[:] load
    cdef public dict wanting

    cpdef tuple of(self, int node)
    cpdef list clients(self, int standby)
    cpdef bint has(self, int node, int standby)
    cpdef bint give(self, int node, int standby)
    cpdef drop(self, int node, int standby)
    cpdef drop_clients(self, int standby)
    cpdef forget(self, int node)
