"""Kafka's jars on this machine: downloaded once per user from a Maven repository, found without a network after that."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fraudstream.adapters.broker.errors import BrokerError
from fraudstream.adapters.broker.lock import Jar, locked, sha256
from fraudstream.adapters.extras import extras_named
from fraudstream.settings.variables import CACHE_VARIABLE, REPOSITORY_VARIABLE

DOWNLOADS_AT_ONCE = 6
"""Most jars are small, so latency matters more than bandwidth."""

DOWNLOAD_ATTEMPTS = 3
RETRY_PAUSE_S = 0.3

SCRATCH_PREFIX = ".download-"
SCRATCH_STALE_AFTER_S = 3600.0
"""A download's scratch folder older than this was left by a process that was killed."""

OnBytes = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all) while jars are downloaded, from several threads, one at a time."""


def cache_dir() -> Path:
    """Return the directory that keeps downloads for this user."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "fraudstream"


def classpath(on_bytes: OnBytes | None = None) -> list[Path]:
    """Return Kafka's jars, downloading what is missing or damaged.

    Raises BrokerError if a needed jar cannot be downloaded.
    """
    return kept(locked().jars, on_bytes)


def kept(jars: Sequence[Jar], on_bytes: OnBytes | None = None) -> list[Path]:
    """Return some jars of this Kafka version, as above."""
    folder = cache_dir() / f"kafka-{locked().kafka}"
    missing = [jar for jar in jars if not _is_whole(folder / jar.filename, jar)]
    if missing:
        _download(missing, folder, on_bytes or _silent)
    return [folder / jar.filename for jar in jars]


def _is_whole(path: Path, jar: Jar) -> bool:
    """Tell whether a kept jar is byte for byte what it should be; all of them take 0.03 s."""
    try:
        return path.stat().st_size == jar.size and sha256(path) == jar.sha256
    except OSError:
        return False


def _silent(done_bytes: int, total_bytes: int) -> None:
    """Show no progress."""


class _Tally:
    """Adds up what several threads have downloaded."""

    def __init__(self, total_bytes: int, on_bytes: OnBytes) -> None:
        self.total_bytes = total_bytes
        self.done_bytes = 0
        self.on_bytes = on_bytes
        self.lock = threading.Lock()

    @contextmanager
    def file(self, _filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        """Count one file; the shape of a progress callback of jgo."""
        yield self.add

    def add(self, count: int) -> None:
        with self.lock:
            self.done_bytes += count
            self.on_bytes(self.done_bytes, self.total_bytes)


def _download(jars: list[Jar], folder: Path, on_bytes: OnBytes) -> None:
    """Fetch jars side by side; each appears in `folder` only when it is complete and its checksum is right."""
    maven_repository = os.environ.get(REPOSITORY_VARIABLE, "").rstrip("/")
    tally = _Tally(sum(jar.size for jar in jars), on_bytes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale_scratch(folder)
        with (
            tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=folder) as scratch,
            ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
        ):
            maven = _maven(Path(scratch), maven_repository, tally)
            fetched = [pool.submit(_fetch, maven, jar, folder) for jar in jars]
            try:
                for future in fetched:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    except OSError as error:
        raise BrokerError(_why(error, folder, maven_repository)) from error


def _remove_stale_scratch(folder: Path) -> None:
    for scratch in folder.glob(f"{SCRATCH_PREFIX}*"):
        if time.time() - scratch.stat().st_mtime > SCRATCH_STALE_AFTER_S:
            shutil.rmtree(scratch, ignore_errors=True)


def _maven(scratch: Path, repository: str, tally: _Tally) -> Any:
    """Return jgo's view of the Maven repository, with `scratch` as its local folder."""
    with extras_named():
        from jgo.maven import MavenContext, PythonResolver
    resolver = PythonResolver(progress_callback=tally.file)
    return MavenContext(
        resolver=resolver, repo_cache=scratch, remote_repos={"configured": repository} if repository else None
    )


def _fetch(maven: Any, jar: Jar, folder: Path) -> None:
    """Download one jar, check it and move it into `folder`."""
    path = _downloaded(maven, jar)
    if sha256(path) != jar.sha256:
        raise BrokerError(
            f"{jar.filename} from {_source(maven)} is not the file it should be (its SHA-256 differs), "
            f"so it was deleted; try again, or set {REPOSITORY_VARIABLE} to a repository you trust"
        )
    path.replace(folder / jar.filename)


def _downloaded(maven: Any, jar: Jar) -> Path:
    """Download one jar into the scratch folder; a failure is tried again, because most of them pass."""
    artifact = maven.create_dependency(jar.coordinate).artifact
    for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
        try:
            return Path(artifact.resolve())
        except OSError:  # requests' exceptions are OSErrors: no network, a reset, a short answer
            if attempt == DOWNLOAD_ATTEMPTS:
                raise
        except RuntimeError as error:  # jgo's word for an HTTP status other than 200
            if attempt == DOWNLOAD_ATTEMPTS:
                raise BrokerError(
                    f"{_source(maven)} does not serve {jar.coordinate}; set {REPOSITORY_VARIABLE} to one that does"
                ) from error
        shutil.rmtree(artifact.cached_path.parent, ignore_errors=True)
        time.sleep(RETRY_PAUSE_S * attempt)
    raise AssertionError("the last attempt returns or raises")


def _source(maven: Any) -> str:
    return str(next(iter(maven.remote_repos.values())))


def _why(error: OSError, folder: Path, repository: str) -> str:
    """Say in one sentence why a download failed."""
    if error.errno is not None and error.filename is not None:
        return f"cannot keep Kafka's jars in {folder} ({error.strerror}); make room there, or set {CACHE_VARIABLE} to another directory"
    return (
        f"cannot download Apache Kafka {locked().kafka} from {repository or 'Maven Central'} "
        f"({type(error).__name__}); connect to the network once, or set {REPOSITORY_VARIABLE} to a mirror that you can reach"
    )
