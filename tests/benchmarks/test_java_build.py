"""Building the peers in Java: what is missing is said, and nothing is built twice."""

from pathlib import Path

import pytest

from benchmarks.peers.java.program import FLINK, KAFKA_STREAMS, CannotBuild, Source, built, find_jdk


def test_without_maven_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The benchmark shows this sentence and goes on without the contestant."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CannotBuild, match=r"^Maven \(mvn\) is not on the search path$"):
        built(KAFKA_STREAMS, tmp_path)


def test_without_a_compiler_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Java without javac runs the broker but builds nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(CannotBuild, match=r"^there is no JDK 17 or newer on the search path$"):
        find_jdk()


def test_a_java_home_without_a_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Maven would take it all the same, and fail with a page of text."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(CannotBuild, match=r"^there is no JDK 17 or newer on \$JAVA_HOME \(.*\)$"):
        find_jdk()


@pytest.mark.parametrize(
    ("source", "own"),
    [
        (KAFKA_STREAMS, {"Main.java", "FraudProcessor.java"}),
        (FLINK, {"FlinkMain.java", "DecideFunction.java"}),
    ],
)
def test_another_source_is_another_program(source: Source, own: set[str]) -> None:
    """The digest names the folder of the build, and covers the program, what it depends on and what both share."""
    names = {path.name for path in source.files()}

    assert {"pom.xml", "TenMinutes.java", *own} <= names
    assert 16 == len(source.digest())
    assert KAFKA_STREAMS.digest() != FLINK.digest()
