"""What `rotator check` says of hooks, of the page and of those who are told."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from rotator.cli.commands.check import run

CONFIG = """
web: {listen: 127.0.0.1:9187}
notify:
  remind_every: 12h
  check_ins: [{url: 'https://hc.example.org/S3CRET'}]
  apprise: [{url_file: apprise}, {url: 'ntfys://ntfy.example.org/S3CRET'}]
defaults: {schedule: daily, max_age: 36h}
servers:
  - {id: 1, name: web, hooks: {before: [sh, -c, 'exit 0'], after: [no-such-program], after_when: requested}}
  - {id: 2, name: db, hooks: {after: ./not-there | true, shell: true, timeout: 5m}}
  - {id: 3, name: mail, hooks: {before: [bin/freeze], after: [bin/thaw]}}
  - {id: 4, name: shop, hooks: {before: [bin/freeze], after: [bin/thaw]}}
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """All of it, on one line."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "freeze").write_text("#!/bin/sh\n")
    (tmp_path / "token").write_text("token")
    (tmp_path / "c.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    arguments = argparse.Namespace(config="c.yaml", online=False, token_file="token")
    assert run(arguments) == 0
    return " ".join(capsys.readouterr().out.split())


def test_hooks_and_the_age_are_told_in_words(said: str) -> None:
    assert (
        "told when the newest is older than 36h; before each snapshot runs `sh -c 'exit 0'`, for up to 1m; "
        "once it is requested runs `no-such-program`, for up to 1m: web"
    ) in said
    assert "once it is completed runs `./not-there | true`, for up to 5m: db" in said


def test_programs_that_are_not_there_are_told_once(said: str) -> None:
    warned = [line for line in said.split(" ! ") if line.startswith("hooks of ")]
    assert len(warned) == 3
    assert (
        warned[0] == "hooks of web: no-such-program: there is no such program in PATH (/usr/bin:/bin); write its path"
    )
    assert warned[1].startswith("hooks of mail: bin/freeze: this user may not execute it; chmod +x it")
    assert warned[2].startswith("hooks of mail: bin/thaw: there is no such file; write its whole path")


def test_the_page_and_the_receivers_are_told_and_no_address_is(said: str) -> None:
    assert "* status page on 127.0.0.1:9187, for everybody on this machine" in said
    assert "* tells of changes: 1 check-in, 2 Apprise targets; reminds every 12h" in said
    assert "! notify.apprise[0].url_file: cannot use apprise: there is no such file" in said
    assert "S3CRET" not in said
