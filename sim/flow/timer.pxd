cdef int _TIMED_EVERY

cdef class Timer:
    cdef public object clock
    cdef public long long count
    cdef public long long timed
    cdef public double seconds
    cdef public bint is_on
    cdef public double _began

    cpdef begin(self)
    cpdef resume(self)
