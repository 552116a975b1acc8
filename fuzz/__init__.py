"""Hostile input without end: mutated packets, messages and conversations, and a ledger of how many were survived.

`python -m fuzz` runs it; docs/TESTING says how. Nothing of the product imports this room. A *target* takes inputs made
from one seed; what it may raise is nothing, and what it may keep once its enemies are gone is nothing either.
"""
