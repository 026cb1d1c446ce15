"""The console, the application for people."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class ConsoleSettings(BaseSettings):
    """Address and login of the console."""

    console_host: str = Field("127.0.0.1", description="Address that `fraudstream console` binds to.")
    console_port: int = Field(8090, ge=0, le=65535, description="Port of the console; 0 picks a free one.")
    console_url: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.\[\]:-]{1,253}$",
        examples=["https://fraud.example.com"],
        description="Where people reach the console, without a path: the start of invitation links, and the only host name that it answers under, "
        "besides this machine's own. With https, cookies are sent over TLS only. Default: whatever address somebody asks.",
    )
    console_certificate_file: Path | None = Field(
        None, description="PEM file with the certificate of the console; with it the console speaks TLS."
    )
    console_certificate_key_file: Path | None = Field(
        None, description="PEM file with the key of that certificate."
    )
    console_session_hours: float = Field(
        12.0, gt=0, le=24 * 90, description="After so many hours people have to log in to the console again."
    )
    console_invitation_days: float = Field(
        7.0, gt=0, le=365, description="For how many days an invitation to the console can be accepted."
    )
    console_due_hours: float = Field(
        24.0, gt=0, le=24 * 90, description="A case should be closed so many hours after it was opened."
    )
    console_blind_review: bool = Field(
        True,
        description="Review payments, too, that rules have let through by chance (`pass_share`), without showing that to who reviews them.",
    )
    console_review_rules: str = Field(
        "",
        examples=["new-device,watched-merchant"],
        description="Names of rules, separated by commas, whose payments are reviewed whatever their outcome is. "
        "Payments of outcome review always are.",
    )
    releases_by_two: bool = Field(
        False,
        description="A release is only put into use once somebody else has approved it in the console than who proposed it; "
        "commands refuse to, unless their user says why nobody can (`--alone`).",
    )
    console_reviews_a_day: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="How many alerts can be reviewed in a day: the console says how many are beyond that. Default: not known.",
    )
    console_search_seconds: float = Field(
        1.5,
        ge=0,
        le=60,
        description="After so many seconds a search begins no further day; a link on the page goes on from there.",
    )
    console_query_seconds: float = Field(
        30.0,
        gt=0,
        le=600,
        description="After so many seconds a query on the console's SQL page is stopped.",
    )
