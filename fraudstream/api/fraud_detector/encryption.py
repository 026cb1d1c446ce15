"""The key of KMS that a program names for its account: kept and shown, and nothing is encrypted with it."""

from collections.abc import Mapping

from fraudstream.adapters.database.resources import Resources
from fraudstream.api.fraud_detector.shapes import Body, Operation

KEY, THE_ONE = "kms-key", "account"
MEMBER = "kmsEncryptionKeyArn"
NONE = "DEFAULT"


def put_key(resources: Resources, asked: Body) -> Body:
    """Keep the name of a key."""
    resources.put(KEY, THE_ONE, asked)
    return {}


def key(resources: Resources, asked: Body) -> Body:
    """Return the name that was given last."""
    kept = resources.get(KEY, THE_ONE)
    return {"kmsKey": {MEMBER: NONE if kept is None else kept.document[MEMBER]}}


OPERATIONS: Mapping[str, Operation] = {"PutKMSEncryptionKey": put_key, "GetKMSEncryptionKey": key}
