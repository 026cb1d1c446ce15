"""A weekly store that is slow, unreachable, unstable or wrong: real HTTP between it and the worker."""

import asyncio

import msgspec
from aiohttp import web

from tests.chaos.stage import Stage, Stuck

SLOW_S = 5.0
FAULT_S = (2.0, 4.0)
FAULTS = ("slow", "refusing", "flapping", "garbage")
DEADLINE_MS = 50
WAITED_MS_MAX = 500
"""The deadline, and what a busy machine adds to it."""


class Stub:
    """A weekly store that knows every card, and fails as it is told."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self._asked = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; return the address."""
        application = web.Application()
        application.router.add_post("/", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self._asked += 1
        cards = await request.json()
        if self.fault == "slow":
            await asyncio.sleep(SLOW_S)
        if self.fault == "refusing" or (self.fault == "flapping" and self._asked % 2):
            return web.Response(status=503)
        if self.fault == "garbage":
            return web.Response(body=b'{"\xff": [null, "much"')
        return web.json_response(dict.fromkeys(cards, (25, 40.0)))


async def failing(stage: Stage, rounds: int) -> None:
    """Decide everything all the same, in time and marked; and mark nothing once the store is back."""
    stub = Stub()
    url = await stub.start()
    try:
        worker = stage.worker("a", "--weekly", url)
        worker.start()
        for _ in range(rounds):
            for fault in FAULTS:
                await stage.progress()
                stage.fault()
                stub.fault = fault
                await stage.pause_s(*FAULT_S)
                stub.fault = None
        stage.kill(worker)
        worker.start()
        await stage.progress()
        await _look_back(stage)
    finally:
        stage.finally_do(stub.stop)


async def _look_back(stage: Stage) -> None:
    """Raise Stuck if no decision was degraded, the last ones still are, or any waited too long."""
    await stage.pause_s(6, 8)
    decisions = [msgspec.json.decode(record.value) for record in await stage.logs.read("decisions")]
    decisions.sort(key=lambda decision: decision["decided_at"])
    waited = sorted(decision["timing_ms"]["weekly"] for decision in decisions)
    stage.facts["degraded"] = sum(bool(decision["degraded"]) for decision in decisions)
    stage.facts["still_degraded"] = sum(bool(decision["degraded"]) for decision in decisions[-100:])
    stage.facts["weekly_wait_p99_ms"] = waited[len(waited) * 99 // 100]
    if not stage.facts["degraded"]:
        raise Stuck("the faults of the weekly store were not noticed")
    if stage.facts["still_degraded"]:
        raise Stuck("the weekly store is back and decisions are still degraded")
    if stage.facts["weekly_wait_p99_ms"] > WAITED_MS_MAX:
        raise Stuck("payments waited too long for the weekly store")
