"""Makes files to train and test on of raw ones: typed, split by time, every row in them or on a list."""
