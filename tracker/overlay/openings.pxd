cimport cython

cdef int LEVELS, NOWHERE, RANK_BITS, RANK_MASK, WINDOW_RANK_MIN
cdef unsigned long long _ONE

cdef class Bag:
    cdef public int[:] nodes

cdef class Openings:
    cdef public list _bags
    cdef public int[:] sizes
    cdef public short[:] _keys
    cdef public int[:] _positions
    cdef public int count
    cdef public int[:] bags_at
    cdef public unsigned long long[:] ranks_in

    cpdef int key(self, int node) except? -1
    @cython.locals(old=int, size=int, bag=Bag)
    cpdef put(self, int node, int key)
    @cython.locals(key=int, size=int, last=int, position=int, bag=Bag)
    cpdef take_out(self, int node)
    @cython.locals(at=int)
    cpdef list bag(self, int key)
    @cython.locals(bag=Bag)
    cpdef int one(self, int key, int at) except? -1
    @cython.locals(size=int)
    cpdef int start(self, int key, dice) except? -1
    @cython.locals(bag=Bag, size=int, at=int, _=int)
    cpdef list pick(self, int key, dice, int count)
    @cython.locals(rank=int)
    cpdef int lowest_rank(self) except? -1
    @cython.locals(key=int)
    cpdef int lowest_region(self, int rank) except? -1
    @cython.locals(rank=int, own=int, region=int, key=int)
    cpdef int shallowest(self, tuple near, int below, int least=*) except? -1
    @cython.locals(region=int, rank=int)
    cpdef _mark(self, int key)
    @cython.locals(region=int, rank=int)
    cpdef _unmark(self, int key)
