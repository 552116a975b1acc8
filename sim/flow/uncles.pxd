from meshcast.protocol.capacity cimport may_go_below, referred
from sim.flow.mesh cimport Mesh

cimport cython

cdef int END, NOBODY, ORIGIN, STANDBYS_MAX, UNCLES_MAX

cdef class Uncles:
    cdef public Mesh _mesh
    cdef public object _dice
    cdef public int[:] found

    @cython.locals(one=int)
    cpdef tuple known(self, int parent)
    @cython.locals(at=int)
    cpdef list of(self, int parent, int most=*)
    @cython.locals(above=int, entry=int, count=int)
    cpdef int look_up(self, int parent, int most=*) except? -1
    @cython.locals(at=int)
    cpdef int _note(self, int uncle, int count, int most) except? -1
    cpdef tuple referrals(self, int peer, int asker)
    @cython.locals(one=int)
    cpdef tuple names(self, int peer, int asker)
    @cython.locals(able=list)
    cpdef tuple able_below(self, int peer, int asker)
