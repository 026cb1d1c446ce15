"""Inboxes: a new file in a watched directory or S3 prefix starts an action, once, and what came of it is recorded."""
