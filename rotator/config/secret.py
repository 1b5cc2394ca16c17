"""Reads what the configuration keeps in files of their own: tokens, secrets, addresses; no message shows them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from rotator.config.addresses import any_address, http_address
from rotator.config.files import CREDENTIAL, UnusableFileError, credential, read_regular
from rotator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rotator.config.settings import Config, Target

_LIMIT = 4 << 10
_LINES_LIMIT = 64 << 10
_FOR_OTHERS = 0o006
_LIKE_A_SECRET = re.compile(r"[A-Za-z0-9_.=+-]{20,}")


def read_secret(path: Path, what: str, environ: Mapping[str, str]) -> str:
    """The one line in the file at `path`; `what` names the place it is for."""
    text = _text(path, what, environ, _LIMIT).removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise _unusable(path, what, "it is empty", "write one line there")
    if not text.isprintable() or text != text.strip():
        reason = "it holds several lines, a space at an end or a character that does not print"
        raise _unusable(path, what, reason, "write one line there, and nothing else")
    return text


def read_lines(path: Path, what: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The lines of the file at `path`, at least one; empty ones and those that begin with # do not count."""
    lines = (line.strip() for line in _text(path, what, environ, _LINES_LIMIT).splitlines())
    found = tuple(line for line in lines if line and not line.startswith("#"))
    if not found:
        raise _unusable(path, what, "it holds nothing", "write one address a line")
    if not all(line.isprintable() for line in found):
        raise _unusable(path, what, "it holds a character that does not print", "write one address a line")
    return found


def read_address(target: Target, what: str, environ: Mapping[str, str]) -> str:
    """The HTTP address of `target`, from its file if it has one."""
    if target.url_file is None:
        return target.url
    address = read_secret(target.url_file, f"{what}.url_file", environ)
    _check(address, http_address, target.url_file, f"{what}.url_file")
    return address


def secret_findings(config: Config, environ: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What keeps the files that `web` and `notify` name from being used by anybody, and what to warn of about them.

    A file that this user may not read is a warning: the service may have another user. Of files that only the service
    itself has, nothing is said elsewhere.
    """
    problems: list[str] = []
    warnings: list[str] = []
    for what, path, read in _secret_files(config):
        if str(path).startswith(CREDENTIAL) and not environ.get("CREDENTIALS_DIRECTORY"):
            continue
        try:
            read(path, what, environ)
        except ConfigError as error:
            (warnings if _is_kept_from_us(path) else problems).extend(error.problems)
            continue
        if not str(path).startswith(CREDENTIAL) and path.stat().st_mode & _FOR_OTHERS:
            warnings.append(f"{what}: every user of this machine may read or change {path}; chmod 0600 it")
    return tuple(problems), tuple(warnings)


def _is_kept_from_us(path: Path) -> bool:
    try:
        return path.is_file() and not os.access(path, os.R_OK)
    except PermissionError:
        return True


def _secret_files(config: Config) -> Iterator[tuple[str, Path, Callable[[Path, str, Mapping[str, str]], object]]]:
    """Every such file: the place that names it, its path, and how it is read."""
    if config.web and config.web.token_file:
        yield "web.token_file", config.web.token_file, read_secret
    if not config.notify:
        return
    for index, check_in in enumerate(config.notify.check_ins):
        if check_in.target.url_file:
            yield f"notify.check_ins[{index}].url_file", check_in.target.url_file, _read_http
    for index, webhook in enumerate(config.notify.webhooks):
        if webhook.target.url_file:
            yield f"notify.webhooks[{index}].url_file", webhook.target.url_file, _read_http
        if webhook.secret_file:
            yield f"notify.webhooks[{index}].secret_file", webhook.secret_file, read_secret
    for index, target in enumerate(config.notify.apprise):
        if target.url_file:
            yield f"notify.apprise[{index}].url_file", target.url_file, _read_any


def _read_http(path: Path, what: str, environ: Mapping[str, str]) -> None:
    _check(read_secret(path, what, environ), http_address, path, what)


def _read_any(path: Path, what: str, environ: Mapping[str, str]) -> None:
    for line in read_lines(path, what, environ):
        _check(line, any_address, path, what)


def _check(address: str, rule: Callable[[str], str], path: Path, what: str) -> None:
    try:
        rule(address)
    except ValueError as error:
        raise ConfigError((f"{what}: cannot use {_shown(path)}: {error}",)) from None


def _text(path: Path, what: str, environ: Mapping[str, str], limit: int) -> str:
    try:
        file = credential(path, environ)
    except UnusableFileError as problem:
        raise ConfigError((f"{what}: cannot use {path}: {problem}",)) from None
    try:
        content, _ = read_regular(file, limit)
        return content.decode("utf-8")
    except UnusableFileError as problem:
        remedy = "save it there, readable by the user that runs rotator, or name another file"
        raise _unusable(path, what, str(problem), remedy) from None
    except UnicodeDecodeError:
        raise _unusable(path, what, "it is not text in UTF-8", "save it as text") from None


def _unusable(path: Path, what: str, reason: str, remedy: str) -> ConfigError:
    return ConfigError((f"{what}: cannot use {_shown(path)}: {reason}; {remedy}",))


def _shown(path: Path) -> str:
    # People do paste the secret where the name of its file belongs.
    bare = _LIKE_A_SECRET.fullmatch(path.name) and not path.exists()
    return f"a file named by {len(path.name)} characters" if bare else str(path)
