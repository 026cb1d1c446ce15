"""An OpenID Connect provider: the authorization code flow with PKCE and nonce, by Authlib."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from authlib.integrations.base_client import OAuthError
from joserfc.errors import JoseError

from fraudstream.adapters.files import secret_in
from fraudstream.domain.errors import FraudstreamError, SetupError

logger = logging.getLogger(__name__)

SIGNATURES = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""How an id token may be signed: never not at all, and never with a secret that others have, too."""

TIMEOUT_S = 10.0
SCOPE = "openid email profile"
VERIFIED = "email"
"""A claim of this name only counts if the provider has verified it: anybody can type an address."""


class ProviderUnavailable(FraudstreamError):
    """The provider does not answer, or not as a provider does."""

    later = True


class NotBelieved(FraudstreamError):
    """What came back is not what the provider says of somebody who has just logged in for us."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that has begun; a browser keeps it until it comes back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider has logged in."""

    subject: str
    """Issuer and subject: what identifies them for ever."""
    name: str
    shown: str


class Provider:
    """The provider of the settings."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None, name_claim: str) -> None:
        self.issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._name_claim = name_claim
        self._app: Any = _client(
            name="oidc",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{self.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": SCOPE,
                "code_challenge_method": "S256",
                "timeout": TIMEOUT_S,
                "token_endpoint_auth_method": "client_secret_basic" if client_secret else "none",
            },
        )

    async def begin(self, redirect_uri: str) -> tuple[str, Begun]:
        """Return where to send a browser, and what it has to keep; raises ProviderUnavailable."""
        await self._load()
        try:
            made = await self._app.create_authorization_url(redirect_uri)
        except (httpx.HTTPError, RuntimeError) as error:
            raise self._unavailable(error) from error
        return str(made["url"]), Begun(made["state"], made["nonce"], made["code_verifier"])

    async def finish(self, code: str, begun: Begun, redirect_uri: str) -> Identity:
        """Return who has logged in; raises ProviderUnavailable or NotBelieved."""
        await self._load()
        try:
            token = await self._app.fetch_access_token(
                code=code, code_verifier=begun.verifier, redirect_uri=redirect_uri
            )
            expected = {
                "iss": {"essential": True, "value": self._app.server_metadata["issuer"]},
                "aud": {"essential": True, "value": self._client_id},
            }
            claims = await self._app.parse_id_token(token, nonce=begun.nonce, claims_options=expected)
            if claims is None:
                raise NotBelieved("the login provider sent no id token")
            if self._name_claim not in claims and "userinfo_endpoint" in self._app.server_metadata:
                more = await self._app.userinfo(token=token)
                if more.get("sub") == claims["sub"]:
                    claims = {**more, **claims}
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        except (OAuthError, JoseError, ValueError, KeyError, TypeError) as error:
            logger.warning("a login by %s is not believed: %s: %s", self.issuer, type(error).__name__, error)
            raise NotBelieved("the login provider's answer is not valid; log in again") from error
        return self._identity(claims)

    def _identity(self, claims: Any) -> Identity:
        name = str(claims.get(self._name_claim) or "").strip().lower()
        if not name:
            raise NotBelieved(f"the login provider does not say your {self._name_claim}")
        if self._name_claim == VERIFIED and claims.get("email_verified") is not True:
            raise NotBelieved("the login provider has not verified your e-mail address")
        return Identity(f"{self.issuer}|{claims['sub']}", name, str(claims.get("name") or name))

    async def _load(self) -> None:
        """Read what the provider says of itself, once it has answered well."""
        try:
            metadata = await self._app.load_server_metadata()
        except (httpx.HTTPError, ValueError) as error:
            raise self._unavailable(error) from error
        if not isinstance(metadata, dict) or str(metadata.get("issuer", "")).rstrip("/") != self.issuer:
            self._app.server_metadata.pop("_loaded_at", None)
            raise ProviderUnavailable(f"{self.issuer} is not the issuer that its configuration names")
        given = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [each for each in given if each in SIGNATURES]

    def _unavailable(self, error: Exception) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"the login provider {self.issuer} does not answer ({type(error).__name__})"
        )


def _client(**said: Any) -> Any:
    """Return Authlib's client; importing it takes long, and warns that it will need a successor of httpx."""
    from authlib.deprecate import AuthlibDeprecationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AuthlibDeprecationWarning)
        from authlib.integrations.starlette_client import OAuth

    return OAuth().register(**said)


def client_secret_in(path: Path | None) -> str | None:
    """Return the client's secret in a file, None without one; raises SetupError."""
    if path is None:
        return None
    secret = secret_in(path, "FRAUDSTREAM_OIDC_CLIENT_SECRET_FILE")
    if not secret:
        raise SetupError(f"FRAUDSTREAM_OIDC_CLIENT_SECRET_FILE={path} is empty")
    return secret
