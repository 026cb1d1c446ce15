"""DETECTORPL, the rule language of Amazon Fraud Detector: read into a tree, and printed as the SQL that rules are here."""
