"""Whatever fits the OpenAPI document, and whatever does not, is answered as the document says, and never with 500."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CheckContext
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fraudstream.api.predictions import DEADLINE_HEADER
from fraudstream.settings import Settings
from tests.api.serving import serving
from tests.models import saved
from tests.notebook.test_open import trees

pytestmark = pytest.mark.timeout(300)

EXAMPLES = 15
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = {
    "POST /v1/predictions",
    "GET /v1/predictions/{transaction_id}",
    "POST /v1/score",
    "POST /v1/labels",
    "POST /v1/lists/{name}",
    "GET /health",
    "GET /metrics",
}


def no_500(_context: CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """503 and 504 are answers; 500 is a bug."""
    assert 500 != response.status_code, case.as_curl_command()


@pytest.fixture
async def client(kafka_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Run an API without a worker, which has a model to answer what-if questions by."""
    saved(kafka_settings.data_dir / "models", trees())
    async with serving(kafka_settings, api_deadline_ms=1) as client:
        yield client


async def test_every_answer_is_one_of_the_document(client: httpx.AsyncClient) -> None:
    """For each address, requests as it wants them, and such as it does not."""
    document = (await client.get("/openapi.json")).json()
    schema: Any = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=str(client.base_url))
    operations = [each.ok() for each in schema.get_all_operations()]
    for operation in operations:
        tried(operation, schemathesis.GenerationMode.POSITIVE)
        if operation.body:  # of the others nothing could be wrong
            tried(operation, schemathesis.GenerationMode.NEGATIVE)

    assert OPERATIONS == {each.label for each in operations}


def tried(operation: Any, mode: schemathesis.GenerationMode) -> None:
    """Send requests to an address."""
    cases: st.SearchStrategy[schemathesis.Case] = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(case=cases)
    def asking(case: schemathesis.Case) -> None:
        if str((case.headers or {}).get(DEADLINE_HEADER, "")).isdigit():
            case.headers[DEADLINE_HEADER] = "1"  # no worker decides, so all of it would be waited for
        case.call_and_validate(checks=[no_500, *CHECKS])

    asking()
