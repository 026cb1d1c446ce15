"""What a new file can start. An action is commands of ours, and a look at whether its effect is there already.

The effect is there whole or not at all, under a name that follows from the file's name and content. So after a crash the look says
whether the action has happened, and it happens once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.registry.version_log import Action as Change
from fraudstream.domain.registry.version_log import State as VersionState
from fraudstream.domain.registry.versions import Version
from fraudstream.offline.etl.make import FACTS
from fraudstream.offline.import_files import kind_of_file
from fraudstream.settings import Settings

DIGITS = 12
"""Of a SHA-256, in names: enough to tell contents of one name from each other."""

COPIES = "history"


@dataclass(frozen=True, slots=True)
class Task:
    """A file and what its action is to be."""

    file: Path
    """A copy, which nobody else changes."""
    name: str
    """In the inbox."""
    sha256: str
    work: Path
    """A directory for what is removed afterwards."""
    settings: Settings
    out: Path | None = None
    reading: Sequence[str] = ()
    """Options of the command that reads the file."""
    training: Sequence[str] = ()
    """Options of `fraudstream train`."""

    @property
    def identity(self) -> str:
        """Name and content, as a name of a file: `payments-2026.csv.3f2a…`."""
        flat = self.name.replace("/", "__")
        return f"{flat}.{self.sha256[:DIGITS]}"


Outcome = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """What is done with a file."""

    what: str
    commands: Callable[[Task], list[list[str]]]
    """Of fraudstream, one after the other."""
    outcome: Callable[[Task], Outcome | None]
    """What it has made; None if it has not happened, or not to its end."""
    needs_out: bool = False


def _etl(task: Task) -> list[list[str]]:
    made = _directory(task)
    rejected = ["--rejected", str(made.with_name(f"{made.name}.rejected.csv"))]
    return [["etl", str(task.file), "--out", str(made), *rejected, *task.reading]]


def _made_files(task: Task) -> Outcome | None:
    """Return what `fraudstream etl` says of the directory that it made whole."""
    facts = _directory(task) / FACTS
    if not facts.exists():
        return None
    told = json.loads(facts.read_text())
    events = {part: file["events"] for part, file in told["files"].items()}
    return {
        "directory": str(_directory(task)),
        "rows": told["rows"],
        "rejected": told["rejected"],
        "events": events,
    }


def _directory(task: Task) -> Path:
    assert task.out is not None  # `needs_out`
    return task.out.absolute() / task.identity


def _predict(task: Task) -> list[list[str]]:
    return [["predict", str(task.file), "--out", str(_decided(task)), "--restart", *task.reading]]


def _decided_file(task: Task) -> Outcome | None:
    """Return the file that `fraudstream predict` has put into place whole."""
    made = _decided(task)
    return {"file": str(made), "bytes": made.stat().st_size} if made.exists() else None


def _decided(task: Task) -> Path:
    """Return a name that ends as that of the file: CSV stays CSV."""
    assert task.out is not None  # `needs_out`
    kind = kind_of_file(Path(task.name))
    return task.out.absolute() / f"{task.identity}.{'csv' if kind == 'CSV' else 'parquet'}"


def _train(task: Task) -> list[list[str]]:
    history = str(task.work / COPIES)
    return [
        ["history", "import", str(task.file), "--to", history, "--force", *task.reading],
        ["train", "--history", history, "--why", _why(task), *task.training],
    ]


def _trained_version(task: Task) -> Outcome | None:
    """Return the version that was saved for this file; what its training would still have done, is done."""
    registry = Registry.of(task.settings)
    entries = registry.log().entries
    saved = [entry for entry in entries if entry.action is Change.SAVE and entry.why == _why(task)]
    if not saved:
        return None
    version = saved[-1].version
    return {"version": str(version), "activated": _activated(registry, version)}


def _activated(registry: Registry, version: Version) -> bool:
    """Tell whether a version was made the active one; if its training ended between saving and that, do it."""
    log = registry.log()
    if any(entry.action is Change.ACTIVATE for entry in log.of(version)):
        return True
    if log.states[version] is not VersionState.READY:
        return False
    activation = registry.manifest(version)["activation"]
    if activation["activated"]:
        registry.activate(version, activation["why"])
    return bool(activation["activated"])


def _why(task: Task) -> str:
    return f"trained by the file {task.name} of an inbox, SHA-256 {task.sha256}"


ACTIONS: Mapping[str, Action] = {
    "etl": Action("make files to train and test on, in a directory of their own", _etl, _made_files, True),
    "predict": Action("decide every row of the file", _predict, _decided_file, True),
    "train": Action("train a model version on the payments of the file", _train, _trained_version),
}
"""By name; another one is another row."""
