"""The tracker: it organises listeners into a relay tree."""
