"""Requests that ask what this login may do with topics and a group; nothing is made or changed by them.

aiokafka's class of the first ends before version 8, with which brokers (from 2.3 on) answer it, and that of the second reads the
answer of an earlier version.
"""

from collections.abc import Sequence

from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataResponse_v5
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

BEFORE_TOPICS = zip(
    MetadataResponse_v5.SCHEMA.names[:-1], MetadataResponse_v5.SCHEMA.fields[:-1], strict=True
)
PARTITIONS = Array(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", Array(Int32)),
    ("isr", Array(Int32)),
    ("offline_replicas", Array(Int32)),
)


class TopicRightsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    """Metadata of topics, version 8."""

    API_KEY, API_VERSION = 3, 8
    SCHEMA = Schema(
        *BEFORE_TOPICS,
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                ("partitions", PARTITIONS),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class TopicRightsStruct(RequestStruct):  # type: ignore[misc]
    """What is sent for it."""

    API_KEY, API_VERSION, RESPONSE_TYPE = 3, 8, TopicRightsResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class GroupRightsStruct(RequestStruct):  # type: ignore[misc]
    """Description of groups, version 3."""

    API_KEY, API_VERSION, RESPONSE_TYPE = 15, 3, DescribeGroupsResponse_v3
    SCHEMA = DescribeGroupsRequest_v3.SCHEMA


class TopicRights(Request[TopicRightsStruct]):  # type: ignore[misc]
    """Asks what may be done with topics, whether they are there or not."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[TopicRightsStruct]) -> TopicRightsStruct:
        """Return the request; brokers make no topic for it."""
        return request_struct_class(list(self._topics), False, False, True)


class GroupRights(Request[GroupRightsStruct]):  # type: ignore[misc]
    """Asks what may be done with a group."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[GroupRightsStruct]) -> GroupRightsStruct:
        """Return the request."""
        return request_struct_class([self._group], True)
