"""The relay tree and every decision about it: pure."""
