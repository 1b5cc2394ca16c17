"""Finds the API token and reads it; no message, repr or warning ever shows the token itself (S10)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.config.files import CREDENTIAL, UnusableFileError, absolute, credential, read_regular
from rotator.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALUE = "ROTATOR_API_TOKEN"
_FILE = "ROTATOR_API_TOKEN_FILE"
_LIMIT = 4096
_FOR_OTHERS = 0o006
_LIKE_A_TOKEN = re.compile(r"[A-Za-z0-9_.=+-]{20,}")


@dataclass(frozen=True, slots=True)
class Token:
    """The API token, which place it came from, and what to warn of about that place."""

    value: str = field(repr=False)
    source: str
    warnings: tuple[str, ...] = ()


def read_token(option: str | None, configured: Path | None, environ: Mapping[str, str]) -> Token:
    """The token of the first place that is named; a place that cannot be used is an error, never passed over.

    In order: `option` (--token-file), `configured` (api.token_file), ROTATOR_API_TOKEN_FILE,
    $CREDENTIALS_DIRECTORY/api-token if there is one, ROTATOR_API_TOKEN. An empty variable counts as not set.
    """
    value, file = environ.get(_VALUE), environ.get(_FILE)
    if value and file:
        raise CredentialsError(f"{_VALUE} and {_FILE} are both set; unset one, so that it is clear which token counts")
    named = {"--token-file": option, "api.token_file": configured, _FILE: file}
    for place, path in named.items():
        if path:
            return _from_named(str(path), place, environ)
    given = _credential(environ)
    if given:
        return _from_file(given, "$CREDENTIALS_DIRECTORY", watched=True)
    if value:
        return Token(_checked(value, _VALUE), _VALUE)
    raise CredentialsError(
        "no API token: looked at --token-file, api.token_file in the configuration, ROTATOR_API_TOKEN_FILE, "
        "$CREDENTIALS_DIRECTORY/api-token and ROTATOR_API_TOKEN; save the token in a file that only rotator's user "
        "may read (mode 0600) and name it with api.token_file"
    )


def _from_named(path: str, place: str, environ: Mapping[str, str]) -> Token:
    """The token in the file called `path`, which may be one that systemd gives."""
    if not path.startswith(CREDENTIAL):
        return _from_file(absolute(path, Path()), place)
    try:
        return _from_file(credential(Path(path), environ), place, watched=True)
    except UnusableFileError as problem:
        raise CredentialsError(f"{place}: cannot use {path}: {problem}") from None


def _credential(environ: Mapping[str, str]) -> Path | None:
    """The file of systemd's LoadCredential, if this service was given one."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder, "api-token") if folder else None
    return path if path and os.path.exists(path) else None  # noqa: PTH110 - never raises


def _from_file(path: Path, place: str, *, watched: bool = False) -> Token:
    """The token in `path`; `watched` means that systemd looks after its permissions."""
    shown = _shown(path)
    try:
        content, mode = read_regular(path, _LIMIT)
    except UnusableFileError as problem:
        raise CredentialsError(f"{place}: cannot use {shown}: {problem}; {_remedy(path)}") from None
    text = content.decode("ascii", errors="replace")
    token = _checked(text.removesuffix("\n").removesuffix("\r"), f"{place}, {shown}")
    warnings: tuple[str, ...] = ()
    if mode & _FOR_OTHERS and not watched:
        warnings = (f"{place}: every user of this machine may read or change {shown}; chmod 0600 it",)
    return Token(token, f"{place}, {shown}", warnings)


def _remedy(path: Path) -> str:
    if _is_bare_token(path):
        return "name a file that holds the token, not the token; if it was the token, it may be in logs now: replace it"
    return "save the token there, readable by the user that runs rotator, or name another file"


def _shown(path: Path) -> str:
    # People do paste the token where the name of its file belongs.
    return f"a file named by {len(path.name)} characters" if _is_bare_token(path) else str(path)


def _is_bare_token(path: Path) -> bool:
    return bool(_LIKE_A_TOKEN.fullmatch(path.name)) and not os.path.exists(path)  # noqa: PTH110 - never raises


def _checked(token: str, source: str) -> str:
    """`token`, if it can be one: one line of visible ASCII."""
    if not token.strip():
        raise CredentialsError(f"{source}: is empty; put the API token there")
    if len(token) > _LIMIT:
        raise CredentialsError(f"{source}: is larger than 4 KiB; put the API token there, and nothing else")
    if token.lower().startswith("bearer "):
        raise CredentialsError(f"{source}: begins with 'Bearer'; put only what follows that word there")
    if any(not "!" <= char <= "~" for char in token):
        raise CredentialsError(
            f"{source}: holds a space, a line break or a character that no token has; "
            "put the API token there on one line, and nothing else"
        )
    return token
