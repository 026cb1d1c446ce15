"""Kafka's jars: a cache that needs no network, replaces damaged files, and never runs a jar with another checksum."""

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from fraudstream.adapters.broker import BrokerError, jars
from fraudstream.adapters.broker.jars import CACHE_VARIABLE, REPOSITORY_VARIABLE, classpath
from fraudstream.adapters.broker.lock import Jar, locked

UNREACHABLE = "http://127.0.0.1:9/maven"
SMALL = min(locked().jars, key=lambda jar: jar.size)


class Repository(http.server.BaseHTTPRequestHandler):
    """A Maven repository with a few jars in it, some of them damaged."""

    contents: ClassVar[dict[str, bytes]] = {}
    length_claimed: ClassVar[int | None] = None
    asked_for: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Serve a jar by its file name; checksums are not published here."""
        name = self.path.rsplit("/", 1)[-1]
        self.asked_for.append(self.path)
        body = self.contents.get(name)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(self.length_claimed or len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's name
        """Keep the test's output clean."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Repository]]:
    """Serve an empty Maven repository over HTTP and point downloads to it."""

    class Fresh(Repository):
        contents: ClassVar[dict[str, bytes]] = {}
        asked_for: ClassVar[list[str]] = []

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(REPOSITORY_VARIABLE, f"http://127.0.0.1:{server.server_port}/maven/")
        yield Fresh
        server.shutdown()


@pytest.fixture(scope="module")
def real_jars() -> Path:
    """Return the folder with this user's jars, downloaded now if they never were."""
    return classpath()[0].parent


@pytest.fixture
def cache(real_jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a complete cache of this test's own (hard links where possible)."""
    folder = tmp_path / "cache" / real_jars.name
    shutil.copytree(real_jars, folder, copy_function=_link, ignore=shutil.ignore_patterns(".download-*"))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return folder


def _link(source: str, target: str) -> None:
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def rewrite(path: Path, content: bytes) -> None:
    """Replace a file; the other name of a hard link keeps its content."""
    path.unlink()
    path.write_bytes(content)


def test_a_complete_cache_needs_no_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start works offline."""
    monkeypatch.setenv(REPOSITORY_VARIABLE, UNREACHABLE)

    assert {jar.filename for jar in locked().jars} == {path.name for path in classpath()}


def test_without_network_and_cache_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first start does need the network, and says what to do about it."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setenv(REPOSITORY_VARIABLE, UNREACHABLE)
    with pytest.raises(BrokerError) as caught:
        classpath()

    assert f"cannot download Apache Kafka {locked().kafka} from {UNREACHABLE}" in str(caught.value)
    assert "connect to the network once" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_broken_proxy_counts_as_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default repository behind a proxy that is not there."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.delenv(REPOSITORY_VARIABLE, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(BrokerError, match=r"from Maven Central .ProxyError"):
        classpath()


@pytest.mark.parametrize("damage", ["missing", "cut short", "one byte changed"])
def test_only_the_damaged_jar_is_fetched_again(
    cache: Path, repository: type[Repository], damage: str
) -> None:
    """A damaged cache is repaired by one small download, with its progress shown."""
    path = cache / SMALL.filename
    good = path.read_bytes()
    bad = {"cut short": good[:-100], "one byte changed": bytes([good[0] ^ 1]) + good[1:]}
    rewrite(path, bad.get(damage, b""))
    if damage == "missing":
        path.unlink()
    repository.contents[SMALL.filename] = good
    seen: list[tuple[int, int]] = []
    classpath(lambda done, total: seen.append((done, total)))

    assert good == path.read_bytes()
    assert (SMALL.size, SMALL.size) == seen[-1]
    assert {SMALL.filename} == {
        asked.rsplit("/", 1)[-1].removesuffix(".sha1") for asked in repository.asked_for
    }


def test_a_jar_with_other_bytes_is_thrown_away(cache: Path, repository: type[Repository]) -> None:
    """A repository must not make us run other code than we chose."""
    path = cache / SMALL.filename
    repository.contents[SMALL.filename] = b"x" * SMALL.size
    path.unlink()
    with pytest.raises(BrokerError, match=f"{SMALL.filename} from .* is not the file it should be"):
        classpath()

    assert not path.exists()


def test_a_repository_without_the_jar_is_named(cache: Path, repository: type[Repository]) -> None:
    """A company's mirror may not have everything."""
    left_over = cache / ".download-killed"
    left_over.mkdir()
    os.utime(left_over, (0, 0))
    (cache / SMALL.filename).unlink()
    with pytest.raises(BrokerError, match=f"does not serve {SMALL.coordinate}; set {REPOSITORY_VARIABLE}"):
        classpath()

    assert not left_over.exists(), "what a killed download left long ago goes away with the next one"


def test_a_connection_that_breaks_is_tried_again_and_then_named(
    cache: Path, repository: type[Repository]
) -> None:
    """The server promises more bytes than it sends."""
    path = cache / SMALL.filename
    repository.contents[SMALL.filename] = path.read_bytes()
    repository.length_claimed = SMALL.size + 1000
    path.unlink()
    with pytest.raises(BrokerError, match="cannot download Apache Kafka"):
        classpath()

    assert not path.exists()
    assert jars.DOWNLOAD_ATTEMPTS == len([asked for asked in repository.asked_for if asked.endswith(".jar")])


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the cache should be; also what a full or read-only disk looks like."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(BrokerError, match=f"cannot keep Kafka's jars in .*{CACHE_VARIABLE}"):
        classpath()


def test_the_list_of_jars_is_one_kafka() -> None:
    """One version of Kafka throughout, no artifact twice, a logging backend, and checksums that look like some."""
    listed = locked().jars
    kafka = [jar.coordinate.split(":") for jar in listed if jar.coordinate.startswith("org.apache.kafka:")]

    assert {locked().kafka} == {version for _, _, version in kafka}
    assert {"kafka_2.13", "kafka-clients"} <= {artifact for _, artifact, _ in kafka}
    assert len(listed) == len({jar.coordinate.rsplit(":", 1)[0] for jar in listed})
    assert any(jar.filename.startswith("log4j-slf4j-impl-") for jar in listed)
    assert all(64 == len(jar.sha256) and jar.size > 0 for jar in listed)
    assert "a-1.jar" == Jar("g:a:1", 1, "").filename
