from tracker.overlay.chains cimport Chains

cdef int END
cdef int _HEARD

cdef class Leases:
    cdef public tuple _length_us
    cdef public Chains _lanes
    cdef public long long[:] _heard_us
    cdef public unsigned char[:] _kind
    cdef public long long _latest_us

    cpdef drop(self, int node)
