cimport cython

cdef class People:
    cdef public object all
    cdef public int[:] _place_of

    @cython.locals(missing=int)
    cpdef add(self, int node)
    @cython.locals(place=int, last=int)
    cpdef strike(self, int node)
