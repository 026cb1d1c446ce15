"""One file per command; fraudstream.cli.COMMANDS is the table of contents."""
