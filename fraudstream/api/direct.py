"""Answers the addresses that programs ask most without the layers of FastAPI, which cost more than all else a request does.

FastAPI still describes them: a route is declared once, on its router. What a route's function raises becomes an answer by the
same handlers.
"""

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send


class Direct:
    """An application in front of FastAPI's; to be made when the handlers of its errors are known."""

    def __init__(self, app: FastAPI, *routers: APIRouter) -> None:
        """`routers`: their routes with a fixed address are answered directly; such a function takes the request alone."""
        self._app = app
        self._routes = {
            (method, route.path): route
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute) and not route.param_convertors
            for method in route.methods or ()
        }
        self._answering: ASGIApp = ExceptionMiddleware(_answer, handlers=app.exception_handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let FastAPI answer it."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
        else:
            scope["route"] = route
            await self._answering(scope, receive, send)


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    response = await scope["route"].endpoint(Request(scope, receive, send))
    await response(scope, receive, send)
