from sim.flow.mesh cimport Mesh
from sim.flow.orphan cimport Orphan

cimport cython

cdef int LISTENER, ORIGIN, REPAIRS_KEPT_MAX

cdef class Figures:
    cdef public object _flow
    cdef public Mesh _mesh
    cdef public object _chance
    cdef public dict wishes
    cdef public list samples
    cdef public long long joins
    cdef public long long leaves
    cdef public long long crashes
    cdef public long long repairs
    cdef public long long repairs_without_tracker
    cdef public list repair_us
    cdef public object waits_us
    cdef public int peers_peak
    cdef public int emergencies_peak
    cdef public int copies_peak
    cdef public list _infrastructure

    @cython.locals(mesh=Mesh)
    cpdef joined(self, int node, long long waited_us)
    @cython.locals(took_us=cython.longlong)
    cpdef repaired(self, Orphan orphan, long long now, bint is_helped)
    cpdef gone(self, bint is_crash)
    @cython.locals(mesh=Mesh, beyond=int)
    cpdef _look_at(self, int parent)
