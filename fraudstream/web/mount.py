"""Puts the pages on Faust's web server: one table of addresses, one way to answer them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import faust
import jinja2
import msgspec
from aiohttp import web
from faust.web.base import BlueprintManager
from faust.web.drivers.aiohttp import Web as AiohttpWeb

from fraudstream.monitor.views import Versions, Views
from fraudstream.web import formatting, guard
from fraudstream.web.connections import Limits, Runner
from fraudstream.web.front import Front
from fraudstream.web.login import Login
from fraudstream.web.resources import Answer, Resources

HERE = Path(__file__).parent
METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Route:
    """A resource, the address of its JSON, and its page, if it has one.

    `for_probes`: the page's address answers with JSON unless HTML is asked for. `in_turn`: it gets the client's address.
    """

    resource: str
    json: str
    page: str | None = None
    template: str | None = None
    for_probes: bool = False
    in_turn: bool = False


ROUTES = (
    Route("summary", "/api/v1/summary", "/", "dashboard.html"),
    Route("alerts", "/api/v1/alerts", "/alerts", "alerts.html"),
    Route("decisions", "/api/v1/decisions"),
    Route("decision", "/api/v1/decisions/{id}", "/decisions/{id}", "decision.html", in_turn=True),
    Route("card", "/api/v1/cards/{card}", "/cards/{card}", "card.html"),
    Route("archive", "/api/v1/archive", "/archive", "archive.html", in_turn=True),
    Route("health", "/api/v1/health", "/health", "health.html", for_probes=True),
)


def attach(
    app: faust.App,
    views: Views,
    *,
    builtin_pages: bool = False,
    login: Login | None = None,
    front: Front | None = None,
    limits: Limits | None = None,
) -> None:
    """Mount everything on the app's web server; call once, before the app starts.

    Faust's own pages show table contents and the group's topology and proxy requests, so they are only served with
    `builtin_pages`. Bound to loopback, the server accepts only this machine's names and those of the `front`. With a
    `login`, others get only the status of /health.
    """
    front = front or Front()
    views.metrics.running(
        views.versions.version, views.versions.model_version, views.versions.ruleset_version
    )
    resources = Resources(views, login.peer_headers if login else {})
    pages = _templates(views.decimals, views.entity, tuple(views.declared.items()))
    server = app.web
    assert isinstance(server, AiohttpWeb), "the pages need Faust's aiohttp server"
    web_app = server.web_app
    if not builtin_pages:
        server.blueprints = BlueprintManager()
    for route in ROUTES:
        resource = getattr(resources, route.resource)
        app.page(route.json, name=f"api:{route.resource}")(_json_handler(resource, route))
        if route.page and route.template:
            template = pages.get_template(route.template)
            app.page(route.page, name=f"page:{route.resource}")(
                _page_handler(resource, template, route, views.versions)
            )
    app.page("/metrics", name="metrics")(_metrics_handler(resources))
    server.add_static("/static", HERE / "static")
    server._runner = Runner(web_app, front, limits or Limits())  # Faust's own has no limits
    on_loopback = guard.is_loopback(app.conf.web_bind)
    if on_loopback or front.hosts:
        names = guard.LOOPBACK | front.hosts | {(app.conf.canonical_url.host or "").lower()}
        web_app.middlewares.append(guard.only_for(names, addresses=not on_loopback))
    if login is not None:
        web_app.middlewares.append(login.middleware())
    web_app.middlewares.append(guard.errors_as_pages(_error_page(pages, views.versions)))
    web_app.on_response_prepare.append(guard.add_headers)


Resource = Callable[..., Awaitable[Answer]]
Handler = Callable[..., Awaitable[Any]]
"""Called with Faust's view, the request and the address's parts; returns aiohttp's response, which Faust passes on."""


async def _answer(resource: Resource, route: Route, request: web.Request, match: Mapping[str, str]) -> Answer:
    who = {"who": request[guard.CLIENT]} if route.in_turn else {}
    return await resource(request.query, **match, **who)


def _json_handler(resource: Resource, route: Route) -> Handler:
    async def get_json(view: Any, request: web.Request, **match: str) -> web.Response:
        return _as_json(await _answer(resource, route, request, match))

    return get_json


def _page_handler(resource: Resource, template: jinja2.Template, route: Route, running: Versions) -> Handler:
    async def get_page(view: Any, request: web.Request, **match: str) -> web.Response:
        answer = await _answer(resource, route, request, match)
        if guard.ANONYMOUS in request:
            return _as_json(Answer({"status": answer.data["status"]}, answer.status))
        if route.for_probes and "text/html" not in request.headers.get("Accept", ""):
            return _as_json(answer)
        text = template.render(answer.data, running=running, path=request.path, query=request.query)
        return guard.html(request, text, answer.status)

    return get_page


def _metrics_handler(resources: Resources) -> Handler:
    async def get_metrics(view: Any, request: web.Request) -> web.Response:
        return web.Response(body=resources.exposition(), headers={"Content-Type": METRICS_TYPE})

    return get_metrics


def _as_json(answer: Answer) -> web.Response:
    body = msgspec.json.encode(answer.data)
    return web.Response(body=body, status=answer.status, content_type="application/json", charset="utf-8")


@cache
def _templates(decimals: int, entity: str, declared: tuple[tuple[str, str], ...]) -> jinja2.Environment:
    """Return the templates, compiled once in a process; autoescape is on for all of them and a missing name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formatting.FILTERS)
    environment.filters.update(
        {name: partial(word, decimals=decimals) for name, word in formatting.OF_MONEY.items()}
    )
    environment.filters.update(
        {name: partial(environment.filters[name], entity=entity) for name in formatting.OF_ENTITY}
    )
    environment.filters["feature"] = partial(formatting.feature, declared=dict(declared))
    environment.globals["decimals"] = decimals
    environment.globals["entity"] = entity
    return environment


def _error_page(pages: jinja2.Environment, running: Versions) -> guard.ErrorPage:
    template = pages.get_template("error.html")

    def render(message: str, path: str, archive: str) -> str:
        return template.render(message=message, running=running, path=path, archive=archive)

    return render
