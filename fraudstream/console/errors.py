"""How errors become pages, each with a sentence that says what to do."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fraudstream.console.access import Forbidden, LoginNeeded, to_login
from fraudstream.console.formatting import sentence
from fraudstream.console.rendering import Pages
from fraudstream.domain.card_numbers import masked
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

MESSAGES = {
    404: "There is no such page.",
    405: "This address does not take this kind of request.",
}


def handle_errors(app: FastAPI, pages: Pages) -> None:
    """Let every error be answered with a page, or with a sentence where htmx asked for a part of one."""

    def failed(request: Request, status: int, said: str) -> Response:
        said = masked(said)  # what somebody has typed may be in it
        if request.headers.get("HX-Request"):
            return PlainTextResponse(said, status)
        person = getattr(request.state, "person", None)
        values = {"status": status, "phrase": HTTPStatus(status).phrase, "sentence": said}
        return pages.page(request, person, "error.html", values, status)

    @app.exception_handler(LoginNeeded)
    async def login_needed(request: Request, _error: LoginNeeded) -> Response:
        return to_login(request)

    @app.exception_handler(Forbidden)
    async def forbidden(request: Request, error: Forbidden) -> Response:
        return failed(request, 403, sentence(str(error)))

    @app.exception_handler(FraudstreamError)
    async def not_done(request: Request, error: FraudstreamError) -> Response:
        if not error.later:
            return failed(request, 400, sentence(str(error)))
        logger.warning("%s", error)
        return failed(request, 503, sentence(f"{error}; try again in a moment"))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
        return failed(request, 422, sentence(f"this was not understood: {wrong}"))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        return failed(
            request, error.status_code, MESSAGES.get(error.status_code, sentence(str(error.detail)))
        )

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _error: ClientDisconnect) -> Response:
        return failed(request, 413, "The form is too large, or did not arrive whole.")

    @app.exception_handler(Exception)
    async def bug(request: Request, _error: Exception) -> Response:
        return failed(request, 500, "The page failed; the console's log says why.")
