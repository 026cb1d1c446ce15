"""One event to one receiver: signed, never to where it must not go, and never waited for without end."""

import re
import time
from pathlib import Path

import pytest

from fraudstream.adapters.files import sha256_of
from fraudstream.adapters.secrets.webhook_key import read_or_made, secret_of
from fraudstream.domain.errors import SetupError
from fraudstream.webhooks.addresses import check_url, is_public
from fraudstream.webhooks.sending import Event, Sender
from fraudstream.webhooks.signing import SIGNATURE_HEADER, signature
from tests.webhooks.receivers import always, hanging, receiving

DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"
EVENT = Event("e-1", b'{"id":"e-1"}', 3)


async def test_an_event_arrives_with_its_id_and_a_signature_that_the_docs_can_check() -> None:
    """The snippet of the docs is run as it stands there."""
    snippet = re.search(r"```python\n(import hashlib.*?)```", DOCS.read_text(), re.DOTALL)
    assert snippet is not None
    space: dict[str, object] = {}
    exec(snippet[1], space)
    is_ours = space["is_ours"]
    assert callable(is_ours)
    async with receiving() as got, Sender(5, private=True) as sender:
        assert "" == await sender.send(got.url, "whsec_1", EVENT)
    ((headers, body),) = got.requests

    assert ("e-1", "3", EVENT.body) == (headers["Fraudstream-Id"], headers["Fraudstream-Attempt"], body)
    assert is_ours("whsec_1", headers[SIGNATURE_HEADER], body)
    assert not is_ours("whsec_2", headers[SIGNATURE_HEADER], body)
    assert not is_ours("whsec_1", headers[SIGNATURE_HEADER], body + b" ")
    assert not is_ours("whsec_1", signature("whsec_1", int(time.time()) - 3_600, body), body)


@pytest.mark.parametrize("status", [199 + 101, 302, 307, 400, 410, 500, 503])
async def test_only_a_status_of_success_says_that_it_has_arrived(status: int) -> None:
    """A redirect is not followed: it could lead anywhere."""
    async with receiving(always(status)) as got, Sender(5, private=True) as sender:
        problem = await sender.send(got.url, "s", EVENT)

    assert f"answered with status {status}" == problem
    assert 1 == len(got.requests)


async def test_who_hangs_or_is_away_is_not_waited_for() -> None:
    """Longer than is set."""
    async with receiving(hanging) as got, Sender(0.2, private=True) as sender:
        assert "did not answer within 0.2 s" == await sender.send(got.url, "s", EVENT)
        url = got.url
    async with Sender(5, private=True) as sender:
        assert (await sender.send(url, "s", EVENT)).startswith("cannot be reached")


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433"])
async def test_a_name_of_a_private_address_is_not_asked(host: str) -> None:
    """Whatever form it is written in; it is looked up when it is asked, not only when it is added."""
    async with receiving() as got, Sender(5, private=False) as sender:
        port = got.url.rsplit(":", 1)[1]
        problem = await sender.send(f"https://{host}:{port}", "s", EVENT)

    assert problem.startswith("cannot be reached")
    assert ("not public" in problem) == (host == "localhost")
    assert [] == got.requests


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_private_addresses_are_none_of_the_public_internet(address: str) -> None:
    """Metadata services of clouds and translated addresses among them."""
    assert not is_public(address)
    with pytest.raises(SetupError):
        check_url(f"https://[{address}]/" if ":" in address else f"https://{address}/", private=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org",
        "https://",
        "https://a:b@example.org/",
        "https://[::1",
        "http://example.org/",
        "https://example.org:99999/",
        "https://example.org/" + "x" * 3_000,
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_of_a_receiver_is_refused(url: str) -> None:
    """When it is added."""
    with pytest.raises(SetupError):
        check_url(url, private=False)


def test_secrets_are_made_of_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    """The database has their hashes only; another key makes others."""
    path = tmp_path / "data" / "webhooks.key"
    with pytest.raises(SetupError, match="cannot be read"):
        read_or_made(path, may_make=False)
    key = read_or_made(path, may_make=True)

    assert key == read_or_made(path, may_make=True)
    assert 0o600 == path.stat().st_mode & 0o777
    assert 3 == len({secret_of(key, "a"), secret_of(key, "b"), secret_of(bytes(32), "a")})
    assert 64 == len(sha256_of(secret_of(key, "a").encode()))
