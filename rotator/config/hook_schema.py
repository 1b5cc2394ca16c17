"""The shape of a policy's `hooks`: commands around a snapshot."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Strict,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from rotator.config import rules
from rotator.config.fields import Section, default, span
from rotator.model import AfterWhen

COMMAND_TAGS = ("command as a list", "command as a line")
"""What pydantic adds to the place of a problem in a command."""

_Argument = Annotated[str, Field(max_length=4096), AfterValidator(rules.argument)]


def _form_of_command(value: object) -> str:
    return COMMAND_TAGS[1] if isinstance(value, str) else COMMAND_TAGS[0]


_Command = Annotated[
    Annotated[tuple[_Argument, ...], Strict(False), Field(min_length=1, max_length=256), Tag(COMMAND_TAGS[0])]
    | Annotated[str, Field(min_length=1, max_length=16384), AfterValidator(rules.argument), Tag(COMMAND_TAGS[1])],
    Discriminator(_form_of_command),
]

_FORMS: dict[str, Any] = {
    "if": {"properties": {"shell": {"const": True}}, "required": ["shell"]},
    "then": {"properties": {"before": {"type": "string"}, "after": {"type": "string"}}},
    "else": {"properties": {"before": {"type": "array"}, "after": {"type": "array"}}},
    "anyOf": [{"required": ["before"]}, {"required": ["after"]}, {"maxProperties": 0}],
}
"""What `HookRules` says of several keys, for editors."""


class HookRules(Section):
    """Commands around each snapshot, inherited as a whole; {} switches inherited ones off."""

    model_config = ConfigDict(json_schema_extra=_FORMS)

    # First, because the form of the commands depends on it.
    shell: bool = Field(
        default=False,
        description="true: before and after are each one line of text for /bin/sh -c.",
        examples=[True],
    )
    before: _Command = Field(
        default=(),
        description="Run before a snapshot is asked for: a program and its arguments. If it fails, there is no "
        "snapshot, and after still runs.",
        examples=[["ssh", "web-01", "fsfreeze --freeze /srv"]],
        json_schema_extra=default(None),
    )
    after: _Command = Field(
        default=(),
        description="Run once the server may go on: always if before was started, whatever happened since.",
        examples=[["ssh", "web-01", "fsfreeze --unfreeze /srv"]],
        json_schema_extra=default(None),
    )
    timeout: Annotated[timedelta, *span("1s", "10m")] = Field(
        default=timedelta(seconds=60),
        description="How long each of the two may take; then it is ended and counts as failed.",
        examples=["60s"],
        json_schema_extra=default("60s"),
    )
    after_when: Annotated[
        AfterWhen,
        PlainValidator(rules.after_when),
        WithJsonSchema({"type": "string", "enum": [each.value for each in AfterWhen]}),
    ] = Field(
        default=AfterWhen.COMPLETED,
        description="When after runs if all goes well: once the snapshot is completed, or as soon as it is requested.",
        examples=["requested"],
        json_schema_extra=default("completed"),
    )

    @field_validator("before", "after")
    @classmethod
    def _in_its_form(cls, value: Any, info: ValidationInfo) -> Any:
        if "shell" in info.data:
            rules.check_command(value, shell=info.data["shell"])
        return value

    @model_validator(mode="after")
    def _does_something(self) -> "HookRules":
        if self.model_fields_set and not (self.before or self.after):
            raise ValueError("there is neither before nor after; add one, or write hooks: {} for no hooks")
        return self
