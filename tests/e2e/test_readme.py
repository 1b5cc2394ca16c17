"""The commands of the README, of docs/json.md and of docs/upgrading.md, run as they stand but for the places."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rotator.state.schema import VERSION
from tests.components import needs_component
from tests.documented import ROOT, documented
from tests.e2e.account import DB, Account
from tests.e2e.program import SCRIPT, TOKEN, Finished, Program


def shell(rotator: Program, line: str, *, stdin: str = "", cwd: Path | None = None, timeout: float = 60) -> Finished:
    """What a shell makes of a line; `rotator` is the program under test."""
    environment = rotator.environment | {"PATH": f"{SCRIPT.parent}:{rotator.environment['PATH']}"}
    ran = subprocess.run(
        ["bash", "-euc", line],
        cwd=cwd or rotator.home,
        env=environment,
        input=stdin.encode(),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Finished(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def installed(line: str) -> str:
    """The line for the program under test, where the document has that of a fresh environment."""
    return line.replace("sudo ", "").replace("/opt/rotator", str(SCRIPT.parents[1]))


class TestTryIt:
    def test_first_command_shows_a_rotation(self, rotator: Program) -> None:
        """CI runs the whole line on a bare system; this runs what follows the installation."""
        line = documented(
            "README.md",
            "python3 -m venv .venv && .venv/bin/pip install -q -e . && "
            ".venv/bin/rotator once --sandbox -c config.example.yaml",
        )
        *_, last = line.split(" && ")
        ran = shell(rotator, last.replace(".venv/bin/", ""), cwd=ROOT)
        assert ran.code == 0, ran.err
        assert "web-server-01 (12345)  RRRRR -> RRRR." in ran.out
        assert "0 with problems" in ran.out

    def test_second_command_runs_the_tests(self, rotator: Program) -> None:
        """CI runs the whole line; this runs one file with it, since it is one of the tests itself."""
        line = documented("README.md", ".venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest -q -n auto --cov")
        *_, last = line.split(" && ")
        assert last.startswith(".venv/bin/pytest ")
        test = f"{sys.executable} -m pytest {last.removeprefix('.venv/bin/pytest ')}"
        one = test.replace("-n auto --cov", "-n 0 -p no:cacheprovider tests/unit/test_naming.py")
        ran = shell(rotator, one, cwd=ROOT, timeout=100)
        assert ran.code == 0, ran.out
        assert " passed" in ran.out


class TestWithARealAccount:
    def test_the_token_is_saved_for_its_owner_only(self, rotator: Program) -> None:
        line = documented("README.md", "(umask 077; cat > token)")
        assert shell(rotator, line, stdin=TOKEN + "\n").code == 0
        token = rotator.home / "token"
        assert token.read_text() == TOKEN + "\n"
        assert stat.S_IMODE(token.stat().st_mode) == 0o600

    def test_check_look_do_it(self, rotator: Program, account: Account) -> None:
        """In a directory with `config.yaml` and `token`, as the steps before leave them."""
        account.configure(account.server(), account.server(DB))
        checked = shell(rotator, documented("README.md", "rotator check --online"))
        assert (checked.code, "online: 0 problems" in checked.out) == (0, True)
        planned = shell(rotator, documented("README.md", "rotator plan"))
        assert (planned.code, account.changes) == (0, 0)
        assert account.name(0) in planned.out
        done = shell(rotator, documented("README.md", "rotator once"))
        assert (done.code, account.names()) == (0, account.expected(0))
        shown = shell(rotator, documented("README.md", "rotator status"))
        assert (shown.code, "R...." in shown.out) == (0, True)

    def test_keep_doing_it_until_ctrl_c(self, rotator: Program, account: Account) -> None:
        line = documented("README.md", "rotator run").split()
        daemon = rotator.start(*line[1:])
        daemon.wait_for("snapshot_completed")
        assert daemon.end(signal.SIGINT).code == 0
        assert account.names() == account.expected(0)


@pytest.mark.component
class TestJson:
    def test_blocked_servers(self, rotator: Program, account: Account) -> None:
        needs_component("jq")
        line = documented("docs/json.md", "rotator plan --json | jq -r '.servers[] | select(.blocked) | .server'")
        account.configure(account.server(), account.server(DB))
        account.plant_foreign("one", "two", "three", "four", "five")
        ran = shell(rotator, line)
        assert (ran.code, ran.out) == (0, "web-server-01\n"), ran.err

    def test_ages(self, rotator: Program, account: Account) -> None:
        needs_component("jq")
        line = documented(
            "docs/json.md",
            "rotator status --json | jq -r '.servers[] | [.server, .state, "
            '([.snapshots[] | select(.owned and .status == "completed").age_s] | min)] | @tsv\'',
        )
        account.plant(0, 1)
        name, state, age = shell(rotator, line).out.rstrip("\n").split("\t")
        assert (name, state) == ("web-server-01", "ok")
        assert 6 * 3600 < float(age) < 7 * 3600

    def test_what_the_doctor_advises(self, rotator: Program, account: Account) -> None:
        needs_component("jq")
        line = documented("docs/json.md", "rotator doctor --json | jq -r '.findings[] | select(.remedy) | .remedy'")
        account.token_file.chmod(0o644)
        ran = shell(rotator, line)
        assert ran.code == 0, ran.err
        assert "chmod 0600 it" in ran.out


class TestUpgrading:
    @pytest.fixture
    def etc(self, account: Account) -> Path:
        """What stands in /etc/rotator in the document; the token is given by an option there."""
        account.configure(account.server(), account.server(DB), api={"url": account.sandbox.url})
        return account.home

    def test_check_plan_and_doctor(self, rotator: Program, account: Account, etc: Path) -> None:
        for line in (
            documented("docs/upgrading.md", "/opt/rotator/bin/rotator check -c /etc/rotator/config.yaml"),
            documented(
                "docs/upgrading.md",
                "sudo /opt/rotator/bin/rotator plan -c /etc/rotator/config.yaml --token-file /etc/rotator/token",
            ),
            documented(
                "docs/upgrading.md",
                "sudo /opt/rotator/bin/rotator doctor -c /etc/rotator/config.yaml --token-file /etc/rotator/token",
            ),
        ):
            ran = shell(rotator, installed(line).replace("/etc/rotator", str(etc)))
            assert ran.code == 0, ran.out + ran.err
        assert account.changes == 0

    def test_completions_and_the_manual_page_are_copied(self, rotator: Program, tmp_path: Path) -> None:
        line = documented("docs/upgrading.md", "sudo cp -r /opt/rotator/share/. /usr/local/share/")
        share = tmp_path / "usr-local-share"
        share.mkdir()
        ran = shell(rotator, installed(line).replace("/usr/local/share", str(share)))
        assert ran.code == 0, ran.err
        for path in ("man/man1/rotator.1", "bash-completion/completions/rotator", "zsh/site-functions/_rotator"):
            assert (share / path).stat().st_size > 1000

    def test_lock_files_are_removed_for_an_older_version(self, rotator: Program, tmp_path: Path) -> None:
        line = documented("docs/upgrading.md", "sudo sh -c 'rm -f /run/rotator/*.lock'")
        (tmp_path / "config-0123.lock").write_text("1234\n1:2\n")
        (tmp_path / "other").touch()
        assert shell(rotator, installed(line).replace("/run/rotator", str(tmp_path))).code == 0
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["other"]

    def test_the_version_of_the_state_is_documented(self) -> None:
        text = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
        rows = [line for line in text.splitlines() if line.startswith("| 0.")]
        assert rows[-1].endswith(f" | {VERSION} |")
        assert os.access(ROOT / "docs" / "systemd.md", os.R_OK)
