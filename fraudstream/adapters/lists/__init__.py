"""The topic `lists`: writing changes, and reading what is on lists now."""
