"""Looks whether this login has the rights in Kafka that a role needs; they are asked for, not tried."""

from collections.abc import Sequence

from fraudstream.acls import ROLES, Acl, acls, commands
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.granted import NotTold, missing_rights
from fraudstream.adapters.kafka.security import SECURITY, Kafka
from fraudstream.installation.steps import State, Step
from fraudstream.settings import Settings
from fraudstream.topics import Role

NAME = "rights"


async def rights(settings: Settings, role: Role) -> list[Step]:
    """Return one step if all rights of a role are there, else one for each command that gives some of them."""
    wanted, login = _needed(settings, role), _principal(settings)
    async with administration(Kafka.of(settings)) as admin:
        try:
            missing = await missing_rights(admin, wanted)
        except NotTold:
            told = f"these brokers do not tell what a login may do, here as {role}"
            return [Step(NAME, State.LATER, told, f"fraudstream topics acl {role} {login}")]
    if not missing:
        return [Step(NAME, State.OK, f"all {len(wanted)} of the role {role}: {ROLES[role]}")]
    return [
        Step(NAME, State.MISSING, f"{login} as {role} may not: {_said(given)}", command)
        for command, given in commands(missing, login, settings.broker).items()
    ]


def _needed(settings: Settings, role: Role) -> list[Acl]:
    """Return what a role needs with these settings: a worker begins transactions only for outputs exactly once."""
    transactions = role != "worker" or settings.exactly_once_outputs
    return [acl for acl in acls(settings, role) if transactions or acl.resource != "transactional-id"]


def _principal(settings: Settings) -> str:
    """Return whom the brokers take this login for; what they make of a certificate only they know."""
    _, logs_in = SECURITY[settings.kafka_security_protocol]
    if logs_in:
        return f"User:{settings.kafka_username}"
    return "User:ANONYMOUS" if settings.kafka_certificate_file is None else "User:NAME-OF-THE-CERTIFICATE"


def _said(missing: Sequence[Acl]) -> str:
    operations = ", ".join(dict.fromkeys(acl.operation for acl in missing))
    names = ", ".join(dict.fromkeys(acl.name for acl in missing))
    return f"{operations} on {missing[0].resource} {names}"
