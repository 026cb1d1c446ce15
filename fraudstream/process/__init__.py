"""The operating system's process: exit codes, logs, tuning, children, supervisor, what it must not share."""
