"""The fake as an HTTP server: REST-JSON of the runtime, JSON 1.1 of the control plane, and a control port of our own.

The control port answers `GET /` with the faults and counts of requests; `PUT /` sets the faults.
"""

import json
from collections import Counter
from dataclasses import asdict
from typing import Any, Self

from aiohttp import web

from tests.fake_feature_store.faults import Faults
from tests.fake_feature_store.records import Refusal, Store

HOST = "127.0.0.1"


class FakeFeatureStore:
    """Serves on two ports of the loopback; 0 takes a free one. An async context manager."""

    def __init__(self, store: Store | None = None, port: int = 0, control_port: int = 0) -> None:
        self.store = store or Store(batch_gets_per_s=500, others_per_s=10_000)
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.ids = 0
        """Identifiers asked for so far."""
        self.port = port
        self.control_port = control_port
        self._site: web.TCPSite | None = None
        self._runners: list[web.AppRunner] = []

    @property
    def url(self) -> str:
        """The endpoint URL of both services."""
        return f"http://{HOST}:{self.port}"

    @property
    def control_url(self) -> str:
        """The URL of the control port, which sets the faults."""
        return f"http://{HOST}:{self.control_port}/"

    async def __aenter__(self) -> Self:
        api = web.Application()
        api.router.add_post("/", self._control_plane)
        api.router.add_post("/BatchGetRecord", self._answered("BatchGetRecord"))
        api.router.add_put("/FeatureGroup/{name}", self._answered("PutRecord"))
        api.router.add_get("/FeatureGroup/{name}", self._answered("GetRecord"))
        control = web.Application()
        control.router.add_get("/", self._tell)
        control.router.add_put("/", self._change)
        self._runners = [web.AppRunner(app, shutdown_timeout=0.1) for app in (api, control)]
        for runner in self._runners:
            await runner.setup()
        await self._open()
        site = web.TCPSite(self._runners[1], HOST, self.control_port)
        await site.start()
        self.control_port = self._runners[1].addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        for runner in self._runners:
            await runner.cleanup()

    async def change(self, **faults: Any) -> None:
        """Set the faults; what is not named is off."""
        self.faults.set(faults)
        if self.faults.refusing and self._site is not None:
            await self._site.stop()
            self._site = None
            server = self._runners[0].server
            assert server is not None
            for connection in list(server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
        elif not self.faults.refusing and self._site is None:
            await self._open()

    async def _open(self) -> None:
        self._site = web.TCPSite(self._runners[0], HOST, self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runners[0].addresses[0][1]

    async def _tell(self, _request: web.Request) -> web.Response:
        return web.json_response({"faults": asdict(self.faults), "requests": self.requests, "ids": self.ids})

    async def _change(self, request: web.Request) -> web.Response:
        try:
            await self.change(**await request.json())
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return await self._tell(request)

    async def _control_plane(self, request: web.Request) -> web.Response:
        """Serve the operation that the header names."""
        return await self._answered(request.headers.get("X-Amz-Target", "").removeprefix("SageMaker."))(
            request
        )

    def _answered(self, operation: str) -> Any:
        """Return a handler: signed requests only, counted, through the faults, errors as AWS writes them."""

        async def handler(request: web.Request) -> web.Response:
            self.requests[operation] += 1
            try:
                if not request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential="):
                    raise Refusal(403, "MissingAuthenticationToken", "Missing Authentication Token")
                await self.faults.strike()
                answer = await self._operate(operation, request)
            except ConnectionResetError:
                return web.Response(status=400)  # refusing has begun: nobody reads this
            except Refusal as refusal:
                told = {"__type": refusal.code, "message": str(refusal), "Message": str(refusal)}
                return web.json_response(
                    told, status=refusal.status, headers={"x-amzn-ErrorType": refusal.code}
                )
            text = answer if isinstance(answer, str) else json.dumps(answer)
            return web.Response(text=text, content_type="application/json")

        return handler

    async def _operate(self, operation: str, request: web.Request) -> Any:
        name = request.match_info.get("name", "")
        if operation == "GetRecord":
            return self.store.get(name, request.query["RecordIdentifierValueAsString"])
        body = await request.json()
        if operation == "PutRecord":
            return self.store.put(name, body["Record"]) or {}
        if operation == "BatchGetRecord":
            self.ids += sum(len(one["RecordIdentifiersValueAsString"]) for one in body["Identifiers"])
            return self.faults.spoil(self.store.batch_get(body["Identifiers"]))
        if operation == "CreateFeatureGroup":
            return self.store.create(body)
        if operation == "DescribeFeatureGroup":
            return self.store.describe(body["FeatureGroupName"])
        raise Refusal(400, "UnknownOperationException", f"{operation} is not served here")
