"""The library XGBoost, imported as the process wants it."""

from fraudstream.process.tuning import load_xgboost

load_xgboost()

import xgboost  # noqa: E402 - only now, so that it is imported the right way

__all__ = ["xgboost"]
