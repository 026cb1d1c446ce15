"""Payments, their ten minutes and their week become decisions: for the worker, for repair and for parity.

Knows neither Faust nor a consumer, and writes nothing.
"""
