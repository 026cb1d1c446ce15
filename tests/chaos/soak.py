"""A day of payments in two minutes, by cards that come and go: memory and disk stay flat."""

from pathlib import Path

from tests.chaos.stage import Stage, Stuck

ROUND_S = 12.0
"""Ten rounds are a day of event time, at the soak's speed."""
GROWTH_MAX = 1.3
DISK_SLACK_BYTES = 8 << 20
"""What RocksDB may have uncompacted, per partition."""


async def day(stage: Stage, rounds: int) -> None:
    """Look at memory and disk after a third of the time and at the end."""
    worker = stage.worker("a")
    worker.start()
    await stage.progress()
    seen: list[tuple[int, int]] = []
    for _ in range(rounds):
        await stage.pause_s(ROUND_S, ROUND_S)
        seen.append((_resident_bytes(worker.pid), _bytes_below(worker.state_dir)))
    early, late = seen[len(seen) // 3], seen[-1]
    stage.facts["rss_mb"] = [round(rss / 1e6) for rss, _ in seen]
    stage.facts["disk_mb"] = [round(disk / 1e6, 1) for _, disk in seen]
    if late[0] > early[0] * GROWTH_MAX:
        raise Stuck(f"memory grows: {stage.facts['rss_mb']} MB")
    if late[1] > early[1] * GROWTH_MAX + DISK_SLACK_BYTES * stage.settings.partitions:
        raise Stuck(f"the disk fills: {stage.facts['disk_mb']} MB")


def _resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _bytes_below(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
