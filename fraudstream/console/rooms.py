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
    Room("/cases", "Cases", None, cases.routes),
    Room("/account", "", None, people.routes),
    Room("/results", "Results", None, results.routes),
    Room("/search", "Search", None, search.routes),
    Room("/payments/explain", "", None, explaining.routes),
    Room("/query", "Query", Permission.QUERY, query.routes),
    Room("/stream/topics", "Topics", None, pages.routes),
    Room("/stream/dead-letters", "Dead letters", None, letters.routes),
    Room("/rules", "Rules", None, rules.routes),
    Room("/releases", "Releases", None, releases.routes),
    Room("/lists", "Lists", None, lists.routes),
    Room("/models", "Models", None, models.routes),
    Room("/people", "People", Permission.READ_AUDIT, people.routes),
    Room("/keys", "Keys", Permission.MANAGE_PEOPLE, people.routes),
    Room("/audit", "Audit", Permission.READ_AUDIT, people.routes),
)
"""Every room; those without a label are not in the navigation."""
