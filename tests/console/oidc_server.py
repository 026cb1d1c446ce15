"""A small OpenID Connect provider, over HTTP: it checks what a client must send, and can lie."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from fraudstream.process.ports import bound_to_a_free_port

CLIENT, SECRET = "console-1", "a secret of the client"


@dataclass
class Oidc:
    """The provider; what it says of whoever logs in next can be set."""

    url: str
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of what it would say of Ada."""
    lies: dict[str, Any] = field(default_factory=dict)
    """Instead of what an honest provider puts into an id token beside that."""
    algorithm: str = "RS256"
    stranger: bool = False
    """It signs with a key that it does not publish."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "1"})
        self._other = RSAKey.generate_key(2048, {"kid": "1"})
        self.app = FastAPI()
        self.app.add_api_route("/.well-known/openid-configuration", self._configuration)
        self.app.add_api_route("/authorize", self._authorize)
        self.app.add_api_route("/token", self._token, methods=["POST"])
        self.app.add_api_route("/jwks", self._keys)
        self.app.add_api_route("/userinfo", self._userinfo)

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.lies.get("issuer", self.url),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }

    def _authorize(self, request: Request) -> Response:
        """Log Ada in, and lead back."""
        asked = dict(request.query_params)
        assert (CLIENT, "code", "S256") == (
            asked["client_id"],
            asked["response_type"],
            asked["code_challenge_method"],
        )
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return RedirectResponse(
            f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
        )

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(form["code"], None)
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        right = (
            asked is not None
            and request.headers.get("authorization") == f"Basic {basic}"
            and form["redirect_uri"] == asked["redirect_uri"]
            and _base64(proof) == asked["code_challenge"]
        )
        if asked is None or not right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "a", "token_type": "Bearer", "id_token": self._signed(asked["nonce"])}
        )

    def _signed(self, nonce: str) -> str:
        now = int(time.time())
        ada = {"sub": "42", "email": "ada@example.com", "email_verified": True, "name": "Ada Lovelace"}
        honest = {"iss": self.url, "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300}
        said = {
            name: value
            for name, value in (ada | self.claims | honest | self.lies).items()
            if value is not None
        }
        header = {"alg": self.algorithm, "kid": "1"}
        if self.algorithm == "HS256":
            return _signed_with_a_secret(header, said, self._key.as_pem(private=False))
        return jwt.encode(header, said, self._other if self.stranger else self._key)

    def _keys(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def _userinfo(self) -> dict[str, Any]:
        return self.userinfo


def _signed_with_a_secret(header: dict[str, Any], said: dict[str, Any], secret: bytes) -> str:
    """Sign with what everybody knows, the public key; libraries refuse to do that."""
    parts = [_base64(json.dumps(part).encode()) for part in (header, said)]
    return ".".join([*parts, _base64(hmac.digest(secret, ".".join(parts).encode(), "sha256"))])


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@contextmanager
def oidc_server() -> Iterator[Oidc]:
    """Run a provider."""
    bound = bound_to_a_free_port("127.0.0.1")
    provider = Oidc(f"http://127.0.0.1:{bound.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(provider.app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield provider
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


def path_of(url: str) -> str:
    """Return path and query of a URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
