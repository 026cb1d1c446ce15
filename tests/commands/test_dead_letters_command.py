"""`fraudstream dead-letters`, as it is run."""

import asyncio
import json

from click.testing import CliRunner, Result

from fraudstream.commands.dead_letters import dead_letters
from fraudstream.settings import Settings
from tests.dead_letters.written import Bad, write


def run(settings: Settings, *arguments: str) -> Result:
    """Run the command with the settings of a test."""
    environment = {
        "FRAUDSTREAM_BROKER": settings.broker,
        "FRAUDSTREAM_APP_ID": settings.app_id,
        "FRAUDSTREAM_TOPIC_PREFIX": settings.topic_prefix,
        "FRAUDSTREAM_DATA_DIR": str(settings.data_dir),
    }
    return CliRunner().invoke(dead_letters, arguments, env=environment)


def test_dead_letters_are_listed_shown_and_sent_again(kafka_settings: Settings) -> None:
    """By id or by reason; what cannot be sent is said, with code 1."""
    asyncio.run(write(kafka_settings, Bad("invalid-field"), Bad("conflict")))
    listed = json.loads(run(kafka_settings, "list", "--json").output)
    ids = {each["reason"]: each["id"] for each in listed["letters"]}
    shown = run(kafka_settings, "show", ids["invalid-field"])
    sent = run(kafka_settings, "resend", "--reason", "invalid-field", "--yes", "--json")
    again = run(kafka_settings, "resend", *ids.values(), "--yes", "--json")

    assert [1, 1] == [each["letters"] for each in listed["counts"]]
    assert "a field that is missing" in shown.output
    assert "4006080197832643" not in shown.output
    assert (0, [False]) == (sent.exit_code, [each["sent_before"] for each in json.loads(sent.stdout)])
    assert 1 == again.exit_code
    assert {True, False} == {each["sent_before"] for each in json.loads(again.stdout)}
