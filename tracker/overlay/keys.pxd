cdef int RANK_MAX

cpdef int key_of(int region, int rank) except? -1
