"""Checks of the program itself: its version, the interpreter, the packages it needs and those it may have."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata

from rotator import __version__
from rotator.cli.doctor.chart import Chart, Finding, fail, ok, skipped

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?P<rest>.*)", re.DOTALL)
_EXTRA = re.compile(r"extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")
OPTIONAL = ("web", "metrics", "apprise")


def version(_: Chart) -> Iterator[Finding]:
    """Which rotator, on which Python."""
    yield ok(f"rotator {__version__}, Python {platform.python_version()} ({sys.executable})")


def packages(_: Chart) -> Iterator[Finding]:
    """Whether every package is there, and which extras are."""
    try:
        requirements = metadata.requires("vps-rotator") or []
    except metadata.PackageNotFoundError:
        yield skipped("not installed as a package, so nothing says which others it needs")
        return
    missing = [name for name, extra in map(_parsed, requirements) if not extra and installed(name) is None]
    if missing:
        yield fail(f"not installed: {', '.join(missing)}", f"{sys.executable} -m pip install vps-rotator")
        return
    needed = [f"{name} {installed(name)}" for name, extra in map(_parsed, requirements) if not extra]
    yield ok(", ".join(needed))


def extras(_: Chart) -> Iterator[Finding]:
    """Which extras are installed; none of them is needed unless the configuration asks for it."""
    yield ok(", ".join(f"{extra}: {'yes' if has_extra(extra) else 'no'}" for extra in OPTIONAL))


def has_extra(extra: str) -> bool:
    """Whether every package of an extra is installed."""
    wanted = [name for name, of in map(_parsed, metadata.requires("vps-rotator") or []) if of == extra]
    return bool(wanted) and all(installed(name) for name in wanted)


def installed(package: str) -> str | None:
    """The installed version of a package; None if it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _parsed(requirement: str) -> tuple[str, str]:
    """Name and extra (or nothing) of `waitress>=3.0; extra == "web"`."""
    match = _REQUIREMENT.match(requirement)
    extra = _EXTRA.search(requirement)
    return match["name"] if match else requirement, extra["extra"] if extra else ""
