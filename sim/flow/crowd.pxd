cdef class Crowd:
    cdef public object _scenario
    cdef public object _shares
    cdef public object geography
    cdef public int home
    cdef public long long data_centre_us
    cdef public list city_delays_us
    cdef public object nearest_regions
    cdef public list _landmarks
    cdef public list region_of
    cdef public list continent_of
    cdef public list closed
    cdef public object _seed
    cdef public object _elsewhere
    cdef public object _cities
    cdef public dict _streams
    cdef public object _stays
    cdef public object _changes
    cdef public int _drawn
    cdef public list _block

    cpdef wish(self, long long now)
    cpdef next_change(self)
