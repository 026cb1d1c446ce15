"""`fraudstream import`: what people have made elsewhere, as files of ours."""

import json
from pathlib import Path

import click

from fraudstream.commands.export import import_files
from fraudstream.commands.group import Group
from fraudstream.domain.rules import OUTCOMES


@click.group("import", cls=Group)
def import_() -> None:
    """Take over what was made elsewhere."""


import_.add_command(import_files)


class Meaning(click.ParamType):
    """THEIRS=OURS."""

    name = "theirs=ours"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return both names."""
        theirs, _, ours = str(value).partition("=")
        if not theirs or ours not in OUTCOMES:
            self.fail(
                f"{value!r} is not a name and one of {', '.join(OUTCOMES)}: high_risk=block", param, ctx
            )
        return theirs, ours


@import_.command("fraud-detector")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory to write to; a command that was ended goes on with what it has read into it.",
)
@click.option(
    "--outcome",
    "meanings",
    type=Meaning(),
    multiple=True,
    help="What an outcome of theirs is with us, e.g. high_risk=block; repeatable. Rules with other outcomes are drafts.",
)
@click.option("--currency", default="USD", show_default=True, help="Currency of the amounts (ISO 4217).")
@click.option("--region", help="Region of the account.  [default: AWS's own settings]")
@click.option("--restart", is_flag=True, help="Read the account anew, whatever was read before.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def fraud_detector(
    out: Path,
    meanings: tuple[tuple[str, str], ...],
    currency: str,
    region: str | None,
    restart: bool,
    as_json: bool,
) -> None:
    """Read the definitions of an account of Amazon Fraud Detector and write them as files: an event type each with the rules of its
    detector, lists, and report.json, which says what does not fit and what to do next. Nothing in the account is changed.

    Credentials are AWS's own (environment, profile, role); AWS_ENDPOINT_URL_FRAUDDETECTOR names another address. What was read lies in
    OUT/account.

    Exit codes: 0 written, 2 no credentials, or the account refuses, 75 it does not answer: the same command goes on.
    """
    from fraudstream.adapters.extras import check_installed

    check_installed("boto3", what="reading an account of Amazon Fraud Detector", extra="aws")
    import boto3
    from botocore.exceptions import BotoCoreError

    from fraudstream.domain.errors import SetupError
    from fraudstream.migration.account import ACCOUNT, Account
    from fraudstream.migration.taking_over import taken_over

    directory = out / ACCOUNT
    directory.mkdir(parents=True, exist_ok=True)
    if restart:
        for kept in directory.glob("*.json"):
            kept.unlink()
    try:
        client = boto3.client("frauddetector", region_name=region)
    except BotoCoreError as error:
        raise SetupError(f"the account cannot be asked: {error}") from error
    taken = taken_over(Account(directory, client).read(), out, dict(meanings), currency)
    if as_json:
        click.echo(json.dumps(vars(taken)))
        return
    for name in taken.files:
        click.echo(f"wrote {out / name}")
    for what, lines in (("does not fit", taken.left_out), ("next", taken.next_steps)):
        for line in lines:
            click.echo(f"{what}: {line}")
