cdef class People:
    cdef public object all
    cdef public dict _place_of

    cpdef add(self, int node)
    cpdef strike(self, int node)
