"""Where lock and state of a configuration are on this machine; opens nothing, and imports little for `health`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from rotator.config.files import find_config


def lock_file(
    arguments: argparse.Namespace,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    uid: int | None = None,
) -> Path:
    """The lock file that the arguments name, else the one of `config`, else of the configuration that they mean."""
    from rotator.daemon.lock import default_lock_file

    if arguments.lock_file:
        return Path(arguments.lock_file)
    return default_lock_file(config or find_config(arguments.config, environ), environ, _user(uid))


def state_directory(
    arguments: argparse.Namespace, environ: Mapping[str, str] = os.environ, uid: int | None = None
) -> Path:
    """The directory that the arguments name for the state, else the usual one."""
    from rotator.state.place import default_state_dir

    return Path(arguments.state_dir) if arguments.state_dir else default_state_dir(environ, _user(uid))


def state_file(
    arguments: argparse.Namespace,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    uid: int | None = None,
) -> Path:
    """The file with the state of `config`, else of the configuration that the arguments mean."""
    from rotator.state.place import state_name

    name = state_name(config or find_config(arguments.config, environ))
    return state_directory(arguments, environ, uid) / name


def _user(uid: int | None) -> int:
    return os.getuid() if uid is None else uid
