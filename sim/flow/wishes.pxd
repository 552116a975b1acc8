cdef class Wish:
    cdef public int capacity
    cdef public int city
    cdef public long long access_us
    cdef public int region
    cdef public long long prefix
    cdef public long long asked_at
    cdef public long long stays_us
    cdef public bint is_crashing
    cdef public object role
    cdef public tuple landmarks
