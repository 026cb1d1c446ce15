"""`fraudstream predict --event`: one event, decided by the workers now, asked through the API as any program asks it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from fraudstream.adapters.extras import check_installed
from fraudstream.adapters.files import secret_in
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.client import Decision

REFUSED = frozenset({400, 409, 422})
"""Statuses that say that this event gets no decision."""
NO_RIGHT = frozenset({401, 403})


class ApiAway(FraudstreamError):
    """The API cannot be reached, or did not decide in time."""

    later = True


def predict_event(event: Path, url: str | None, key_file: Path | None, as_json: bool) -> int:
    """Print the decision about the event in a file; return the exit code. Raises SetupError or ApiAway."""
    check_installed("httpx", what="--event", extra="client")
    from fraudstream.client import ApiError, Client

    settings = Settings()
    scheme = "http" if settings.api_certificate_file is None else "https"
    address = url or f"{scheme}://{settings.api_host}:{settings.api_port}"
    key = None if key_file is None else secret_in(key_file, "--api-key-file")
    asked = event_in(event)
    try:
        with Client(address, key) as client:
            decision = client.predict(asked)
    except ApiError as error:
        if error.status in REFUSED:
            click.echo(str(error), err=True)
            return 1
        if error.status in NO_RIGHT:
            raise SetupError(
                f"{error}; name a key with --api-key-file: fraudstream api-keys create"
            ) from error
        raise ApiAway(f"{address}: {error}") from error
    click.echo(msgspec.json.encode(decision.raw).decode() if as_json else "\n".join(_lines(decision)))
    return 0


def event_in(path: Path) -> dict[str, Any]:
    """Return the event in a JSON file; raises SetupError."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return msgspec.json.decode(content, type=dict[str, Any])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} does not hold one event as a JSON object: {error}") from error


def _lines(decision: "Decision") -> list[str]:
    """Return what a person wants to know first."""
    by = decision.release or f"model {decision.model_version}, rules {decision.ruleset_version}"
    told = {
        "id": decision.transaction_id,
        "outcome": decision.outcome,
        "score": f"{decision.score} (probability {decision.probability:.4f})",
        "rules": ", ".join(decision.rules),
        "reasons": "; ".join(decision.reasons),
        "degraded": ", ".join(decision.degraded),
        "decided by": by,
    }
    return [f"{name:<10} {value}" for name, value in told.items() if value]
