"""What an event is: its type, and how bytes become one."""
