"""The wire protocol of Amazon Fraud Detector: what programs written for it with an AWS SDK ask, answered here."""
