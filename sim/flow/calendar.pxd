cimport cython

cdef int CALL, FIELDS, SLOT_BITS, SPARE_MAX

cdef class Actor:
    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)

cdef class Caller(Actor):
    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)

cdef class Pile:
    cdef public long long[:] numbers
    cdef public list actors
    cdef public list things
    cdef public int size

    @cython.locals(at=int, numbers="long long[:]")
    cpdef add(self, long long when, Actor actor, int kind, long long a, long long b, long long c, long long d, thing)
    cpdef clear(self)

cdef class Calendar:
    cdef public long long now
    cdef public long long _slot
    cdef public list _heap
    cdef public Pile _open
    cdef public long long[:] _order
    cdef public int _next
    cdef public dict _piles
    cdef public list _spare
    cdef public long long _serial
    cdef public long long _opened
    cdef public Caller _caller

    @cython.locals(slot=cython.longlong, now=cython.longlong, pile=Pile, due=cython.longlong)
    cpdef at(self, long long when, Actor actor, int kind, long long a=*, long long b=*, long long c=*, long long d=*, thing=*)
    @cython.locals(last=cython.longlong)
    cpdef run_until(self, long long until)
    @cython.locals(
        pile=Pile, heap=list, order="long long[:]", count=int, numbers="long long[:]", is_on_pile=bint, position=int,
        when=cython.longlong, first=cython.longlong, at=int, actor=Actor,
    )
    cpdef _run_slot(self, long long until)
    @cython.locals(actor=Actor)
    cpdef _run_first(self)
    @cython.locals(done=Pile, pile=Pile)
    cpdef _open_next(self)
