"""Decides the events of files with the worker's own decider: slice by slice, every row answered, nothing done twice."""
