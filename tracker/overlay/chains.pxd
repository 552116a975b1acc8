cimport cython

cdef int END, _LINKS

cdef class Chains:
    cdef public int[:] first
    cdef public object _links
    cdef public int[:] next
    cdef public int[:] _previous

    @cython.locals(first=int, last=int)
    cpdef append(self, int owner, int item)
    @cython.locals(before=int, after=int, first=int)
    cpdef remove(self, int owner, int item)
    @cython.locals(item=int, items=list)
    cpdef list of(self, int owner)
    cpdef list clear(self, int owner)
