"""What `run` would refuse at its start although the configuration loads: files and packages that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec

from rotator.cli.clock import clock
from rotator.config import Config
from rotator.config.files import UnusableFileError, credential
from rotator.config.secret import secret_findings
from rotator.config.settings import NotifySettings, Target
from rotator.errors import ConfigError
from rotator.logs import Redactor


def refusals(config: Config, environ: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What would end `run` whoever runs it, and what is only worth a warning here."""
    problems, warnings = secret_findings(config, environ)
    if config.web and find_spec("waitress") is None:
        remedy = "pip install 'vps-rotator[web]', or remove the section"
        problems += (f"web: the status page needs one more package, waitress: {remedy}",)
    if config.notify and config.notify.apprise and not problems:
        problems += _services(config.notify, environ)
    return problems, warnings


def _services(notify: NotifySettings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What keeps Apprise from taking the addresses that can be read here."""
    from rotator.notify import open_outlets

    known = tuple(target for target in notify.apprise if _is_readable(target, environ))
    try:
        open_outlets(replace(notify, check_ins=(), webhooks=(), apprise=known), clock, Redactor(), environ)
    except ConfigError as error:
        return error.problems
    return ()


def _is_readable(target: Target, environ: Mapping[str, str]) -> bool:
    if target.url_file is None:
        return True
    try:
        with credential(target.url_file, environ).open("rb"):
            return True
    except (OSError, UnusableFileError):
        return False
