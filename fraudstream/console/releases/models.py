"""The room of models: versions with their figures, side by side, and their reports."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from fraudstream.adapters.models.registry import HAS_FILES, Registry
from fraudstream.console.app import Console
from fraudstream.console.door import HEADERS
from fraudstream.console.releases.model_reports import ModelReports
from fraudstream.console.releases.workshop import Workshop
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Permission
from fraudstream.domain.registry.version_log import VersionLog
from fraudstream.domain.registry.versions import Version

OWN_POLICY = dict(HEADERS)[b"content-security-policy"].decode()
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'"
)
"""A report has its scripts within it; they can ask nobody and know nothing of who is logged in."""
COMPARED_MAX = 6


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes of /models."""
    workshop, reports = Workshop(console), ModelReports(console.settings)
    _reading(router, console, workshop, reports)
    _reporting(router, console, workshop, reports)


def _reading(router: APIRouter, console: Console, workshop: Workshop, reports: ModelReports) -> None:
    @router.get("/models", name="models")
    def models(request: Request) -> Response:
        person = console.person(request)
        registry = workshop.registry(person.name)
        log = registry.log()
        rows = [
            (version, log.of(version)[-1], _metrics(registry, log, version))
            for version in reversed(log.states)
        ]
        return console.page(
            request,
            person,
            "releases/models.html",
            event_type=log.event_type,
            rows=rows,
            shown=list(dict.fromkeys(name for _, _, metrics in rows for name in metrics))[:4],
        )

    @router.get("/models/compare")
    def compare(request: Request) -> Response:
        person = console.person(request)
        registry = workshop.registry(person.name)
        wanted = [registry.resolve(each) for each in request.query_params.getlist("version")[:COMPARED_MAX]]
        if not wanted:
            raise SetupError("choose versions to compare")
        log = registry.log()
        figures = {str(version): _metrics(registry, log, version) for version in wanted}
        names = list(dict.fromkeys(name for metrics in figures.values() for name in metrics))
        return console.page(request, person, "releases/compared.html", figures=figures, names=names)

    @router.get("/models/{version}")
    def model(request: Request, version: str) -> Response:
        person = console.person(request)
        registry = workshop.registry(person.name)
        number, log = registry.listed(version), registry.log()
        manifest = registry.manifest(number) if log.states[number] in HAS_FILES else None
        return console.page(
            request,
            person,
            "releases/model.html",
            number=number,
            event_type=registry.event_type,
            history=log.of(number)[::-1],
            state=log.states[number],
            manifest=manifest,
            report=reports.path(registry.event_type, number) is not None,
            making=reports.state(number),
        )


def _reporting(router: APIRouter, console: Console, workshop: Workshop, reports: ModelReports) -> None:
    @router.post("/models/{version}/report")
    def make(request: Request, version: str) -> Response:
        person = console.person(request, Permission.RELEASE)
        registry = workshop.registry(person.name)
        number = registry.resolve(version)
        reports.make(registry.event_type, number)
        console.audit(person, "model.report", f"{registry.event_type}-{number}")
        return RedirectResponse(f"/models/{number}", 303)

    @router.get("/models/{version}/report")
    def report(request: Request, version: str) -> Response:
        person = console.person(request)
        registry = workshop.registry(person.name)
        number = registry.listed(version)
        if reports.path(registry.event_type, number) is None:
            raise SetupError(f"there is no report of model {number} yet: make one on its page")
        page = console.page(
            request, person, "releases/report.html", number=number, event_type=registry.event_type
        )
        page.headers["content-security-policy"] = f"{OWN_POLICY}; frame-src 'self'"
        return page

    @router.get("/models/{version}/report.html")
    def framed(request: Request, version: str) -> Response:
        person = console.person(request)
        registry = workshop.registry(person.name)
        path = reports.path(registry.event_type, registry.listed(version))
        if path is None:
            raise SetupError("there is no such report")
        headers = {"content-security-policy": REPORT_POLICY, "x-frame-options": "SAMEORIGIN"}
        return HTMLResponse(path.read_bytes(), headers=headers)


def _metrics(registry: Registry, log: VersionLog, version: Version) -> Mapping[str, Any]:
    """Return the figures of a version, nothing of one without files."""
    if log.states[version] not in HAS_FILES:
        return {}
    found: Mapping[str, Any] = registry.manifest(version).get("metrics", {})
    return found
