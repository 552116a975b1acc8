cimport cython

cdef int CLIENTS_MAX, EMERGENCY_PLACES_MAX, LAST_RESORT_CLIENTS_PER_PLACE, RANK_MAX, REFERRALS_MAX, RESERVE_PLACES_MAX
cdef int STANDBY_CLIENTS_PER_PLACE

cpdef int children_max(int role, int capacity)
cpdef int clients_max(int role, int capacity)
cpdef int clients_max_for(int role, int capacity, int own, int client)
cpdef bint may_go_below(int own, int asker)
@cython.locals(count=int, first=int, at=int)
cpdef tuple referred(list able, dice)
