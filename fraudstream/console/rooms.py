"""The rooms of the console, declared once, in the order of the navigation; pages and tests come from it."""

from fraudstream.console.app import Room
from fraudstream.console.people import login, start
from fraudstream.console.search import pages as search

ROOMS = (
    Room("/", "", None, start.routes),
    Room("/login", "", None, login.routes),
    Room("/search", "Search", None, search.routes),
)
"""Every room; those without a label are not in the navigation."""
