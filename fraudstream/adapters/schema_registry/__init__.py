"""Values with a schema in a registry: Avro, Protobuf and JSON Schema in Confluent's wire format."""

from fraudstream.adapters.extras import check_installed
from fraudstream.adapters.files import secret_in
from fraudstream.adapters.schema_registry.registry import Login, Registry
from fraudstream.adapters.schema_registry.schemas import Schemas
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.settings import Settings

__all__ = ["Schemas", "schemas_of"]

LIBRARIES = {"avro": ("fastavro",), "protobuf": ("grpc_tools",)}


def schemas_of(event_type: EventType, settings: Settings) -> Schemas | None:
    """Return the schemas of an event type's records, None if they need none; raises SetupError."""
    kind = event_type.wire.format
    if kind not in LIBRARIES:
        return None
    what = f"the event type {event_type.name}, whose records are {kind.capitalize()},"
    check_installed(*LIBRARIES[kind], what=what)
    if settings.schema_registry_url is None:
        raise SetupError(f"{what} needs a schema registry: set FRAUDSTREAM_SCHEMA_REGISTRY_URL")
    login = None
    if settings.schema_registry_username is not None:
        path = settings.schema_registry_password_file
        password = "" if path is None else secret_in(path, "FRAUDSTREAM_SCHEMA_REGISTRY_PASSWORD_FILE")
        login = Login(settings.schema_registry_username, password)
    registry = Registry(settings.schema_registry_url, login)
    return Schemas(kind, registry, settings.publish_patience_s)
