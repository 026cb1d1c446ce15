"""From an account of Amazon Fraud Detector to files of ours: event types with rules, lists, and what does not fit."""
