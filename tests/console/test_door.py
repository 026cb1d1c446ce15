"""What every request to the console goes through."""

import httpx
import pytest

from fraudstream.console.app import Console
from fraudstream.console.arriving import FILE_BYTES_MAX
from tests.console.conftest import Shared
from tests.console.visiting import guest, newcomer

HOSTS = [
    ({}, "evil.example", 421),
    ({}, "evil.example:8090", 421),
    ({}, "127.0.0.1:8090", 200),
    ({}, "localhost", 200),
    ({}, "10.1.2.3", 200),
    ({}, "[::1]:8090", 200),
    ({}, "127.0.0.1@evil.example", 421),
    ({"console_url": "https://fraud.example.com"}, "fraud.example.com", 200),
    ({"console_url": "https://fraud.example.com"}, "evil.example", 421),
    ({"console_url": "https://fraud.example.com"}, "10.1.2.3", 421),
    ({"console_host": "0.0.0.0"}, "any.example", 200),
]


@pytest.mark.parametrize(("changed", "host", "status"), HOSTS)
def test_the_console_answers_under_its_own_names_only(
    shared_console: Shared, changed: dict[str, str], host: str, status: int
) -> None:
    """A page elsewhere, whose name now leads here, cannot read ours."""
    found = shared_console(**changed)

    assert status == guest(found).http.get("/login", headers={"Host": host}).status_code


def test_every_answer_forbids_what_pages_do_not_need(shared_console: Shared) -> None:
    """Scripts from elsewhere or within a page, frames, and copies in caches."""
    for path in ("/login", "/nowhere", "/health", "/static/console.css"):
        headers = guest(shared_console()).http.get(path).headers

        assert "script-src 'self';" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert "DENY" == headers["x-frame-options"]
        assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")


def test_a_card_number_in_an_address_is_refused(shared_console: Shared) -> None:
    """Addresses end up in logs; it is not repeated."""
    answer = guest(shared_console()).http.get("/search?q=4111111111111111")

    assert 400 == answer.status_code
    assert "4111" not in answer.text


def test_a_form_that_is_too_large_is_refused(shared_console: Shared) -> None:
    """By what it says, and by what it is."""
    who = newcomer(shared_console(), "analyst")
    said = who.http.post("/logout", content=b"a", headers={"Content-Length": "999999999"})

    assert 413 == said.status_code


def test_a_file_that_is_too_large_is_refused_with_the_command_that_takes_it(shared_console: Shared) -> None:
    """More than forms may have is right for a file; what is no form with a file has the limit of forms."""
    who = newcomer(shared_console(), "lead")

    def sent(size: int, kind: str) -> httpx.Response:
        headers = {"Content-Length": str(size), "Content-Type": kind}
        return who.http.post("/lists/stolen/upload", content=b"a", headers=headers)

    refused = sent(FILE_BYTES_MAX + 1, "multipart/form-data; boundary=x")

    assert (413, True) == (refused.status_code, "fraudstream lists import" in refused.text)
    assert 413 != sent(FILE_BYTES_MAX, "multipart/form-data; boundary=x").status_code
    assert 413 == sent(FILE_BYTES_MAX, "application/x-www-form-urlencoded").status_code


def test_only_pages_that_read_files_as_they_arrive_take_any(shared_console: Shared) -> None:
    """Others would put them on a disk."""
    who = newcomer(shared_console(), "lead")
    answer = who.http.post("/logout", data={"csrf": who.csrf}, files={"file": ("a.csv", b"4111111111111111")})

    assert 400 == answer.status_code
    assert "4111" not in answer.text


def test_what_is_not_there_is_a_page(shared_console: Shared) -> None:
    """With the navigation for those who are logged in, and without repeating the address."""
    said = newcomer(shared_console(), "admin").get("/nowhere<script>", 404)

    assert "There is no such page." in said
    assert "Log out" in said
    assert "nowhere" not in said


def test_health_and_metrics_tell_what_runs_beside_the_pages(console: Console) -> None:
    """To everybody: they hold nothing of a payment or a person."""
    who = guest(console)
    assert '{"status":"ok","problems":[]}' == who.get("/health")

    async def stop() -> None:
        """End at once."""

    console.beside("cases", stop)
    console.background[-1]._failed = "cases cannot do its work"
    assert '{"status":"unavailable","problems":["cases cannot do its work"]}' == who.get("/health", 503)
    assert 'fraudstream_console_task_up{task="cases"} 0.0' in who.get("/metrics")
