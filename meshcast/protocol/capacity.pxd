cimport cython

cdef int CLIENTS_MAX, EMERGENCY_PLACES_MAX, LAST_RESORT_CLIENTS_PER_PLACE, RANK_MAX, REFERRALS_MAX, RESERVE_PLACES_MAX
cdef int STANDBY_CLIENTS_PER_PLACE, _LISTENER

cpdef int children_max(int role, int capacity) except? -1
@cython.locals(per_place=int)
cpdef int clients_max(int role, int capacity) except? -1
cpdef int clients_max_for(int role, int capacity, int own, int client) except? -1
cpdef bint may_go_below(int own, int asker) except? -1
@cython.locals(count=int, first=int, at=int)
cpdef tuple referred(list able, dice)
