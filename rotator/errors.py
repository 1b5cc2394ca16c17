"""The one tree of errors: what went wrong, in words that name the place and the remedy, and the exit code it means."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command (sysexits.h, which systemd prints by name)."""

    DONE = 0
    """Done, or nothing was due."""
    PROBLEM = 1
    """Some server failed, is blocked, is stuck or has its pruning held."""
    USAGE = 2
    """The command line is wrong."""
    UNAVAILABLE = 69
    """The API cannot be reached; nothing was done."""
    BUSY = 75
    """Another instance runs with this configuration."""
    CREDENTIALS = 77
    """The token is missing or refused."""
    CONFIG = 78
    """The configuration, or the place rotator was told to use, is unusable."""
    INTERRUPTED = 130
    """Ctrl-C; `run` and `once` end in order instead."""


class RotatorError(Exception):
    """Something rotator can explain; `str()` of it is what the operator reads."""

    exit_code = Exit.PROBLEM


class UsageError(RotatorError):
    """The command line asks for something that cannot be done."""

    exit_code = Exit.USAGE


class ConfigError(RotatorError):
    """The configuration cannot be used; holds every problem, not just the first."""

    exit_code = Exit.CONFIG

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ScheduleError(RotatorError, ValueError):
    """A schedule that cannot be one cron expression; the message names the nearest that can."""

    exit_code = Exit.CONFIG


class EmptyKeepError(RotatorError, ValueError):
    """A keep policy that would keep nothing."""

    exit_code = Exit.CONFIG


class QuiesceError(RotatorError):
    """The command that makes a server quiet for its snapshot failed."""


class LockError(RotatorError):
    """Another instance holds the lock file."""

    exit_code = Exit.BUSY


class LockPlaceError(RotatorError):
    """The lock file cannot be made where it should be."""

    exit_code = Exit.CONFIG


class CredentialsError(RotatorError):
    """No usable token, or the API refused it: nothing can be done for any server of the account."""

    exit_code = Exit.CREDENTIALS


class ApiError(RotatorError):
    """The API did not do what was asked of it; the message says what was asked, what came back and what to do."""


class UnreachableError(ApiError):
    """The API cannot be reached at all: name resolution, connection, certificate or redirect."""

    exit_code = Exit.UNAVAILABLE


class UnavailableError(ApiError):
    """The API does not answer this now: 429, 5xx, a time-out or a cut connection, after all retries."""

    exit_code = Exit.UNAVAILABLE


class RefusedError(ApiError):
    """The API understood and declined: 400 (for a create: invalid, or the limit is reached) or another 4xx."""


class NotFoundError(ApiError):
    """404: no such server or snapshot."""


class UnreadableError(ApiError):
    """An answer that is not what the API documents; nothing may be decided on it (S4)."""


class MaybeCreatedError(ApiError):
    """A create whose outcome is unknown: look its name up before anything else (S7)."""
