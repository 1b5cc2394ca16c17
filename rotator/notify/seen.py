"""What the passes showed so far, as findings; knows nothing of what was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rotator.config import Config
from rotator.engine import Kind, Outcome, Report
from rotator.errors import CredentialsError
from rotator.model import Id
from rotator.notify.alerts import Finding, Sight, elapsed
from rotator.notify.words import ACCOUNT, CONFIGURATION, REFUSED, REJECTED, UNREACHABLE, Server
from rotator.standing import conditions

BLIP = timedelta(minutes=10)
"""How long the whole account must be in trouble before anybody is told; a refused token is told at once."""

_REJUDGE = timedelta(minutes=10)


class Seen:
    """The latest outcome of every server, and how the account and the configuration are."""

    def __init__(self) -> None:
        self._servers: dict[Id, Server] = {}
        self._outcomes: dict[Id, Outcome] = {}
        self._findings: dict[Id, tuple[Finding, ...]] = {}
        self._judged_at: datetime | None = None
        self._account: Finding | None = None
        self._configuration: Finding | None = None
        self._settled: frozenset[str] = frozenset()

    def configured(self, config: Config, problems: Sequence[str]) -> None:
        """These are the servers; with `problems` a newer configuration was refused."""
        self._servers = {policy.server_id: Server(policy.server_id, policy.server) for policy in config.policies}
        for server_id in self._outcomes.keys() - self._servers.keys():
            self._forget(server_id)
        self._configuration = Finding(CONFIGURATION, REJECTED, "; ".join(problems)) if problems else None
        self._settled |= {CONFIGURATION}

    def passed(self, report: Report, now: datetime) -> None:
        """A pass is over. What it says of a server that it left out is nothing."""
        self._note_account(report)
        for outcome in report.outcomes:
            server_id = outcome.policy.server_id
            if outcome.kind is Kind.SKIPPED:
                self._forget(server_id)
            elif server_id in self._servers:
                self._outcomes[server_id] = outcome
                self._findings[server_id] = _findings(outcome, now)

    def sight(self, now: datetime) -> Sight:
        """What is wrong now; restore points grow old without any pass, so all are judged again from time to time."""
        if self._judged_at is None or elapsed(now, self._judged_at, _REJUDGE):
            self._judged_at = now
            self._findings = {key: _findings(outcome, now) for key, outcome in self._outcomes.items()}
        of_servers = [finding for findings in self._findings.values() for finding in findings]
        others = [finding for finding in (self._account, self._configuration) if finding]
        settled = frozenset(subject_of(key) for key, each in self._outcomes.items() if each.kind is Kind.IDLE)
        return Sight(
            findings=(*others, *of_servers),
            settled=settled | self._settled,
            present=frozenset({ACCOUNT, CONFIGURATION, *map(subject_of, self._servers)}),
        )

    def servers(self) -> Mapping[str, Server]:
        """The servers by subject."""
        return {subject_of(key): server for key, server in self._servers.items()}

    @property
    def busy(self) -> bool:
        """Whether some server waits for a snapshot, or for the next pass."""
        return any(outcome.kind.is_busy for outcome in self._outcomes.values())

    @property
    def anything(self) -> bool:
        """Whether there was a pass."""
        return bool(self._outcomes) or self._account is not None or ACCOUNT in self._settled

    def _forget(self, server_id: Id) -> None:
        self._outcomes.pop(server_id, None)
        self._findings.pop(server_id, None)

    def _note_account(self, report: Report) -> None:
        """An unreachable API says nothing of the token; a refused token says that the API can be reached."""
        if isinstance(report.error, CredentialsError):
            self._account, settled = Finding(ACCOUNT, REFUSED, str(report.error)), True
        elif report.error is not None:
            self._account, settled = Finding(ACCOUNT, UNREACHABLE, str(report.error), BLIP), False
        elif any(outcome.kind is not Kind.SKIPPED for outcome in report.outcomes):
            self._account, settled = None, True
        else:
            return
        self._settled = self._settled | {ACCOUNT} if settled else self._settled - {ACCOUNT}


def subject_of(server_id: Id) -> str:
    """A server as a subject of notes."""
    return f"server:{server_id}"


def _findings(outcome: Outcome, now: datetime) -> tuple[Finding, ...]:
    subject = subject_of(outcome.policy.server_id)
    return tuple(Finding(subject, each.trouble.value, each.text) for each in conditions(outcome, now))
