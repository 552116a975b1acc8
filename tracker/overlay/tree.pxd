from tracker.overlay.links cimport Links

cimport cython

cdef int ATTACHED, FREE, LISTENER, NOBODY, ORIGIN, PENDING, RANK_LISTENER_MIN, RANK_MAX, SUSPECT
cdef int _PLACE, _CONFIRM, _SUSPECT, _CLEAR, _LOSE

cdef class Tree(Links):
    cdef public object dice
    cdef public dict _hearsay

    @cython.locals(head=int, standby=int)
    cpdef list leave(self, int node)
    @cython.locals(before=int, rank=int, current=int, standby=int)
    cpdef attach(self, int node, int parent)
    @cython.locals(above=int, role=int, most=int)
    cpdef bint may_attach(self, int node, int parent) except? -1
    cpdef confirm(self, int node)
    cpdef detach(self, int node)
    @cython.locals(parent=int, least=int, torn=list)
    cpdef adopted(self, int head, int adopter, rank=*, counter=*)
    cpdef set_capacity(self, int node, int capacity)
    cpdef suspect(self, int node)
    cpdef clear(self, int node)
    @cython.locals(parent=int, below=int, least=int)
    cpdef int _least_rank(self, int node) except? -1
    cpdef bint _is_stale(self, int head, int adopter, counter) except? -1
    cpdef list _relink(self, int head, int adopter)
    @cython.locals(top=int, least=int, current=int, order=int, lowered=int, child=int)
    cpdef list _rerank(self, int top, int rank)
