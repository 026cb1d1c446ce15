"""How many bytes topics take on the brokers' disks; aiokafka does not know this request (KIP-113)."""

from collections import Counter
from collections.abc import Collection, Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String


class DescribeLogDirsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    """By broker and directory, the partitions in it."""

    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("log_dir", String("utf-8")),
                (
                    "topics",
                    Array(
                        ("name", String("utf-8")),
                        (
                            "partitions",
                            Array(
                                ("partition", Int32),
                                ("size", Int64),
                                ("offset_lag", Int64),
                                ("is_future", Boolean),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


class DescribeLogDirsStruct(RequestStruct):  # type: ignore[misc]
    """The request as it is sent."""

    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = DescribeLogDirsResponse
    SCHEMA = Schema(("topics", Array(("name", String("utf-8")), ("partitions", Array(Int32)))))


class DescribeLogDirs(Request[DescribeLogDirsStruct]):  # type: ignore[misc]
    """Asks one broker about some partitions."""

    API_KEY = 35

    def __init__(self, topics: Mapping[str, Collection[int]]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[DescribeLogDirsStruct]) -> DescribeLogDirsStruct:
        """Return the request."""
        return request_struct_class([(name, list(partitions)) for name, partitions in self._topics.items()])


async def sizes(admin: AIOKafkaAdminClient, partitions: Mapping[str, int]) -> Mapping[str, int]:
    """Return the bytes of topics on all brokers' disks, replicas included.

    Topics are left out about which the brokers say nothing: that takes the right Describe on the cluster.
    """
    found: Counter[str] = Counter()
    asked = DescribeLogDirs({name: range(count) for name, count in partitions.items()})
    for broker in (await admin.describe_cluster())["brokers"]:
        try:
            answer = await admin._send_request(asked, broker["node_id"])
        except (IncompatibleBrokerVersion, NotImplementedError):
            return {}
        for error, _directory, topics in answer.results:
            for name, each in topics if not error else ():
                found[name] += sum(size for _partition, size, *_ in each)
    return found
