"""What an error of Kafka, S3, Redis or Feature Store means: the one table, and the only place that decides it.

retry      an outage, or another worker took over: waiting or a restart mends it
record     this record or batch is refused, others are not: halve the batch and set the one record aside
permanent  nothing changes until a person changes something: one sentence, exit code 2
"""

import ssl
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from aiokafka import errors as kafka
from aiokafka.errors import BrokerResponseError, KafkaError

from fraudstream.domain.errors import BrokerUnavailable, SetupError

Sort: TypeAlias = Literal["retry", "record", "permanent"]

RETRY: Final = "retry"
RECORD: Final = "record"
PERMANENT: Final = "permanent"

RIGHTS = "grant rights with: fraudstream topics acl"
"""What to do about a refusal for lack of rights."""


def _code(number: int, name: str, retriable: bool = False) -> type[BrokerResponseError]:
    """Teach aiokafka an error code that it does not know; it would treat it as UnknownError and give up at once."""
    made = type(name, (BrokerResponseError,), {"errno": number, "message": name, "retriable": retriable})
    known: type[BrokerResponseError] = kafka.kafka_errors.setdefault(number, made)
    return known


FencedLeaderEpoch = _code(74, "FencedLeaderEpoch", retriable=True)
UnknownLeaderEpoch = _code(75, "UnknownLeaderEpoch", retriable=True)
UnsupportedCompressionType = _code(76, "UnsupportedCompressionType")
OffsetNotAvailable = _code(78, "OffsetNotAvailable", retriable=True)
GroupMaxSizeReached = _code(81, "GroupMaxSizeReached")
FencedInstanceId = _code(82, "FencedInstanceId")
InvalidRecord = _code(87, "InvalidRecord")
UnstableOffsetCommit = _code(88, "UnstableOffsetCommit", retriable=True)
ThrottlingQuotaExceeded = _code(89, "ThrottlingQuotaExceeded", retriable=True)
ProducerFencedByBroker = _code(90, "ProducerFencedByBroker")
UnknownTopicId = _code(100, "UnknownTopicId", retriable=True)
TransactionAbortable = _code(120, "TransactionAbortable")

NOT_ALLOWED: Final = (
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
    kafka.DelegationTokenAuthorizationFailed,
)
"""Refusals for lack of rights; withdrawn rights may be given back."""

TOO_LARGE: Final = (
    kafka.MessageSizeTooLargeError,
    kafka.RecordListTooLargeError,
    kafka.RecordTooLargeError,
)
"""Refusals that a smaller batch may escape."""

KAFKA: dict[type[KafkaError], Sort] = {
    **dict.fromkeys(
        (*TOO_LARGE, kafka.InvalidTimestampError, kafka.CorruptRecordException, InvalidRecord), RECORD
    ),
    **dict.fromkeys(
        (
            *NOT_ALLOWED,
            kafka.AuthenticationFailedError,
            kafka.AuthenticationMethodNotSupported,
            kafka.SaslAuthenticationFailed,
            kafka.UnsupportedSaslMechanismError,
            kafka.IllegalSaslStateError,
            kafka.SecurityDisabled,
            kafka.DelegationTokenAuthDisabled,
            kafka.DelegationTokenExpired,
            kafka.DelegationTokenNotFound,
            kafka.DelegationTokenOwnerMismatch,
            kafka.DelegationTokenRequestNotAllowed,
            kafka.InvalidPrincipalType,
            kafka.PolicyViolationError,
            kafka.InvalidTopicError,
            kafka.InvalidPartitionsError,
            kafka.InvalidReplicationFactorError,
            kafka.InvalidReplicationAssignmentError,
            kafka.InvalidConfigurationError,
            kafka.KafkaConfigurationError,
            kafka.InvalidRequiredAcksError,
            kafka.InvalidRequestError,
            kafka.InvalidGroupIdError,
            kafka.InconsistentGroupProtocolError,
            kafka.InvalidSessionTimeoutError,
            kafka.InvalidCommitOffsetSizeError,
            kafka.OffsetMetadataTooLargeError,
            kafka.InvalidTransactionTimeout,
            kafka.NonEmptyGroup,
            kafka.GroupIdNotFound,
            kafka.TopicAlreadyExistsError,
            kafka.LogDirNotFound,
            kafka.UnsupportedVersionError,
            kafka.UnsupportedForMessageFormatError,
            kafka.UnsupportedCodecError,
            kafka.IncompatibleBrokerVersion,
            kafka.UnrecognizedBrokerVersion,
            UnsupportedCompressionType,
            GroupMaxSizeReached,
        ),
        PERMANENT,
    ),
    **dict.fromkeys(
        (  # the brokers are away, busy, starting, electing or short of replicas
            kafka.KafkaConnectionError,
            kafka.KafkaTimeoutError,
            kafka.KafkaUnavailableError,
            kafka.NoBrokersAvailable,
            kafka.NodeNotReadyError,
            kafka.MetadataEmptyBrokerList,
            kafka.StaleMetadata,
            kafka.RequestTimedOutError,
            kafka.BrokerNotAvailableError,
            kafka.LeaderNotAvailableError,
            kafka.NotLeaderForPartitionError,
            kafka.ReplicaNotAvailableError,
            kafka.NotEnoughReplicasError,
            kafka.NotEnoughReplicasAfterAppendError,
            kafka.NotControllerError,
            kafka.GroupCoordinatorNotAvailableError,
            kafka.GroupLoadInProgressError,
            kafka.NotCoordinatorForGroupError,
            kafka.StaleControllerEpochError,
            kafka.StaleLeaderEpochCodeError,
            kafka.ListenerNotFound,
            kafka.ReassignmentInProgress,
            kafka.KafkaStorageError,
            kafka.QuotaViolationError,
            kafka.UnknownTopicOrPartitionError,  # also of a topic that is being made
            kafka.UnknownError,
            FencedLeaderEpoch,
            UnknownLeaderEpoch,
            OffsetNotAvailable,
            UnstableOffsetCommit,
            ThrottlingQuotaExceeded,
            UnknownTopicId,
        ),
        RETRY,
    ),
    **dict.fromkeys(
        (  # what our client believes is wrong or outdated: a restart begins afresh
            kafka.KafkaError,
            kafka.BrokerResponseError,
            kafka.KafkaProtocolError,
            kafka.CorrelationIdError,
            kafka.TooManyInFlightRequests,
            kafka.Cancelled,
            kafka.ProducerClosed,
            kafka.IllegalStateError,
            kafka.IllegalArgumentError,
            kafka.CommitFailedError,
            kafka.IllegalGenerationError,
            kafka.UnknownMemberIdError,
            kafka.RebalanceInProgressError,
            kafka.MemberIdRequired,
            kafka.OffsetOutOfRangeError,
            kafka.NoOffsetForPartitionError,
            kafka.InvalidFetchRequestError,
            kafka.FetchSessionIdNotFound,
            kafka.InvalidFetchSessionEpoch,
            kafka.ProducerFenced,
            kafka.InvalidProducerEpoch,
            kafka.InvalidProducerIdMapping,
            kafka.UnknownProducerId,
            kafka.OutOfOrderSequenceNumber,
            kafka.DuplicateSequenceNumber,
            kafka.InvalidTxnState,
            kafka.ConcurrentTransactions,
            kafka.TransactionCoordinatorFenced,
            kafka.OperationNotAttempted,
            FencedInstanceId,
            ProducerFencedByBroker,
            TransactionAbortable,
        ),
        RETRY,
    ),
}
"""Error of aiokafka -> what it means. A test walks all of its classes."""

S3: dict[str, Sort] = {
    **dict.fromkeys(
        ("InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout", "OperationAborted", "Throttling",
         "ThrottlingException", "RequestLimitExceeded", "BandwidthLimitExceeded", "BucketAlreadyBeingCreated"),
        RETRY,
    ),
    **dict.fromkeys(
        ("NoSuchBucket", "AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidAccessKeyId", "InvalidBucketName",
         "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthorizationHeaderMalformed", "PermanentRedirect",
         "RequestTimeTooSkewed", "InvalidObjectState", "EntityTooLarge", "NotSignedUp", "UserSuspended", "403"),
        PERMANENT,
    ),
}  # fmt: skip
"""Code of S3 -> what it means; of others the HTTP status decides."""

FEATURE_STORE: dict[str, Sort] = {
    **dict.fromkeys(
        ("ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "Throttling", "InternalFailure",
         "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException"),
        RETRY,
    ),
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "AccessForbidden", "ExpiredTokenException", "IncompleteSignature",
         "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "OptInRequired", "RequestExpired",
         "ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound", "UnrecognizedClientException", "ValidationError",
         "ValidationException"),
        PERMANENT,
    ),
}  # fmt: skip
"""Code of SageMaker -> what it means; of others the HTTP status decides. An error of one record concerns only that record."""

REDIS: dict[str, Sort] = {
    **dict.fromkeys(
        ("AuthenticationError", "AuthorizationError", "NoPermissionError", "ReadOnlyError", "AskError", "MovedError",
         "ClusterCrossSlotError", "ModuleError", "NoScriptError", "ResponseError"),
        PERMANENT,
    ),
    **dict.fromkeys(
        ("BusyLoadingError", "ClusterDownError", "MasterDownError", "TryAgainError", "ConnectionError", "TimeoutError",
         "OutOfMemoryError",  # until it has more, or what is old has expired
         "MISCONF", "NOREPLICAS", "BUSY", "RedisError", "OSError"),
        RETRY,
    ),
}  # fmt: skip
"""Class of redis-py, or first word of an answer that has no class of its own -> what it means."""

AWS_CLIENT: dict[str, Sort] = {
    **dict.fromkeys(
        ("HTTPClientError", "ConnectionError", "CredentialRetrievalError", "MetadataRetrievalError", "OSError",
         "ResponseParserError", "IncompleteReadError", "ResponseStreamingError"), RETRY),
    **dict.fromkeys(("SSLError", "BotoCoreError"), PERMANENT),
}  # fmt: skip
"""Error of botocore itself (no request was sent, or no answer came), by name of its nearest class."""


def of_kafka(error: BaseException) -> Sort:
    """Return what an error of Kafka means; for a class that is not in the table, that of its nearest base class."""
    return next((KAFKA[kind] for kind in type(error).__mro__ if kind in KAFKA), RETRY)


def by_name(error: BaseException, table: Mapping[str, Sort]) -> Sort:
    """Return what an error of an optional library means, by the names of its classes, nearest first."""
    return next((table[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in table), RETRY)


def of_s3(code: str, status: int) -> Sort:
    """Return what an answer of S3 means.

    >>> of_s3("NoSuchBucket", 404), of_s3("Unheard", 400), of_s3("Unheard", 429), of_s3("", 503)
    ('permanent', 'permanent', 'retry', 'retry')
    """
    return S3.get(code, _by_status(status))


def of_feature_store(code: str, status: int) -> Sort:
    """Return what an answer of SageMaker means.

    >>> of_feature_store("ThrottlingException", 400), of_feature_store("Unheard", 400), of_feature_store("Unheard", 500)
    ('retry', 'permanent', 'retry')
    """
    return FEATURE_STORE.get(code, _by_status(status))


def _by_status(status: int) -> Sort:
    return PERMANENT if 400 <= status < 500 and status not in (408, 425, 429) else RETRY


def of_redis(error: BaseException) -> Sort:
    """Return what an error of Redis means; a certificate that cannot be trusted is permanent."""
    if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
        return PERMANENT
    word = redis_answer(error).partition(" ")[0]
    return REDIS[word] if word in REDIS else by_name(error, REDIS)


def redis_answer(error: BaseException) -> str:
    """Return what Redis said, without the command that redis-py puts before it: that names cards."""
    return str(error).rpartition("caused error: ")[2]


def kafka_error(what: str, error: KafkaError) -> SetupError:
    """Return one of our errors with a sentence for it: BrokerUnavailable if it may pass by itself, else SetupError."""
    reason = str(error) or type(error).__name__
    if isinstance(error, NOT_ALLOWED):
        return SetupError(f"{what}: {reason}; {RIGHTS}")
    return (BrokerUnavailable if of_kafka(error) == RETRY else SetupError)(f"{what}: {reason}")


def not_authorised(doing: str, error: KafkaError) -> SetupError:
    """Return the error that says what Kafka does not let us do, and how the right is given."""
    return kafka_error(f"not authorised by Kafka to {doing}", error)
