cimport cython

cdef int BLOCK_BITS, CALL, FIELDS, KIND_BITS, KIND_MASK, SLOT_BITS, SLOT_MASK

cdef class Actor:
    cdef public int seat

    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)

cdef class Caller(Actor):
    cpdef happen(self, int kind, long long a, long long b, long long c, long long d, thing)

cdef class Pile:
    cdef public long long[:] numbers
    cdef public list things
    cdef public int size

    @cython.locals(at=int)
    cpdef add(self, long long when, int act, long long a, long long b, long long c, long long d, thing)
    cpdef take(self, long long number)
    @cython.locals(numbers="long long[:]", position=int, at=int, when=cython.longlong, pile=Pile)
    cpdef deal_out(self, list piles)
    cpdef clear(self)

cdef class Calendar:
    cdef public long long now
    cdef public list _actors
    cdef public long long _slot
    cdef public list _heap
    cdef public Pile _open
    cdef public long long[:] _order
    cdef public int _next
    cdef public list _slots
    cdef public dict _blocks
    cdef public long long _serial
    cdef public long long _opened
    cdef public Caller _caller

    @cython.locals(slot=cython.longlong, now=cython.longlong, block=cython.longlong, pile=Pile, due=cython.longlong)
    cpdef at(self, long long when, Actor actor, int kind, long long a=*, long long b=*, long long c=*, long long d=*, thing=*)
    @cython.locals(last=cython.longlong)
    cpdef run_until(self, long long until)
    @cython.locals(
        pile=Pile, heap=list, order="long long[:]", count=int, numbers="long long[:]", position=int,
        when=cython.longlong, at=int, act=int, actor=Actor,
    )
    cpdef _run_slot(self, long long until)
    @cython.locals(actor=Actor)
    cpdef _run_first(self)
    @cython.locals(slot=int, pile=Pile, coming=Pile)
    cpdef _open_next(self)
