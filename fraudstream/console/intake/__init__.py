"""Reads topics into the console's database: decisions become cases; and publishes from there: cases and labels."""
