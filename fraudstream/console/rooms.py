"""The rooms of the console, declared once, in the order of the navigation; pages and tests come from it."""

from fraudstream.console.app import Room
from fraudstream.console.cases import routes as cases
from fraudstream.console.people import room as people
from fraudstream.console.query import pages as query
from fraudstream.console.releases import explaining, lists, models, releases, rules
from fraudstream.console.results import rooms as results
from fraudstream.console.search import pages as search
from fraudstream.console.stream import letters, pages
from fraudstream.domain.people import Permission

ROOMS = (
    Room("/cases", "Cases", None, cases.add_routes),
    Room("/account", "", None, people.add_routes),
    Room("/results", "Results", None, results.add_routes),
    Room("/search", "Search", None, search.add_routes),
    Room("/payments/explain", "", None, explaining.add_routes),
    Room("/query", "Query", Permission.QUERY, query.add_routes),
    Room("/stream/topics", "Topics", None, pages.add_routes),
    Room("/stream/dead-letters", "Dead letters", None, letters.add_routes),
    Room("/rules", "Rules", None, rules.add_routes),
    Room("/releases", "Releases", None, releases.add_routes),
    Room("/lists", "Lists", None, lists.add_routes),
    Room("/models", "Models", None, models.add_routes),
    Room("/people", "People", Permission.READ_AUDIT, people.add_routes),
    Room("/keys", "Keys", Permission.MANAGE_PEOPLE, people.add_routes),
    Room("/audit", "Audit", Permission.READ_AUDIT, people.add_routes),
)
"""Every room; those without a label are not in the navigation."""
