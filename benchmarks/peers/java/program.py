"""Builds a Java program with Maven, once for each version of its source, and says how it is started."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fraudstream.adapters.broker.java import JAVA_MAJOR_MIN, Java, major_version

SHARED = Path(__file__).parent
"""What both programs are built from beside their own source."""
HEAP = "-Xmx1g"
BUILD_TIMEOUT_S = 300.0
"""The first build downloads Kafka Streams or Flink, RocksDB and Maven's own plugins, 100 to 200 MB."""


class CannotBuild(Exception):
    """The program cannot be built here; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A program's source."""

    name: str
    """Its folder, with - for _, and what its jar begins with."""
    main_class: str
    library: str
    """The jar whose version a table of results shows."""
    java_options: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its pom.xml is."""
        return SHARED.parent / self.name.replace("-", "_")

    def files(self) -> Iterable[Path]:
        """Return the files Maven reads."""
        roots = (self.folder / "src", SHARED / "src")
        found = (path for root in roots for path in root.rglob("*") if path.is_file())
        return [self.folder / "pom.xml", *sorted(found)]

    def digest(self) -> str:
        """Return 16 hexadecimal digits that change with every change of the source."""
        digest = hashlib.sha256()
        for path in self.files():
            digest.update(
                path.relative_to(SHARED.parent).as_posix().encode() + b"\0" + path.read_bytes() + b"\0"
            )
        return digest.hexdigest()[:16]


KAFKA_STREAMS = Source("kafka-streams", "fraudstream.benchmarks.Main", "kafka-streams")
FLINK = Source(
    "flink",
    "fraudstream.benchmarks.FlinkMain",
    "flink-runtime",
    ("--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED"),
)


@dataclass(frozen=True, slots=True)
class Program:
    """The built program."""

    source: Source
    java: Java
    folder: Path

    @property
    def versions(self) -> dict[str, str]:
        """What a table of results says of it."""
        jar = next((self.folder / "lib").glob(f"{self.source.library}-[0-9]*.jar"))
        version = jar.stem.removeprefix(f"{self.source.library}-")
        return {self.source.name: version, "java": str(self.java.major)}

    def command(self, arguments: dict[str, object]) -> list[str]:
        """Return the command line that runs it."""
        options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
        jar = self.folder / f"{self.source.name}-peer.jar"
        classpath = f"{jar}{os.pathsep}{self.folder / 'lib' / '*'}"
        flags = (HEAP, *self.java.flags(), *self.source.java_options)
        return [str(self.java.path), *flags, "-cp", classpath, self.source.main_class, *options]


def built(source: Source, cache: Path) -> Program:
    """Return the program, building it in a folder of the cache if this source has not been built there; raises CannotBuild."""
    maven, java = find_maven(), find_jdk()
    folder = cache / source.digest()
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=cache))
        try:
            _build(source, maven, java, scratch)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)  # nothing is left of it after a good build
    return Program(source, java, folder.resolve())


def find_maven() -> str:
    """Return Maven's command; raises CannotBuild."""
    found = shutil.which("mvn")
    if found is None:
        raise CannotBuild("Maven (mvn) is not on the search path")
    return found


def find_jdk() -> Java:
    """Return the Java of $JAVA_HOME, else of the search path, that comes with a compiler; raises CannotBuild."""
    home, on_path = os.environ.get("JAVA_HOME"), shutil.which("javac")
    compilers = [Path(home, "bin", "javac")] if home else [Path(on_path).resolve()] if on_path else []
    for compiler in compilers:
        java = compiler.with_name("java")
        major = major_version(java)
        if compiler.exists() and major is not None and major >= JAVA_MAJOR_MIN:
            return Java(java, major)
    where = f"$JAVA_HOME ({home})" if home else "the search path"
    raise CannotBuild(f"there is no JDK {JAVA_MAJOR_MIN} or newer on {where}")


def _build(source: Source, maven: str, java: Java, folder: Path) -> None:
    command = [
        maven,
        *("-q", "-B", "-f", str(source.folder / "pom.xml"), f"-Dpeer.build={folder.resolve()}", "package"),
    ]
    environment = {**os.environ, "JAVA_HOME": str(java.path.parent.parent)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise CannotBuild(f"Maven was not done after {BUILD_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        raise CannotBuild(f"Maven could not build it: {lines[0][:300] if lines else 'it did not say why'}")
