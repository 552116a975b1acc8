"""The promises of the overlay, watched while a world runs, and looked at when its faults have stopped.

*After every event*, of the process that it happened to (`safety`, `traffic`):

- I1 a parent's rank is lower than its child's, as the child believes and, an instant later, as it is; whoever adopts has
  the lower rank.
- I2 a rank rises only while nobody is fed. I3 places, with those for emergencies. I7 emergencies are what is beyond them.
- I8 at most two standbys, none of them oneself or the parent, none whose beat shows no lower rank.
- I9 what is played only grows; nothing is sent on or played but what the source has sent, of the run that one knows;
  nobody is adopted without a good ticket.
- I10 a control message heard a second time changes nothing and brings no sound (`twice`; of a world of more than 64 peers,
  one message in eight); messages to the tracker, whose every event tidies a little, and pulls, which are answered twice by
  design, are doubled by stories (`sim.story`) instead, and all must be well at the end.
- I11 what an Accept, a beat or a hop header says is there, is there; a pull is answered with what is there.
- I12 who is told to move keeps its parent until another has accepted.

*Twice a second*, of all (`whole`): I1 no loops; I4 parents and children agree, but for a lease; I5 nobody hears for long
from one who is gone. And `tree`, as often as its O(n) allows: I6, I7 and I8 of the tracker's view, recomputed from scratch.

*A while after each change of parent*, on a network that loses nothing (`changes`): L2 a standby that could help has; I12 and
L3 no chunk that the new parent has is missing.

*When faults have stopped* (`liveness.unsettled`): L1 all hear, I5 from the source, L4 nobody carries too many while there
are places, L5 the tree is no deeper than it need be, L6 the tracker believes what is so.

What is hostile is not asked to keep promises about itself.
"""

from sim.checkers.checker import Checker
from sim.checkers.ledger import BrokenPromiseError
from sim.checkers.liveness import unsettled
from sim.checkers.tree import tree_problems
from sim.checkers.whole import DISAGREE_US_MAX, SAMPLE_US

__all__ = [
    "DISAGREE_US_MAX",
    "SAMPLE_US",
    "BrokenPromiseError",
    "Checker",
    "tree_problems",
    "unsettled",
]
