cdef class Errands:
    cdef public dict successions
    cdef public dict heirs
    cdef public dict old_of
    cdef public dict exchanges
    cdef public dict clearings
    cdef public dict closed

    cpdef bint is_free(self, int node) except? -1
    cpdef forget(self, int node)
