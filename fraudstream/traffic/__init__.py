"""Sends payments to workers: simulated live, or replayed from history."""
