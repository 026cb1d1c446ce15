"""Questions to the archive in SQL: one SELECT, in a process that can read nothing else and is killed at its limits."""
