"""The crontab lines of docs/cron.md under the real cron daemon: silent when all is well, else one mail to read."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.components import needs_component, needs_root
from tests.documented import ROOT
from tests.e2e.account import DB, WEB, Account
from tests.e2e.program import SCRIPT, TOKEN, until

_LINE = re.compile(r"^\*/15 .* root .*$", re.MULTILINE)

# A few seconds before the lines are due. Only cron lives by this clock: it hands none of its environment to a job.
_CLOCK = "@2026-11-23 02:14:57"

# Folders of its own, so that this machine's cron jobs are not run, and its lock files and state are left alone.
_CRON = """\
set -e
mount --bind "$1/cron.d" /etc/cron.d
mount --bind "$1/spool" /var/spool/cron
mount --bind "$1/sbin" /usr/sbin
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /dev/shm
exec faketime -f "$2" /usr/sbin/cron -f -L 15
"""


def lines() -> tuple[str, str]:
    """The line that mails everything, and the one for those who have notifications."""
    everything, notified = _LINE.findall((ROOT / "docs" / "cron.md").read_text(encoding="utf-8"))
    return everything, notified


@dataclass
class Job:
    """A crontab with one of the lines; its mails go to its name."""

    name: str
    account: Account
    line: str
    times: int = 1

    def crontab(self, program: Path) -> str:
        line = self.line.replace("/opt/rotator/bin/rotator", str(program))
        line = line.replace("/etc/rotator/config.yaml", str(self.account.path))
        line = line.replace("/etc/rotator/token", str(self.account.token_file))
        return f"MAILTO={self.name}\n" + f"{line}\n" * self.times


class Machine:
    """What cron finds, and what became of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in ("cron.d", "spool/crontabs", "sbin", "mail", "environment", "ended"):
            (home / name).mkdir(parents=True)
        shutil.copy2(needs_component("cron"), home / "sbin/cron")
        _script(home / "sbin/sendmail", f'cat > "$(mktemp {home}/mail/XXXXXX)"')
        # The program, which also writes down how it ended and what environment cron gave it.
        self.program = home / "rotator"
        told = f'code=$?\necho $code > "$(mktemp {home}/ended/XXXXXX)"\nexit $code'
        _script(self.program, f'env > "$(mktemp {home}/environment/XXXXXX)"\n{SCRIPT} "$@"\n{told}')

    def add(self, job: Job) -> None:
        (self.home / "cron.d" / job.name).write_text(job.crontab(self.program))

    def run(self, jobs: int) -> None:
        """Run cron until so many jobs ended and it is idle again."""
        cron = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", _CRON, "cron", self.home, _CLOCK],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            until(f"{jobs} jobs have ended", lambda: len(self.codes()) == jobs or cron.poll() is not None, seconds=40)
            (daemon,) = _children(cron.pid)  # faketime's
            until("cron has mailed what there was", lambda: not _children(daemon))
            os.kill(daemon, signal.SIGTERM)
            cron.wait(10)
        finally:
            if cron.poll() is None:
                os.killpg(cron.pid, signal.SIGKILL)
                cron.wait(10)

    def codes(self) -> list[int]:
        texts = [path.read_text() for path in (self.home / "ended").iterdir()]
        return sorted(int(text) for text in texts if text)

    def mails(self) -> dict[str, list[str]]:
        """What was mailed to whom."""
        found: dict[str, list[str]] = {}
        for path in (self.home / "mail").iterdir():
            mail: Message = message_from_bytes(path.read_bytes())
            body = mail.get_payload(decode=True)
            assert isinstance(body, bytes)
            found.setdefault(mail["To"], []).append(body.decode())
        return found

    @property
    def environment(self) -> set[str]:
        """The names of the variables that any job had."""
        texts = (path.read_text() for path in (self.home / "environment").iterdir())
        return {line.partition("=")[0] for text in texts for line in text.splitlines()}


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Every case at once: cron fires them in the same second."""
    needs_component("faketime")
    needs_component("unshare")
    needs_root()
    home = tmp_path_factory.mktemp("cron")
    everything, notified = lines()
    with ExitStack() as stack:

        def job(name: str, line: str, times: int = 1) -> Job:
            folder = home / name
            folder.mkdir()
            account = Account(folder)
            stack.enter_context(account.sandbox)
            account.configure(account.server(), account.server(DB))
            return Job(name, account, line, times)

        machine = Machine(home / "machine")
        well = job("well", everything, times=2)
        well.account.cloud.create_time = timedelta(seconds=4)
        failing, notified_failing = job("failing", everything), job("notified-failing", notified)
        for each in (failing, notified_failing):
            each.account.plant_foreign("by hand", "by\\cron", "three", "four", "five")
        refused, mistaken = job("refused", everything), job("notified-mistaken", notified)
        refused.account.token_file.write_text("not-the-token\n")
        mistaken.account.path.write_text("servers: none\n")
        jobs = [well, failing, notified_failing, refused, mistaken]
        for each in jobs:
            machine.add(each)
        machine.run(sum(each.times for each in jobs))
        assert well.account.names(WEB) == well.account.expected(0)
        yield machine


def test_every_run_ended_as_expected(machine: Machine) -> None:
    """Two runs of `well`: one takes the snapshot, the other finds it at work."""
    assert Counter(machine.codes()) == {0: 1, 75: 1, 1: 2, 77: 1, 78: 1}


def test_cron_gives_hardly_any_environment(machine: Machine) -> None:
    assert machine.environment <= {"HOME", "LOGNAME", "PATH", "SHELL", "PWD", "MAILTO"}


def test_silent_when_all_is_well_and_when_the_run_before_still_works(machine: Machine) -> None:
    assert "well" not in machine.mails()


def test_one_mail_to_read_when_a_server_is_blocked(machine: Machine) -> None:
    (mail,) = machine.mails()["failing"]
    assert "5 of 5 places are held by snapshots rotator does not own" in mail
    assert "by\\cron" in mail, "the shell took a backslash for something else"
    assert "2 servers: 1 created, 0 deleted, 1 with problems" in mail
    assert "\x1b" not in mail
    assert len(mail) < 4096


def test_one_mail_says_that_the_token_is_refused(machine: Machine) -> None:
    (mail,) = machine.mails()["refused"]
    assert "token" in mail
    assert "not-the-token" not in mail


def test_with_notifications_a_failing_server_sends_no_mail(machine: Machine) -> None:
    assert "notified-failing" not in machine.mails()


def test_with_notifications_a_mistake_in_the_configuration_is_still_mailed(machine: Machine) -> None:
    (mail,) = machine.mails()["notified-mistaken"]
    assert "config.yaml" in mail


def test_no_mail_shows_the_token(machine: Machine) -> None:
    assert all(TOKEN not in mail for mails in machine.mails().values() for mail in mails)


def test_readme_shows_the_line_that_mails_everything() -> None:
    assert lines()[0] in (ROOT / "README.md").read_text(encoding="utf-8")
