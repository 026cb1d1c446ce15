"""Sets up our processes: short pauses, private files, a quick start; imported before anything that starts threads."""

import gc
import os
import sys
from typing import cast

GC_THRESHOLD = 50_000
"""Allocations before a young collection. A micro-batch makes thousands of short-lived tuples; Python's 700 cost 10 %."""


_alone = False
"""Whether xgboost is imported without its scikit-learn estimators."""

PRIVATE = 0o077
"""History holds card numbers, state and aggregates hold what cards did: only the owner may read the files."""


def keep_files_private() -> None:
    """Make every file and directory this process and its children create readable by their owner only."""
    os.umask(PRIVATE)


def limit_threads() -> None:
    """Keep libraries from starting thread pools; must run before polars and xgboost are imported.

    Frames are small, so a second thread gains nothing: Polars' wake-ups disturb the broker's core, and an OpenMP thread
    spins for milliseconds. Values already in the environment stay.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def let_threads_sleep() -> None:
    """Let OpenMP's threads sleep while they wait for each other; must run before xgboost is imported.

    By default they spin: on a machine that does something else, too, training takes ten times as long or longer.
    A value already in the environment stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def import_xgboost_alone() -> None:
    """Let xgboost be imported without its scikit-learn estimators, which we do not use: they take a second of a start and 65 MB.

    For processes of our own only: `xgboost.XGBClassifier` does not work in one.
    """
    global _alone
    _alone = True


def load_xgboost() -> None:
    """Import xgboost, as `import_xgboost_alone` has decided."""
    if not _alone or "sklearn" in sys.modules or "xgboost" in sys.modules:
        import xgboost

        return
    hidden = cast(dict[str, object], sys.modules)
    hidden["sklearn"] = None  # to Python, the module is not installed
    try:
        import xgboost  # noqa: F401
    finally:
        del hidden["sklearn"]


def put_off_garbage_collection() -> None:
    """Import and build without collections: they cost a sixth of a worker's start, and what they find is next to nothing."""
    gc.disable()


def calm_garbage_collection() -> None:
    """Exclude objects made so far from later collections, and collect less often; call once the app is built."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 10, 10)
    gc.enable()
