"""What `rotator check` says of hooks, of the page and of those who are told."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import pytest

from rotator.cli.commands.check import run
from rotator.config import load
from rotator.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise's

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
    (tmp_path / "apprise").write_text("ntfys://ntfy.example.org/S3CRET")
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
    assert warned[0].startswith("hooks of web, after: no-such-program: there is no such program in PATH; write its")
    assert warned[1].startswith("hooks of mail and 1 more, before: ")
    assert "/bin/freeze: this user may not execute it; chmod +x it" in warned[1]
    assert warned[2].startswith("hooks of mail and 1 more, after: ")
    assert "/bin/thaw: there is no such file; write its whole path" in warned[2]


def test_the_page_and_the_receivers_are_told_and_no_address_is(said: str) -> None:
    assert "* status page on 127.0.0.1:9187, for everybody on this machine" in said
    assert "* tells of changes: 1 check-in, 2 Apprise targets; reminds every 12h" in said
    assert "! notify.apprise[0].url_file: every user of this machine may read or change" in said
    assert "S3CRET" not in said


def check(text: str, folder: Path) -> int:
    (folder / "c.yaml").write_text(text + "\nservers: [{id: 1, name: web, schedule: daily}]\n")
    return run(argparse.Namespace(config=str(folder / "c.yaml"), online=False, token_file=None))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("web: {listen: 127.0.0.1:9187, token_file: gone}", "web.token_file: cannot use {}/gone: there is no such"),
        ("notify: {check_ins: [{url_file: gone}]}", "notify.check_ins[0].url_file: cannot use {}/gone: there is no"),
        ("notify: {apprise: [{url: 'nosuch://service'}]}", "notify.apprise[0]: Apprise does not take this nosuch://"),
    ],
)
def test_what_run_would_refuse_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(text, tmp_path)
    assert str(caught.value).startswith(told.format(tmp_path))


@pytest.mark.parametrize(
    ("text", "package", "told"),
    [
        ("web: {listen: 127.0.0.1:9187}", "waitress", "pip install 'vps-rotator[web]'"),
        ("notify: {apprise: [{url: 'ntfys://n.example.org/a'}]}", "apprise", "pip install 'vps-rotator[apprise]'"),
    ],
)
def test_an_extra_that_is_not_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, package: str, told: str
) -> None:
    monkeypatch.setattr("rotator.cli.refusals.find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=re.escape(told)):
        check(text, tmp_path)


def test_files_that_only_the_service_has_are_not_missed(tmp_path: Path) -> None:
    secret = "$CREDENTIALS_DIRECTORY/secret"
    text = f"web: {{listen: 127.0.0.1:9187, token_file: {secret}}}\nnotify: {{apprise: [{{url_file: {secret}}}]}}"
    assert check(text, tmp_path) == 0


def test_a_relative_path_of_a_hook_is_one_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the configuration is named by a relative path: `./true` is not the `true` of PATH."""
    monkeypatch.chdir(tmp_path)
    hooks = "{before: [./true], after: [bin/true]}"
    Path("c.yaml").write_text(f"servers: [{{id: 1, name: web, schedule: daily, hooks: {hooks}}}]\n")
    for named in (Path("c.yaml"), Path("./c.yaml"), tmp_path / "c.yaml"):
        found = load(named).policies[0].hooks
        assert found is not None
        assert (str(found.before), str(found.after)) == (f"{tmp_path}/true", f"{tmp_path}/bin/true")
