"""Which jars make up Kafka: a list with checksums, so that every machine runs the same bytes.

The list is `jars.toml`. To move to another Kafka, run `python -m fraudstream.adapters.broker.lock 4.1.2`: it asks the
Maven repository for the dependency tree (80 small files, 10-15 s: once for us instead of once for every user) and
writes the list anew. `jars.toml` is the only place that names the version.
"""

import hashlib
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOCK = Path(__file__).with_name("jars.toml")

# Kafka's artifact has no logging backend: its distribution adds one, and so do we, in the version Kafka itself uses.
KAFKA = "org.apache.kafka:kafka_2.13"
LOG_API = "org.apache.logging.log4j:log4j-core"
LOG_BACKEND = "org.apache.logging.log4j:log4j-slf4j-impl"


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar of the classpath: its Maven coordinate (group:artifact:version), its size in bytes, its SHA-256."""

    coordinate: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """Return the name Maven gives the file."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


@dataclass(frozen=True, slots=True)
class Lock:
    """Kafka's version and all jars of its classpath."""

    kafka: str
    jars: tuple[Jar, ...]

    @property
    def size(self) -> int:
        """Return the bytes of all jars together."""
        return sum(jar.size for jar in self.jars)


@cache
def locked() -> Lock:
    """Read the list."""
    table = tomllib.loads(LOCK.read_text())
    return Lock(table["kafka"], tuple(Jar(*jar) for jar in table["jars"]))


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve(version: str, repository: Path) -> tuple[Jar, ...]:
    """Walk the dependency tree of Kafka `version` with jgo; downloads into the Maven repository folder given.

    The logging backend is added to the finished tree, not resolved with it: jgo takes every root for a bill of
    materials, and log4j's would have put an older kafka-clients on the classpath.
    """
    from jgo.maven import MavenContext, PythonResolver

    maven = MavenContext(resolver=PythonResolver(), repo_cache=repository)
    named, transitive = maven.resolver.resolve([maven.create_dependency(f"{KAFKA}:{version}")])
    artifacts = [dependency.artifact for dependency in (*named, *transitive)]
    logging_version = next(a.version for a in artifacts if LOG_API == f"{a.groupId}:{a.artifactId}")
    artifacts.append(maven.create_dependency(f"{LOG_BACKEND}:{logging_version}").artifact)
    paths = {f"{a.groupId}:{a.artifactId}:{a.version}": a.resolve() for a in artifacts}
    return tuple(Jar(name, path.stat().st_size, sha256(path)) for name, path in sorted(paths.items()))


def lock_text(version: str, jars: Sequence[Jar]) -> str:
    """Write the list as TOML."""
    rows = "".join(f'    ["{jar.coordinate}", {jar.size}, "{jar.sha256}"],\n' for jar in jars)
    return (
        "# Written by `python -m fraudstream.adapters.broker.lock VERSION`: coordinate, bytes, SHA-256.\n"
        f'kafka = "{version}"\njars = [\n{rows}]\n'
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        LOCK.write_text(lock_text(sys.argv[1], resolve(sys.argv[1], Path(scratch))))
