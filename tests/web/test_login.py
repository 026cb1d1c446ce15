"""Who may see the pages: over real HTTP, with real scrypt."""

import base64
import time
from pathlib import Path

import pytest

from fraudstream.adapters.secrets.password_files import password_hash, put_user
from fraudstream.domain.errors import SetupError
from fraudstream.web import Login, passwords
from tests.web.fake_worker import CARD, ELSEWHERE, NOW_MS, FakeWorker, a_decision
from tests.web.people import cheap_hash
from tests.web.served import Serve, Site

PASSWORD = "correct-hörse-battery: staple"
TOKEN = "0123456789abcdef" * 4
EVERYTHING = (
    "/",
    "/alerts",
    "/metrics",
    "/static/style.css",
    "/api/v1/health",
    "/api/v1/summary",
    "/nothing",
)


@pytest.fixture(autouse=True)
def quick_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer wrong passwords sooner than after a second; tests/web/test_guessing.py is about that."""
    monkeypatch.setattr(passwords, "WRONG_S", 0.05)


@pytest.fixture
def users_file(tmp_path: Path) -> Path:
    """A file with one user, ada."""
    path = tmp_path / "users"
    put_user(path, "ada", cheap_hash(PASSWORD))
    return path


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file with the token."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def guarded(users_file: Path | None = None, token_file: Path | None = None) -> Login:
    """A login, wherever the pages are bound to."""
    login = Login.wanted("127.0.0.1", users_file, token_file, without_login=False)
    assert login is not None
    return login


async def status(site: Site, path: str, authorization: str | None = None) -> int:
    """GET with an Authorization header and return the status."""
    headers = {} if authorization is None else {"Authorization": authorization}
    async with site.http.get(site.url + path, headers=headers) as response:
        await response.read()
        return response.status


def basic(name: str, password: str) -> str:
    """Return the header a browser sends."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


async def test_without_login_nothing_is_shown(serve: Serve, users_file: Path, token_file: Path):
    """Not a page, not a metric, not even which addresses exist; but how to log in."""
    site = await serve(FakeWorker(), login=guarded(users_file, token_file))
    for path in EVERYTHING:
        async with site.http.get(site.url + path) as response:
            text = await response.text()

            assert 401 == response.status, path
            challenges = response.headers.getall("WWW-Authenticate")
            assert ["Basic", "Bearer"] == [challenge.split(" ")[0] for challenge in challenges]
            assert "card-20200601" not in text
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_with_name_and_password_pages_are_as_ever(serve: Serve, users_file: Path):
    """Colons, spaces and umlauts are fine in a password; the password alone, or another's name, is not."""
    site = await serve(FakeWorker(), login=guarded(users_file))

    assert 200 == await status(site, "/", basic("ada", PASSWORD))
    assert 404 == await status(site, "/nothing", basic("ada", PASSWORD))
    assert 401 == await status(site, "/", basic("ada", PASSWORD + "!"))
    assert 401 == await status(site, "/", basic("eve", PASSWORD))


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic !!", "Basic YWRh", "Basic /w==", f"Bearer {TOKEN}", "Digest x", "é"]
)
async def test_what_is_no_login_is_a_401(serve: Serve, users_file: Path, authorization: str):
    """Never a 500; a token is not known where none is set."""
    site = await serve(FakeWorker(), login=guarded(users_file))

    assert 401 == await status(site, "/api/v1/summary", authorization)


async def test_a_token_opens_everything(serve: Serve, token_file: Path):
    """For Prometheus and scripts; half of it does not."""
    site = await serve(FakeWorker(), login=guarded(token_file=token_file))

    assert 200 == await status(site, "/metrics", f"Bearer {TOKEN}")
    assert 200 == await status(site, "/api/v1/summary", f"bearer {TOKEN}")
    assert 401 == await status(site, "/metrics", f"Bearer {TOKEN[:32]}")
    assert 401 == await status(site, "/metrics", "Bearer ")
    assert 401 == await status(site, "/metrics", basic("ada", TOKEN))


async def test_health_needs_no_login_and_then_shows_the_status_only(serve: Serve, token_file: Path):
    """A probe needs no secret, a stranger no details; with login they are there."""
    site = await serve(FakeWorker(), login=guarded(token_file=token_file))
    async with site.http.get(f"{site.url}/health", headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        everything = await response.json()

    assert {"status": "ok"} == await site.json("/health")
    assert {"status", "problems", "versions", "partitions"} == set(everything)
    async with site.http.get(f"{site.url}/health", headers={"Accept": "text/html"}) as response:
        assert {"status": "ok"} == await response.json()
    for method, query in (("POST", ""), ("GET", "?x=1")):
        async with site.http.request(method, f"{site.url}/health{query}") as response:
            assert {"error"} == set(await response.json())


async def test_an_unhealthy_worker_answers_503_without_a_login_too(serve: Serve, token_file: Path):
    """Docker's health check depends on it."""
    site = await serve(FakeWorker(stalled_after_s=0.0), login=guarded(token_file=token_file))
    site.worker.health = type(site.worker.health)(False)

    assert {"status": "recovering"} == await site.json("/health", status=503)


async def test_scrypt_is_paid_once(serve: Serve, users_file: Path):
    """A dashboard asks every second; the password itself is remembered nowhere."""
    put_user(users_file, "ada", password_hash(PASSWORD))
    login = guarded(users_file)
    site = await serve(FakeWorker(), login=login)
    started = time.process_time()
    await status(site, "/", basic("ada", PASSWORD))
    with_scrypt = time.process_time() - started
    for _ in range(20):
        assert 200 == await status(site, "/api/v1/summary", basic("ada", PASSWORD))

    assert time.process_time() - started < 10 * with_scrypt
    passwords = vars(vars(login)["_passwords"])
    assert PASSWORD not in str(passwords)
    assert PASSWORD.encode() not in b"".join(passwords["_known"].values())


async def test_workers_send_each_other_the_token(serve: Serve, token_file: Path):
    """A card on another worker is found as before; without the token the answer is "unknown", not "not found"."""
    login = guarded(token_file=token_file)
    holder = await serve(FakeWorker(activity={ELSEWHERE: [(NOW_MS, 100)]}), login=login)
    holder.worker.decide(a_decision("t-1", "block", card=ELSEWHERE))
    asked = await serve(FakeWorker(activity={ELSEWHERE: None}, peers=[holder.url]), login=login)
    stranger = await serve(FakeWorker(activity={ELSEWHERE: None}, peers=[holder.url]))

    assert 200 == await status(asked, f"/api/v1/cards/{ELSEWHERE}", f"Bearer {TOKEN}")
    assert 503 == await status(stranger, f"/api/v1/cards/{ELSEWHERE}")


async def test_secrets_are_in_no_log(
    serve: Serve, users_file: Path, token_file: Path, caplog: pytest.LogCaptureFixture
):
    """Whatever happens to the request."""
    caplog.set_level("DEBUG")
    login = guarded(users_file, token_file)
    site = await serve(FakeWorker(weeks={CARD: (1, 2.0)}), login=login)  # type: ignore[dict-item]
    right, wrong = basic("ada", PASSWORD), basic("ada", "wrong-password")
    for authorization in (right, wrong, f"Bearer {TOKEN}"):
        await status(site, f"/api/v1/cards/{CARD}", authorization)

    assert "a page failed" in caplog.text
    for secret in (PASSWORD, "wrong-password", TOKEN, right, wrong):
        assert secret not in caplog.text
        assert secret not in repr(login)


def test_pages_for_others_without_login_are_a_setup_error():
    """One sentence with the three ways out; on loopback nothing changes."""
    with pytest.raises(SetupError, match=r"web-user NAME.*WEB_TOKEN_FILE.*WEB_WITHOUT_LOGIN=true"):
        Login.wanted("0.0.0.0", None, None, without_login=False)

    assert Login.wanted("0.0.0.0", None, None, without_login=True) is None
    assert Login.wanted("127.0.0.1", None, None, without_login=False) is None


def test_a_users_or_token_file_requires_a_login_whatever_else_is_set(token_file: Path):
    """If two settings contradict each other, the safer one counts."""
    assert Login.wanted("0.0.0.0", None, token_file, without_login=True) is not None


@pytest.mark.parametrize("content", [None, "", "short-secret", "with spaces " * 5, "ü" * 40])
def test_an_unsuitable_token_is_refused_without_being_repeated(tmp_path: Path, content: str | None):
    """The sentence says how to make one."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SetupError, match="openssl rand -hex 32") as refused:
        guarded(token_file=path)

    assert not content or content.strip() not in str(refused.value)
