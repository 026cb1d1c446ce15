"""What people make and programs need to find again: a database, SQLite unless one is named."""
