"""Finds out from Kafka's log why it did not start, and says it in one sentence."""

from pathlib import Path

from fraudstream.adapters.broker.errors import BrokerError, PortTaken

CAUSES = {
    "No space left on device": "the disk is full; free some space and start it again",
    "OutOfMemoryError": "its heap is too small; increase --heap-mb",
    "Could not reserve enough space": "this machine has too little free memory for its heap; decrease --heap-mb",
    "UnsupportedClassVersionError": "this Java is too old for Kafka; point JAVA_HOME to a newer one",
    "Failed to acquire lock on file": "another process uses its data directory; stop that one first",
    "Unrecognized VM option": "this Java does not know one of the values of --java-option",
    "InconsistentClusterIdException": "its data directory belongs to another cluster; choose another --data-dir",
}
"""What Kafka or Java prints -> what it means."""

COMPLAINTS = (" ERROR ", " FATAL ", "Error: ", "Exception: ")


def explain(log: Path, log_start: int, otherwise: str) -> BrokerError:
    """Return the error to raise for a Kafka that failed: the cause in its log after byte `log_start`, or `otherwise`."""
    with log.open("rb") as file:
        file.seek(log_start)
        printed = file.read().decode(errors="replace")
    if "Address already in use" in printed:
        return PortTaken("a port was taken by another program while Kafka started; start it again")
    for sign, meaning in CAUSES.items():
        if sign in printed:
            return BrokerError(f"Kafka did not start: {meaning} (details in {log})")
    return BrokerError(f"{otherwise}{_last_complaint(printed)}; its log is {log}")


def _last_complaint(printed: str) -> str:
    complaints = [line.strip() for line in printed.splitlines() if any(sign in line for sign in COMPLAINTS)]
    return f": {complaints[-1][:200]}" if complaints else ""
