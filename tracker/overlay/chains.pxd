cdef int END

cdef class Chains:
    cdef public int[:] first
    cdef public int[:] next
    cdef public int[:] _previous

    cpdef append(self, int owner, int item)
    cpdef remove(self, int owner, int item)
    cpdef list of(self, int owner)
    cpdef list clear(self, int owner)
