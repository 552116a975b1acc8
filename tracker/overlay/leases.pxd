from tracker.overlay.chains cimport Chains

cimport cython

cdef int END, NONE
cdef int _HEARD

cdef class Leases:
    cdef public tuple _length_us
    cdef public Chains _lanes
    cdef public long long[:] _heard_us
    cdef public unsigned char[:] _kind
    cdef public long long _latest_us

    @cython.locals(lanes=Chains, before=int)
    cpdef touch(self, int node, long long now, int kind=*)
    cpdef drop(self, int node)
