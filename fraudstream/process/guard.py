"""A guard that lets no child process outlive a killed parent."""

import subprocess


def spawn_guard(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that stops `pid` when our end of its standard input closes, that is: when we die, however we die."""
    return subprocess.Popen(  # noqa: S603 - a fixed script and a number
        ["/bin/sh", "-c", 'read -r _; kill -TERM "$0"', str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop_guard(guard: subprocess.Popen[bytes]) -> None:
    """End the guard without letting it act."""
    guard.kill()
    guard.wait()
    if guard.stdin is not None:
        guard.stdin.close()
