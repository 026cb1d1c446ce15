"""Why Kafka did not come up, read from what it printed and said in one sentence."""

from pathlib import Path

from fraudstream.adapters.broker.errors import BrokerError, PortTaken
from fraudstream.adapters.broker.ports import port_taken

CAUSES = {
    "No space left on device": "the disk is full; free some space and start it again",
    "OutOfMemoryError": "its heap is too small; give it more with --heap-mb",
    "Could not reserve enough space": "this machine has too little free memory for its heap; give it less with --heap-mb",
    "UnsupportedClassVersionError": "this Java is too old for Kafka; point JAVA_HOME to a newer one",
    "Failed to acquire lock on file": "another process uses its data directory; stop that one first",
    "Unrecognized VM option": "this Java does not know one of the options it was given",
    "InconsistentClusterIdException": "its data directory belongs to another cluster; choose another --data-dir",
}
"""What Kafka or Java prints -> what it means."""


def explain(log: Path, log_start: int, port: int, exit_code: int | None, timeout_s: float) -> BrokerError:
    """Return the error to raise for a broker that does not answer, from its log after byte `log_start`."""
    with log.open("rb") as file:
        file.seek(log_start)
        printed = file.read().decode(errors="replace")
    if "Address already in use" in printed:
        return PortTaken(port_taken(port))
    for sign, meaning in CAUSES.items():
        if sign in printed:
            return BrokerError(f"Kafka did not start: {meaning} (details in {log})")
    if exit_code is None:
        return BrokerError(f"Kafka did not answer within {timeout_s:g} s; its log is {log}")
    return BrokerError(
        f"Kafka ended with code {exit_code} while starting{_last_complaint(printed)}; its log is {log}"
    )


def _last_complaint(printed: str) -> str:
    complaints = [
        line for line in printed.splitlines() if " ERROR " in line or " FATAL " in line or "rror:" in line
    ]
    return f" ({complaints[-1].strip()[:200]})" if complaints else ""
