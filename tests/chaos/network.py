"""A network that delays, drops or resets what is sent."""

from tests.chaos.proxy import FAULTS
from tests.chaos.stage import Stage

FAULT_S = (3.0, 6.0)
"""Beyond the session timeout as often as not."""


async def failing(stage: Stage, rounds: int) -> None:
    """Every way a network can fail, one after the other, for longer and shorter than a session."""
    assert stage.scene.proxy is not None
    for name in "ab":
        stage.worker(name, supervised=True).start()
    for _ in range(rounds):
        for fault in FAULTS:
            await stage.progress()
            stage.fault()
            stage.scene.proxy.begin(fault)
            await stage.pause_s(*FAULT_S)
            stage.scene.proxy.end()
    await stage.progress()
