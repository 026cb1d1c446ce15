"""Makes pages of templates: every room has a folder of them, all extend `base.html`."""

import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fraudstream.console.formatting import FILTERS
from fraudstream.domain.people import Person

HERE = Path(__file__).parent
WEB_STATIC = HERE.parent / "web" / "static"
"""The stylesheet and marks that a worker's pages have, too."""


class Pages:
    """The templates of all rooms."""

    def __init__(self, rooms: Sequence[Any]) -> None:
        """`rooms`: what the navigation is made of."""
        self._templates = _templates()
        self._rooms = rooms

    def render(
        self, request: Request, person: Person | None, template: str, values: Mapping[str, Any]
    ) -> str:
        """Return a page, or a part of one, as text."""
        seen = [each for each in self._rooms if person is not None and each.open_to(person)]
        given = {
            "person": person,
            "rooms": seen,
            "path": request.url.path,
            "csrf": getattr(request.state, "csrf", ""),
            "now_ms": time.time_ns() // 1_000_000,
        }
        return self._templates.get_template(template).render(given | dict(values))

    def page(
        self,
        request: Request,
        person: Person | None,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
    ) -> HTMLResponse:
        """Return a page as an answer."""
        return HTMLResponse(self.render(request, person, template, values), status)


@cache
def _templates() -> Environment:
    """Return the templates of all rooms; each is compiled once in a process."""
    loader = FileSystemLoader([HERE / "templates", *sorted(HERE.glob("*/templates"))])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS)
    environment.globals.update(version=version("fraudstream"))
    return environment
