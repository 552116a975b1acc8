from tracker.overlay.keys cimport key_of

cimport cython

cdef int NOWHERE, RANK_BITS, RANK_MASK, WINDOW_RANK_MIN

cdef class Openings:
    cdef public list _bags
    cdef public short[:] _keys
    cdef public int[:] _positions
    cdef public object ranks
    cdef public list ranks_in
    cdef public list regions_at

    cpdef int key(self, int node)
    cpdef put(self, int node, int key)
    cpdef take_out(self, int node)
    cpdef bag(self, int key)
    cpdef pick(self, int key, dice, int count)
    # Masks, and what they are shifted by, stay Python's numbers: there are more regions than bits in C's widest.
    @cython.locals(rank=object, region=object)
    cpdef int shallowest(self, tuple near, below, least=*)
    @cython.locals(rank=object, region=object)
    cpdef _mark(self, int key)
    @cython.locals(rank=object, region=object)
    cpdef _unmark(self, int key)
