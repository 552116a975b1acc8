"""Sound as intervals: a million peers and more, with the tracker's own decisions and the orphans' own repairs.

What is followed is who hears from whom, how far behind the origin each one is, and which chunks each one has; not the
chunks themselves. A peer's sound is *flowing* as long as every peer above it lives: chunk `k` is then with it at
`k * chunk_us + lag`. When a parent dies, its children are heads of trees that have all stalled at one chunk; when a head
is adopted again, what they have missed comes to them all at known times, and what was due before that is missing.
"""
