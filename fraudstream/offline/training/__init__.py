"""How a model is fitted: options, early stopping, calibration, the anomaly model."""
