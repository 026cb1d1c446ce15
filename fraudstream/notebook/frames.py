"""Polars and pandas frames: what is given in one comes back in the same."""

from typing import Any, TypeVar, cast

import polars as pl

from fraudstream.adapters.extras import check_installed
from fraudstream.domain.errors import SetupError

Frame = TypeVar("Frame")

PANDAS = "pandas"


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a frame as Polars; raises SetupError for anything else than a Polars or a pandas frame."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if not _is_pandas(frame):
        raise SetupError(f"a Polars or pandas frame is needed, not a {type(frame).__name__}")
    check_installed("pyarrow", what="a pandas frame")
    return pl.from_pandas(frame)


def as_given(frame: pl.DataFrame, like: Frame) -> Frame:
    """Return a frame as pandas, with the same index, if the other one is; else as Polars."""
    if not _is_pandas(like):
        return cast(Frame, frame)
    made: Any = frame.to_pandas()
    made.index = cast(Any, like).index
    return cast(Frame, made)


def _is_pandas(frame: object) -> bool:
    """Tell it without importing pandas."""
    return type(frame).__module__.partition(".")[0] == PANDAS and hasattr(frame, "iloc")
