"""Lists of values that rules ask for: cards, merchants, any variable; changed while workers run."""
