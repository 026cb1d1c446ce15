"""A route that is answered without FastAPI's layers is answered, refused and described as with them."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.types import ASGIApp

from fraudstream.api.direct import Direct
from fraudstream.api.door import Refusal, failed

ROUTER = APIRouter(prefix="/v1/things")


@ROUTER.post("", summary="Take a thing")
async def take(request: Request) -> Response:
    """Refuse a thing without content."""
    if body := await request.body():
        return Response(body, 200, {"X-Seen": "yes"}, "application/json")
    raise Refusal(422, "empty", "there is nothing")


@ROUTER.get("/{name}")
async def fetch(name: str) -> Response:
    """Take a parameter, which FastAPI reads."""
    return Response(name)


def application() -> FastAPI:
    """Return FastAPI's own way to answer."""
    app = FastAPI()
    app.include_router(ROUTER)

    @app.exception_handler(Refusal)
    async def refused(_request: Request, error: Refusal) -> Response:
        return failed(error.status, error.code, error.detail)

    return app


async def answered(app: ASGIApp, method: str, address: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        answer = await client.request(method, address, content=body)
    return answer.status_code, dict(answer.headers), answer.content


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("POST", "/v1/things", b"{}", 200),
        ("POST", "/v1/things?a=1", b"{}", 200),
        ("POST", "/v1/things", b"", 422),
        ("PUT", "/v1/things", b"{}", 405),
        ("GET", "/v1/things/one", b"", 200),
        ("POST", "/v1/other", b"{}", 404),
        ("GET", "/openapi.json", b"", 200),
    ],
)
async def test_every_answer_is_fastapis(method: str, address: str, body: bytes, status: int) -> None:
    """Also where the method or the address is another, which FastAPI answers."""
    plain = application()
    expected = await answered(plain, method, address, body)

    assert status == expected[0]
    assert expected == await answered(Direct(plain, ROUTER), method, address, body)


async def test_only_a_fixed_address_is_answered_directly() -> None:
    """FastAPI must not see such a request at all, and must see all others."""
    seen = []

    class Seeing(FastAPI):
        async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
            seen.append(scope["path"])
            await super().__call__(scope, receive, send)

    app = Seeing()
    app.include_router(ROUTER)
    direct = Direct(app, ROUTER)
    await answered(direct, "POST", "/v1/things", b"{}")
    await answered(direct, "GET", "/v1/things/one", b"")

    assert ["/v1/things/one"] == seen
