"""Which of the rights that a role needs this login has, as the brokers say; none is used.

For a transactional id they do not say it: a transaction is asked for with a timeout that no broker allows. They look at the right
first and at the timeout second, so what they answer tells about the right, and nothing begins.
"""

import asyncio
import time
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    NoError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.transaction import InitProducerIdRequest

from fraudstream.acls import Acl
from fraudstream.adapters.kafka.acls import OPERATIONS
from fraudstream.adapters.kafka.rights_requests import GroupRights, TopicRights

NOT_TOLD = -(1 << 31)
"""What brokers answer in the place of operations that they do not tell."""
NO_RIGHTS = 0
TOLD = (NoError.errno, UnknownTopicOrPartitionError.errno)
"""Rights to topics that are not there yet are known, too."""
TIMEOUT_NOT_ALLOWED_MS = 0
COORDINATOR_WAIT_S, POLL_INTERVAL_S = 30.0, 0.2


class NotTold(Exception):
    """These brokers do not answer what a login may do."""


async def missing_rights(admin: AIOKafkaAdminClient, wanted: Iterable[Acl]) -> list[Acl]:
    """Return the rights that this login does not have; raises NotTold, KafkaError."""
    wanted = list(wanted)
    try:
        topics = await _of_topics(admin, {acl.name for acl in wanted if acl.resource == "topic"})
        groups = {
            name: await _of_group(admin, name)
            for name in dict.fromkeys(acl.name for acl in wanted if acl.resource == "group")
        }
    except NotImplementedError as error:  # aiokafka, of brokers that do not know this version of a request
        raise NotTold from error
    operations = {"topic": topics, "group": groups}
    missing = []
    for acl in wanted:
        if acl.resource == "transactional-id":
            has = await _may_write_transactions(admin, acl)
        else:
            has = bool(operations[acl.resource][acl.name] >> OPERATIONS[acl.operation] & 1)
        if not has:
            missing.append(acl)
    return missing


async def _of_topics(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, int]:
    """Return the operations on each topic, as bits; none on one that may not be described."""
    found = {}
    for topic in (await admin._send_request(TopicRights(sorted(names)))).to_object()["topics"]:
        if topic["error_code"] == TopicAuthorizationFailedError.errno:
            found[topic["topic"]] = NO_RIGHTS
            continue
        if topic["error_code"] not in TOLD:
            raise for_code(topic["error_code"])(topic["topic"])
        found[topic["topic"]] = _told(topic["authorized_operations"])
    return found


async def _of_group(admin: AIOKafkaAdminClient, name: str) -> int:
    """Return the operations on a group, as bits; none on one that may not be described.

    Brokers that have never had a group begin with the question to keep groups, and cannot answer at once.
    """
    deadline = time.monotonic() + COORDINATOR_WAIT_S
    while True:
        try:
            return await _told_of_group(admin, name)
        except GroupAuthorizationFailedError:
            return NO_RIGHTS
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
        await asyncio.sleep(POLL_INTERVAL_S)


async def _told_of_group(admin: AIOKafkaAdminClient, name: str) -> int:
    coordinator = await admin.find_coordinator(name)
    answer = await admin._send_request(GroupRights(name), coordinator)
    (group,) = answer.to_object()["groups"]
    if group["error_code"]:
        raise for_code(group["error_code"])(name)
    return _told(group["authorized_operations"])


def _told(operations: int) -> int:
    if operations == NOT_TOLD:
        raise NotTold
    return operations


async def _may_write_transactions(admin: AIOKafkaAdminClient, acl: Acl) -> bool:
    """Tell whether transactions may be written under a name; who may, may describe it, and who may not is taken to lack both."""
    name = f"{acl.name}-0" if acl.prefixed else acl.name
    answer = await admin._send_request(InitProducerIdRequest(name, TIMEOUT_NOT_ALLOWED_MS))
    return bool(answer.error_code != TransactionalIdAuthorizationFailed.errno)
