"""The shape of `web` and `notify`: where rotator is looked at, and whom it tells."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, Strict, WithJsonSchema, model_validator

from rotator.config import addresses
from rotator.config.fields import FilePath, Section, default, span

_LISTEN = (
    r"^(/[^\x00]{1,106}"
    r"|([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})$"
)
"""As `addresses.listen`, as far as a pattern can say it."""

_HostName = Annotated[
    str, AfterValidator(addresses.host_name), WithJsonSchema({"type": "string", "pattern": addresses.HOST_NAME})
]
_ONE_ADDRESS: dict[str, Any] = {"oneOf": [{"required": ["url"]}, {"required": ["url_file"]}]}


class Web(Section):
    """The status page and the metrics of `rotator run`; off where this section is not there."""

    listen: Annotated[str, AfterValidator(addresses.listen), WithJsonSchema({"type": "string", "pattern": _LISTEN})] = (
        Field(
            description="Where to listen: HOST:PORT, [IPV6]:PORT or the absolute path of a Unix socket. Beyond this "
            "machine only with a token_file.",
            examples=["127.0.0.1:9187", "[::1]:9187", "/run/rotator/web.sock"],
        )
    )
    token_file: FilePath = Field(
        default="",
        description="File that holds the bearer token that whoever asks must send; relative to this file's folder.",
        examples=["/etc/rotator/web-token"],
        json_schema_extra=default(None),
    )
    hosts: Annotated[tuple[_HostName, ...], Strict(False), Field(max_length=20)] = Field(
        default=(),
        description="Names besides the address itself by which a browser may ask for the page.",
        examples=[["status.example.org"]],
        json_schema_extra=default([]),
    )


class _Addressed(Section):
    """Something with an address, which may be a secret."""

    model_config = ConfigDict(json_schema_extra=_ONE_ADDRESS)

    url_file: FilePath = Field(
        default="",
        description="File that holds the address; relative to this file's folder. An address is often a secret.",
        examples=["/etc/rotator/check-in"],
        json_schema_extra=default(None),
    )

    @model_validator(mode="after")
    def _has_one_address(self) -> Any:
        told = {"url", "url_file"} & self.model_fields_set
        if not told:
            raise ValueError("there is no address; add url_file: with a file that holds it, or url:")
        if len(told) > 1:
            raise ValueError("url and url_file stand both here; remove one, so that it is clear which address counts")
        return self


_HttpAddress = Annotated[
    str,
    Field(max_length=2048),
    AfterValidator(addresses.http_address),
    WithJsonSchema({"type": "string", "pattern": r"^https?://\S+$", "maxLength": 2048}),
]
_AnyAddress = Annotated[
    str,
    Field(max_length=2048),
    AfterValidator(addresses.any_address),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$", "maxLength": 2048}),
]


class CheckInRules(_Addressed):
    """An address in the style of Healthchecks, which sounds the alarm when rotator falls silent."""

    url: _HttpAddress = Field(
        default="",
        description="The address itself: https, or http in a network that you trust.",
        examples=["https://hc.example.org/ping/5f2c"],
        json_schema_extra=default(None),
    )
    every: Annotated[timedelta, *span("1s", "31d")] = Field(
        default=timedelta(hours=1),
        description="How often the daemon says that all is well. A change for the worse is told at once.",
        examples=["1h"],
        json_schema_extra=default("1h"),
    )


class WebhookRules(_Addressed):
    """An address that gets each change as JSON."""

    url: _HttpAddress = Field(
        default="",
        description="The address itself: https, or http in a network that you trust.",
        examples=["https://hooks.example.org/rotator"],
        json_schema_extra=default(None),
    )
    secret_file: FilePath = Field(
        default="",
        description="File that holds a secret of your own; what is sent is signed with it (HMAC-SHA256).",
        examples=["/etc/rotator/webhook-secret"],
        json_schema_extra=default(None),
    )


class AppriseRules(_Addressed):
    """A service that Apprise knows; a file may hold several addresses, one a line."""

    url: _AnyAddress = Field(
        default="",
        description="The address itself, as Apprise writes it.",
        examples=["ntfys://ntfy.example.org/backups"],
        json_schema_extra=default(None),
    )


def _several(description: str, *examples: dict[str, str]) -> Any:
    return Field(default=(), description=description, examples=[list(examples)], json_schema_extra=default([]))


class Notify(Section):
    """Whom to tell of changes; nobody where this section is not there."""

    remind_every: Annotated[timedelta, *span("1s", "31d")] = Field(
        default=timedelta(days=1),
        description="How often to tell again of what is still wrong.",
        examples=["24h"],
        json_schema_extra=default("24h"),
    )
    check_ins: Annotated[tuple[CheckInRules, ...], Strict(False), Field(max_length=20)] = _several(
        "Addresses in the style of Healthchecks, which sound the alarm when rotator falls silent.",
        {"url_file": "/etc/rotator/check-in", "every": "1h"},
    )
    webhooks: Annotated[tuple[WebhookRules, ...], Strict(False), Field(max_length=20)] = _several(
        "Addresses that get each change as JSON.",
        {"url": "https://hooks.example.org/rotator", "secret_file": "/etc/rotator/webhook-secret"},
    )
    apprise: Annotated[tuple[AppriseRules, ...], Strict(False), Field(max_length=20)] = _several(
        "Services that Apprise knows: chat, mail, phone. Needs the extra `apprise`.",
        {"url_file": "/etc/rotator/apprise"},
    )
