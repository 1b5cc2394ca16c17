"""Settings from outside: the YAML file and the token, each either usable as a whole or refused with every reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.config.files import find_config
from rotator.config.settings import ApiSettings, Config, DisabledServer, Timing
from rotator.config.token import Token, read_token

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ApiSettings",
    "Config",
    "DisabledServer",
    "Timing",
    "Token",
    "find_config",
    "json_schema",
    "load",
    "read_token",
]


def load(path: Path) -> Config:
    """The settings in the file at `path`; raises ConfigError with every problem of it, and nothing else."""
    # Imported here because pydantic takes longer to import than `rotator --version` takes to run.
    from rotator.config.resolve import load as load_file

    return load_file(path)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of the file, for editors."""
    from rotator.config.schema import json_schema as schema

    return schema()
