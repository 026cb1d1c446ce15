"""Releases: what decides, as one numbered thing that never changes."""
