"""Settings from outside: the YAML file and the token, each either usable as a whole or refused with every reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.config.files import find_config
from rotator.config.settings import (
    ApiSettings,
    CheckIn,
    Config,
    DisabledServer,
    NotifySettings,
    Target,
    Timing,
    Webhook,
    WebSettings,
)
from rotator.config.token import Token, read_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "ApiSettings",
    "CheckIn",
    "Config",
    "DisabledServer",
    "NotifySettings",
    "Target",
    "Timing",
    "Token",
    "WebSettings",
    "Webhook",
    "find_config",
    "json_schema",
    "load",
    "read_address",
    "read_lines",
    "read_secret",
    "read_token",
]


def load(path: Path) -> Config:
    """The settings in the file at `path`; raises ConfigError with every problem of it, and nothing else."""
    # Imported here because pydantic takes longer to import than `rotator --version` takes to run.
    from rotator.config.resolve import load as load_file

    return load_file(path)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of the file, for editors."""
    from rotator.config.file_schema import json_schema as schema

    return schema()


def read_secret(path: Path, what: str, environ: Mapping[str, str]) -> str:
    """The one line in the file at `path`; `what` names the place it is for, such as `web.token_file`.

    ConfigError with a remedy if the file cannot be used; it never shows what the file holds.
    """
    from rotator.config.secret import read_secret as read

    return read(path, what, environ)


def read_lines(path: Path, what: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The lines of the file at `path`, without empty ones and comments, at least one; otherwise as `read_secret`."""
    from rotator.config.secret import read_lines as read

    return read(path, what, environ)


def read_address(target: Target, what: str, environ: Mapping[str, str]) -> str:
    """The HTTP address of `target`, from its file if it has one; otherwise as `read_secret`."""
    from rotator.config.secret import read_address as read

    return read(target, what, environ)
