cimport cython

cdef int SLOT_BITS

cdef class Calendar:
    cdef public long long now
    cdef public long long _slot
    cdef public list _heap
    cdef public list _sorted
    cdef public object _piles
    cdef public long long _serial
    cdef public long long _opened

    @cython.locals(slot=cython.longlong, now=cython.longlong)
    cpdef at(self, long long when, act, tuple arguments=*)
    @cython.locals(last=cython.longlong)
    cpdef run_until(self, long long until)
    @cython.locals(in_order=list, heap=list, arguments=tuple)
    cpdef _run_slot(self, long long until)
    @cython.locals(pile=list)
    cpdef _open_next(self)
