"""Sends payments to workers: simulated live, replayed from history, or the acceptance story."""
