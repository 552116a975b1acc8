"""Meshcast: a peer-assisted mesh relay for live audio."""
