"""A schema registry over real HTTP: as much of Confluent's API as its own clients use to write, and a worker to read."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from fraudstream.adapters.schema_registry.protobuf import MAIN, _compiled
from fraudstream.adapters.schema_registry.registry import Registered


class SchemaRegistry:
    """What is registered, and how the server behaves now."""

    def __init__(self) -> None:
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, list[int]] = {}
        self.url = ""
        self.asked: list[str] = []
        self.failing: int | None = None
        """Status that every question is answered with."""
        self.login: str | None = None

    def register(
        self,
        subject: str,
        schema: str,
        kind: str = "AVRO",
        references: Any = (),
        schema_id: int | None = None,
    ) -> int:
        """Register a schema and return its id, as a producer's plugin does."""
        number = schema_id or len(self.schemas) + 1
        self.schemas[number] = {"schema": schema, "schemaType": kind, "references": list(references)}
        self.subjects.setdefault(subject, []).append(number)
        return number

    def answer(self, method: str, path: str, body: Any, serialized: bool) -> tuple[int, Any]:
        """Return status and body of an answer."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match method, parts:
            case "GET", ["schemas", "ids", number] if int(number) in self.schemas:
                return 200, self._shown(int(number), serialized)
            case "GET", ["schemas", "ids", _]:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            case "GET", ["subjects", subject, "versions", version] if subject in self.subjects:
                ids = self.subjects[subject]
                at = len(ids) if version in ("latest", "-1") else int(version)
                about = {"subject": subject, "version": at, "id": ids[at - 1]}
                return 200, about | self._shown(ids[at - 1], serialized)
            case "POST", ["subjects", subject, "versions"]:
                kind, references = body.get("schemaType", "AVRO"), body.get("references", ())
                return 200, {"id": self.register(subject, body["schema"], kind, references)}
        return 404, {"error_code": 40401, "message": "Subject not found"}

    def _shown(self, number: int, serialized: bool) -> dict[str, Any]:
        """Return a schema as text; Protobuf as a serialised descriptor if the client wants one."""
        schema = self.schemas[number]
        if serialized and schema["schemaType"] == "PROTOBUF":
            (file,) = [
                file
                for file in _compiled(Registered("PROTOBUF", schema["schema"], {})).file
                if file.name == MAIN
            ]
            return schema | {"schema": base64.b64encode(file.SerializeToString()).decode()}
        return schema


@contextmanager
def schema_registry() -> Iterator[SchemaRegistry]:
    """Serve a registry on a free port of this machine."""
    registry = SchemaRegistry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._do("GET")

        def do_POST(self) -> None:
            self._do("POST")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _do(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = urlsplit(self.path)
            registry.asked.append(asked.path)
            status, said = registry.answer(
                method, asked.path, json.loads(body or b"{}"), "serialized" in asked.query
            )
            if registry.login is not None and self.headers.get("Authorization") != registry.login:
                status, said = 401, {"error_code": 401, "message": "Unauthorized"}
            if registry.failing is not None:
                status, said = registry.failing, {"error_code": 50001, "message": "the store is down"}
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    registry.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
