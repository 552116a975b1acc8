from sim.flow.mesh cimport Mesh

cimport cython

cdef int END, LISTENER, NOBODY, ORIGIN
cdef long long BORROW_AFTER_US, _DELAY_US_MIN

cdef class Sound:
    cdef public Mesh mesh
    cdef public long long chunk_us
    cdef public long long counts_until
    cdef public list missing
    cdef public list gapped
    cdef public long long due_us
    cdef public long long heard
    cdef public dict have
    cdef public dict lenders
    cdef public dict late
    cdef public list lowered
    cdef public dict gaps_us
    cdef public unsigned char[:] _marks
    cdef public long long[:] first_due_at

    cpdef begin(self, int node, long long now)
    cpdef long long stalled_at(self, int node, long long now=*) except? -1
    @cython.locals(
        stack=list, node=int, parent=int, at=cython.longlong, newest=cython.longlong, lag_us=cython.longlong,
        way_us=cython.longlong, own=cython.longlong, child=int,
    )
    cpdef flow_again(self, int head, long long now)
    @cython.locals(
        stack=list, node=int, parent=int, at=cython.longlong, lag_us=cython.longlong, had=cython.longlong,
        has=cython.longlong, child=int,
    )
    cpdef change_way(self, int top, long long now)
    @cython.locals(marks=int, delay=int)
    cpdef go(self, int node, long long now)
    cpdef long long _lent(self, int node, long long now) except? -1
    @cython.locals(base_us=cython.longlong, chunk_us=cython.longlong, gap_us=cython.longlong)
    cpdef _catch_up(self, int node, long long at, long long newest, long long lag_us)
    cpdef _count(self, int node, long long have, long long last, long long at, long long base_us)
    cpdef _add(self, int node, list missing)
    @cython.locals(late=cython.longlong, delay_us=cython.longlong, missing=list)
    cpdef list _lacking(self, int node, long long have, long long last, long long until, long long base_us)
    @cython.locals(until=cython.longlong, last=cython.longlong, have=cython.longlong)
    cpdef list _owed(self, int node, long long now)
    @cython.locals(base_us=cython.longlong)
    cpdef _set_lag(self, int node, long long lag_us, long long newest)
    cpdef _end_lateness(self, int node, long long last)
    @cython.locals(excess_us=cython.longlong, base_us=cython.longlong)
    cpdef list _lateness(self, int node, long long last, long long until)
    @cython.locals(rank=int)
    cpdef _set_rank(self, int node, int parent)
