"""The rooms in which people change what decides: rules, releases, lists and models."""
