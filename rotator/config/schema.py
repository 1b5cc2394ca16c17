"""The shape of the configuration file: every key with its type, bounds, description and example.

Knows one section at a time; what sections say of each other is for `resolve`.
"""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, PlainValidator, Strict, Tag, WithJsonSchema, model_validator

from rotator.config import addresses, rules
from rotator.config.fields import FilePath, Section, default, span, text
from rotator.config.hook_schema import HookRules
from rotator.model import CAP, Id
from rotator.naming import ADOPT, PREFIX

KEEP_TAGS = ("keep as a number", "keep as tiers")
"""What pydantic adds to the place of a problem in `keep`."""

_URL = (
    r"^(https://[^\s?#@/]+(/[^\s?#]*)?"
    r"|http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?(/[^\s?#]*)?)$"
)
"""As `addresses.api_url`, as far as a pattern can say it."""


class Api(Section):
    """Where the API is and how it is spoken to."""

    url: Annotated[str, AfterValidator(addresses.api_url), WithJsonSchema({"type": "string", "pattern": _URL})] = Field(
        default="https://admin.vps.org/api/v1",
        description="Address of the API. https, or http to this machine only.",
        examples=["https://admin.vps.org/api/v1"],
    )
    token_file: FilePath = Field(
        default="",
        description="File that holds the API token and nothing else; relative to this file's folder. Keep it at mode "
        "0600. Other sources: --token-file, ROTATOR_API_TOKEN_FILE, systemd's LoadCredential=api-token, "
        "ROTATOR_API_TOKEN.",
        examples=["/etc/rotator/token"],
        json_schema_extra=default(None),
    )
    timeout: Annotated[timedelta, *span("1s", "10m")] = Field(
        default=timedelta(seconds=30),
        description="How long one request may take.",
        examples=["30s"],
        json_schema_extra=default("30s"),
    )
    parallel: int = Field(default=8, ge=1, le=64, description="Requests in flight at once.", examples=[8])


class Times(Section):
    """How snapshots in progress are watched."""

    poll_interval: Annotated[timedelta, *span("100ms", "1h")] = Field(
        default=timedelta(seconds=15),
        description="How often snapshots in progress are looked at.",
        examples=["15s"],
        json_schema_extra=default("15s"),
    )
    stuck_after: Annotated[timedelta, *span("1m", "30d")] = Field(
        default=timedelta(minutes=60),
        description="A snapshot in progress for longer than this is reported as stuck. It is never deleted.",
        examples=["60m"],
        json_schema_extra=default("60m"),
    )


class Tiers(Section):
    """How many restore points each rule keeps, finest rule first; together 1 to 5."""

    last: int = Field(default=0, ge=0, le=CAP, description="The newest ones.", examples=[2])
    hourly: int = Field(default=0, ge=0, le=CAP, description="One for each of so many hours.", examples=[1])
    daily: int = Field(default=0, ge=0, le=CAP, description="One for each of so many days.", examples=[1])
    weekly: int = Field(default=0, ge=0, le=CAP, description="One for each of so many ISO weeks.", examples=[1])
    monthly: int = Field(default=0, ge=0, le=CAP, description="One for each of so many months.", examples=[1])
    yearly: int = Field(default=0, ge=0, le=CAP, description="One for each of so many years.", examples=[1])

    @model_validator(mode="after")
    def _within_the_cap(self) -> "Tiers":
        total = sum(self.model_dump().values())
        if total > CAP:
            raise ValueError(
                f"the rules keep {total} together; a server has at most {CAP} snapshots, so keep {CAP} or less"
            )
        if total == 0:
            raise ValueError("the rules keep nothing; keep at least 1, for example {last: 2, daily: 1, weekly: 1}")
        return self


def _form_of_keep(value: object) -> str:
    return KEEP_TAGS[1] if isinstance(value, dict | Tiers) else KEEP_TAGS[0]


def section(description: str, *examples: dict[str, Any]) -> Any:
    """A part that may be left out: None then, which cannot be written."""
    shown = list(examples) or None
    return Field(default=None, description=description, examples=shown, json_schema_extra=default(None))


class Rules(Section):
    """Keys of a policy. What is not set here comes from the named policy, then from `defaults`."""

    schedule: Annotated[str, *text(200)] = Field(
        default="",
        description="When a snapshot is taken: hourly, daily, weekly, monthly; every hour, day, monday … sunday or "
        "weekday, with at HH:MM if you like; every N minutes or hours, where N divides 60 or 24; or a cron expression "
        "of five fields.",
        examples=["every day at 03:00", "every 6 hours", "every weekday at 22:30", "15 4 * * 0"],
        json_schema_extra=default(None),
    )
    timezone: Annotated[str, *text(64)] = Field(
        default="UTC",
        description="The time zone that the schedule and the retention rules count in.",
        examples=["Europe/Paris"],
    )
    keep: Annotated[
        Annotated[int, Field(ge=1, le=CAP), Tag(KEEP_TAGS[0])] | Annotated[Tiers, Tag(KEEP_TAGS[1])],
        Discriminator(_form_of_keep),
    ] = Field(
        default=4,
        description="How many restore points stay: a number, or a number for each rule; at most 5 in all. 5 leaves no "
        "room for the next one, so the oldest goes before the new one is complete.",
        examples=[4, {"last": 2, "daily": 1, "weekly": 1}],
    )
    min_keep: int = Field(
        default=1, ge=1, le=CAP, description="No delete ever leaves fewer restore points than this.", examples=[2]
    )
    prefix: str = Field(
        default="rotator",
        pattern=f"^(?:{PREFIX.pattern})$",
        description="Snapshots named PREFIX-20261123T020000Z are rotator's own; no other name is ever deleted.",
        examples=["rotator"],
    )
    adopt: Annotated[
        tuple[Annotated[str, Field(max_length=64, pattern=f"^(?:{ADOPT.pattern})$")], ...],
        Strict(False),
        Field(max_length=20),
    ] = Field(
        default=(),
        description="Whole names of snapshots that an earlier tool or prefix made and rotator may delete; * is any "
        "text, ? any one character.",
        examples=[["nightly-*"]],
        json_schema_extra=default([]),
    )
    description: Annotated[str, *text(255, at_least=0)] = Field(
        default="", description="Text that each new snapshot carries.", examples=["before the nightly batch"]
    )
    grace: Annotated[timedelta | None, *span("1m", "366d", word="none")] = Field(
        default=None,
        description="How late a missed snapshot may still be taken; none: any lateness.",
        examples=["2h"],
        json_schema_extra=default("none"),
    )
    splay: Annotated[timedelta, *span("0s", "24h")] = Field(
        default=timedelta(0),
        description="Spreads servers of one schedule over this time; each server has its own fixed delay in it.",
        examples=["30m"],
        json_schema_extra=default("0s"),
    )
    max_age: Annotated[timedelta | None, *span("1m", "366d", word="auto")] = Field(
        default=None,
        description="How old the newest restore point may grow before somebody is told; auto: two slots without one.",
        examples=["36h"],
        json_schema_extra=default("auto"),
    )
    hooks: HookRules = section(
        "Commands around each snapshot. Inherited as one value, not key by key; {} switches inherited ones off.",
        {"before": ["/usr/local/bin/freeze"], "after": ["/usr/local/bin/thaw"], "timeout": "30s"},
    )
    enabled: bool = Field(default=True, description="false: rotator does nothing to the server.", examples=[False])


class Server(Rules):
    """One server, which policy it follows, and rules of its own."""

    id: Annotated[
        Id,
        PlainValidator(rules.server_id),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": rules.ID}]}),
    ] = Field(description="The server's id at the API.", examples=[12345])
    name: Annotated[str, *text(255)] = Field(
        description="The server's name at the API. A name that differs is reported: it is how a wrong id shows.",
        examples=["web-server-01"],
    )
    policy: Annotated[str, *text(64)] = Field(
        default="",
        description="One of `policies`, followed where the server says nothing else.",
        examples=["nightly"],
        json_schema_extra=default(None),
    )
