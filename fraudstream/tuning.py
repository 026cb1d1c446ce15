"""How a worker process is set up for short pauses; imported before anything that starts threads."""

import gc
import os

GC_THRESHOLD = 50_000
"""Allocations before a young collection. A micro-batch makes thousands of short-lived tuples; Python's 700 cost 10 %."""


def limit_threads() -> None:
    """Keep libraries from starting thread pools; must run before polars and xgboost are imported.

    Frames are small, so a second thread gains nothing: Polars' wake-ups disturb the broker's core, and an OpenMP thread
    spins for milliseconds. What the environment says already stays.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def calm_garbage_collection() -> None:
    """Leave what start-up made out of every later collection, and collect less often; call once the app is built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 10, 10)
