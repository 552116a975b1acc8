cdef class Orphan:
    cdef public int node
    cdef public long long since
    cdef public long long unheard_since
    cdef public bint has_heard
    cdef public tuple uncles
    cdef public object repair
    cdef public tuple named
    cdef public bint is_named_up
    cdef public tuple left
    cdef public dict silent
    cdef public int rounds
    cdef public bint is_seeking
    cdef public long long wakes_at
    cdef public object dropped_at
    cdef public dict generations
    cdef public dict referred
