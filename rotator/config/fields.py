"""What the sections of the file are built from: their common base, and kinds of value that several keys share."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from rotator.config import rules


class Section(BaseModel):
    """Keys and values of one part of the file; a key that it does not know is a mistake."""

    # Built when first used: the file as a whole is described for editors, but checked section by section.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


def span(at_least: str, at_most: str, word: str | None = None) -> Any:
    """A duration between two others, or `word`, which means None."""
    least, most = rules.duration(at_least), rules.duration(at_most)

    def checked(value: object) -> timedelta | None:
        if word is not None and value == word:
            return None
        length = rules.duration(value)
        if not least <= length <= most:
            raise ValueError(f"found the text '{value}': write a time from {at_least} to {at_most}")
        return length

    pattern = rules.DURATION if word is None else rules.DURATION.replace("^", f"^{word}$|^")
    return PlainValidator(checked), WithJsonSchema({"type": "string", "pattern": pattern})


def text(at_most: int, at_least: int = 1) -> Any:
    """One line of so many characters."""
    return Field(min_length=at_least, max_length=at_most), AfterValidator(rules.printable)


FilePath = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(rules.file_path)]
"""The path of a file; `files.located` says which one it is."""


def default(shown: object) -> Callable[[dict[str, Any]], None]:
    """Shows a default in the schema as it is written in the file; None: there is none to show."""

    def show(schema: dict[str, Any]) -> None:
        schema.pop("default", None)
        if shown is not None:
            schema["default"] = shown

    return show
