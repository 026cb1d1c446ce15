"""The directory of a prediction that is not finished: a manifest, and two files a slice. It lies beside the file to be made."""

import fcntl
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fraudstream.adapters.files import write_atomically
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.predict.columns import as_text

MANIFEST, LOCK = "prediction.json", "lock"


class InUse(FraudstreamError):
    """Another process makes the same file."""

    later = True


class Made(NamedTuple):
    """A slice that is decided."""

    number: int
    rows: bytes
    """Of the output, as they are kept."""
    changes: bytes
    """Of what is remembered."""
    summary: Mapping[str, Any]


class Directory:
    """What is finished of a prediction. Opened with `opened`, which lets one process in."""

    def __init__(self, out: Path, path: Path, job: str) -> None:
        self.job = job
        """The id of its job."""
        self._out, self._path = out, path
        self.is_csv = out.suffix == ".csv"
        """Whether slices are kept as CSV; otherwise as Parquet."""

    def finished(self) -> list[dict[str, Any]]:
        """Return the summary of every finished slice, in order."""
        found: list[dict[str, Any]] = []
        while (summary := self._file(len(found), "json")).exists():
            found.append(json.loads(summary.read_bytes()))
        return found

    def changes(self, number: int) -> bytes:
        """Return what a finished slice has changed of what is remembered."""
        return self._file(number, "state").read_bytes()

    def keep(self, made: Made) -> None:
        """Keep a slice; it counts as finished when its summary is there, which comes last."""
        write_atomically(self._file(made.number, "rows"), made.rows)
        write_atomically(self._file(made.number, "state"), made.changes)
        write_atomically(self._file(made.number, "json"), json.dumps(made.summary).encode())

    def finish(self, slices: int, empty: pl.DataFrame) -> None:
        """Put the slices together and into place in one step, and remove the directory; `empty`: the output without rows."""
        draft = self._path / "out"
        if self.is_csv:
            with draft.open("wb") as made:
                made.write(as_text(empty).write_csv(include_header=True).encode())
                for number in range(slices):
                    with self._file(number, "rows").open("rb") as rows:
                        shutil.copyfileobj(rows, made, 1 << 20)
        else:
            parts = [pl.scan_parquet(self._file(number, "rows"), glob=False) for number in range(slices)]
            pl.concat(parts or [empty.lazy()]).sink_parquet(draft)
        with draft.open("rb") as made:
            os.fsync(made.fileno())
        draft.replace(self._out)
        shutil.rmtree(self._path)

    def _file(self, number: int, ending: str) -> Path:
        return self._path / f"{number:06}.{ending}"


def content_of(rows: pl.DataFrame, *, is_csv: bool) -> bytes:
    """Return rows as a slice is kept."""
    if is_csv:
        return as_text(rows).write_csv(include_header=False).encode()
    content = io.BytesIO()
    rows.write_parquet(content)
    return content.getvalue()


@contextmanager
def opened(out: Path, request: Mapping[str, Any], *, force: bool, restart: bool) -> Iterator[Directory]:
    """Yield the directory of a prediction, a new one or that of the same prediction that was not finished.

    `request`: all that the output depends on. `force`: the file may be there. `restart`: forget what is finished.
    Raises SetupError if the file is there or another prediction of it is not finished, InUse if another process makes it.
    """
    if out.exists() and not force:
        raise SetupError(f"{out} is there already; name another file with --out, or replace it with --force")
    path = out.with_name(f".{out.name}.predict")
    path.mkdir(parents=True, exist_ok=True)
    lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(lock, out)
        manifest = path / MANIFEST
        if restart or not manifest.exists():
            for left in path.iterdir():
                if left.name != LOCK:
                    left.unlink()
            job = f"predict-{secrets.token_hex(6)}"
            write_atomically(manifest, json.dumps({"job": job, "request": request}).encode())
        said = json.loads(manifest.read_bytes())
        if said["request"] != json.loads(json.dumps(request)):
            differing = [name for name, value in said["request"].items() if value != request.get(name)]
            raise SetupError(
                f"{out} is the file of the unfinished job {said['job']}, which had other {', '.join(differing)}; finish it with "
                "the same command as before, or begin anew with --restart"
            )
        yield Directory(out, path, said["job"])
    finally:
        os.close(lock)


def _lock(lock: int, out: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUse(f"another process makes {out}; wait for it, or name another file with --out") from None
