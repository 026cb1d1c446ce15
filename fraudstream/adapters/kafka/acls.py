"""Giving rights through Kafka's own protocol, for those without the kafka-acls tool."""

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest

from fraudstream.acls import Acl
from fraudstream.domain.errors import SetupError

RESOURCES = {"topic": 2, "group": 3, "transactional-id": 5}
PATTERNS = {False: 3, True: 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Alter": 7, "Describe": 8, "DescribeConfigs": 10}
ALLOW, ANY_HOST = 3, "*"
"""Codes of Kafka's protocol (org.apache.kafka.common.resource and .acl)."""


async def give(admin: AIOKafkaAdminClient, principal: str, acls: Iterable[Acl]) -> None:
    """Give a principal (`User:name`) these rights; what it has already stays. Raises SetupError if we may not."""
    for acl in acls:
        request = CreateAclsRequest(
            RESOURCES[acl.resource],
            acl.name,
            PATTERNS[acl.prefixed],
            principal,
            ANY_HOST,
            OPERATIONS[acl.operation],
            ALLOW,
        )
        answer = await admin._send_request(request)
        for code, message in answer.creation_responses:
            if code:
                raise SetupError(
                    f"Kafka refuses to grant {principal} {acl.operation} on {acl.resource} {acl.name}: "
                    f"{message or for_code(code).description}"
                )
