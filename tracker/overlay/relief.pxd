from tracker.overlay.chains cimport Chains
from tracker.overlay.errands cimport Errands
from tracker.overlay.openings cimport Openings
from tracker.overlay.placement cimport find_elsewhere, find_slot, is_settled, parent_rank_bound
from tracker.overlay.tree cimport Tree

cimport cython

cdef int ATTACHED, END, EMERGENCY_PLACES_MAX, LEVELS, LISTENER, NOWHERE, PENDING, RANK_MAX

@cython.locals(slots=Openings, overcommitted=Openings, rank=int, region=int, key=int, moves=list)
cpdef list relieve_some(Tree tree, int nodes_max=*)
@cython.locals(free=int, owed=int, surplus=int, child=int, leaves=list, others=list, heads=list, moves=list)
cpdef list relieve(Tree tree, int adopter, int moves_max=*)
@cython.locals(leaves=list, others=list, heads=list, errands=Errands, child=int, following=int, chains=Chains)
cpdef tuple _movable(Tree tree, int adopter, int most)
@cython.locals(one=int, moves=list)
cpdef list _clear(Tree tree, int adopter, list heads, int moves_max)
@cython.locals(node=int)
cpdef bint _are_settled(Tree tree, list nodes) except? -1
@cython.locals(bounds=list, child=int, ranks=list, at=int)
cpdef bint _have_room(Tree tree, int head, list children) except? -1
@cython.locals(found=list, slots=Openings, rank=int, bags=int, key=int, size=int, at=int, node=int, _=int)
cpdef list _ranks_of_places(Tree tree, int most, int but)
cpdef _clearing_of(Tree tree, int adopter)
