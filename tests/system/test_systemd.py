"""The life of the service in a booted systemd: start, token, restart, reload, stop, log; against a sandbox API."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

import pytest

from rotator.sandbox import Answer, Sandbox
from tests.documented import documented
from tests.e2e.account import DB, FOR_EVER, Account
from tests.e2e.program import TOKEN, until
from tests.system.booted import HERE, Machine
from tests.system.service import CONFIG, UNIT, configure, drop_in, outlasts, stands, start

pytestmark = [pytest.mark.component, pytest.mark.timeout(300)]


class TestStart:
    def test_service_is_enabled_and_says_how_the_servers_stand(self, service: Machine, account: Account) -> None:
        account.plant(0, 1)
        service.do(documented("docs/systemd.md", "sudo systemctl enable --now rotator"))
        assert service.do("systemctl is-enabled rotator").strip() == "enabled"
        at = account.slot + timedelta(days=1)
        words = rf'Status: "1 server, next (... )?{at:%H:%M} web-server-01"'
        status = documented("docs/systemd.md", "systemctl status rotator")
        until("the status is said", lambda: re.search(words, service.do(status)))

    def test_is_as_easy_as_the_readme_says(self, service: Machine, account: Account) -> None:
        account.plant(0)
        service.write(f"{HERE}/config.yaml", service.path(CONFIG).read_text())
        install = documented("README.md", "sudo python3 -m venv /opt/rotator && sudo /opt/rotator/bin/pip install .")
        service.do(install.replace("install .", "install vps-rotator"))
        service.do(documented("README.md", "sudo install -D -m 0644 config.yaml /etc/rotator/config.yaml"))
        service.do(documented("README.md", "sudo install -m 0600 token /etc/rotator/token"))
        service.do(
            documented("README.md", "sudo install -m 0644 systemd/rotator.service /etc/systemd/system/rotator.service")
        )
        service.do(documented("README.md", "/opt/rotator/bin/rotator check -c /etc/rotator/config.yaml"))
        status = service.do(
            documented(
                "README.md",
                "sudo systemctl daemon-reload && sudo systemctl enable --now rotator && systemctl status rotator",
            )
        )
        assert "Active: active (running)" in status

    def test_is_over_when_the_configuration_is_in_force(self, service: Machine) -> None:
        start(service)
        loaded = datetime.fromisoformat(service.wait_for(UNIT, "config_loaded")["timestamp"])
        entries = service.journal("--unit", UNIT, f"--since=@{service.since}")
        [started] = [entry for entry in entries if entry["MESSAGE"].startswith("Started ")]
        assert loaded.timestamp() < int(started["_SOURCE_REALTIME_TIMESTAMP"]) / 1_000_000

    def test_fails_for_a_broken_configuration_and_is_not_tried_again(self, service: Machine) -> None:
        service.write(CONFIG, "servers:\n  - id: 12345\n    kep: 4\n")
        assert service.run("systemctl", "start", "rotator").returncode != 0
        assert outlasts(service) == ("failed", "78", "0")
        [said] = [line["text"] for line in service.log(UNIT) if "kep" in line.get("text", "")]
        assert said.startswith(f"rotator: {CONFIG}:3:5: servers[0].kep")
        assert {line["priority"] for line in service.log(UNIT) if "text" in line} == {3}

    def test_with_a_refused_token_is_not_tried_again(self, service: Machine) -> None:
        service.write("/etc/rotator/token", "another-token-9dKw31LmQ8\n", 0o600)
        service.run("systemctl", "start", "rotator")
        until("it gives up", lambda: stands(service) == "failed")
        assert outlasts(service) == ("failed", "77", "0")

    def test_survives_an_api_that_is_down(self, service: Machine, account: Account) -> None:
        account.sandbox.stop()
        pid = start(service)
        service.wait_for(UNIT, "api_error")
        assert "Connection refused" in service.show(UNIT, "StatusText")
        with Sandbox(account.cloud, TOKEN, port=account.sandbox.port):
            service.wait_for(UNIT, "snapshot_completed", 45)
            assert service.show(UNIT, "MainPID") == str(pid)


class TestToken:
    def test_is_there_for_the_service_and_for_nobody_else(self, service: Machine) -> None:
        pid = start(service)
        stranger = ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")
        credential = "/run/credentials/rotator.service/api-token"
        assert service.run("cat", credential).stdout == TOKEN + "\n"
        for secret in (credential, "/etc/rotator/token", f"/proc/{pid}/environ", f"/proc/{pid}/maps"):
            refused = service.run(*stranger, "cat", secret)
            assert (refused.returncode, refused.stdout) == (1, "")
            assert "Permission denied" in refused.stderr
        for public in ("environ", "cmdline", "status"):
            shown = service.run("cat", f"/proc/{pid}/{public}").stdout
            assert "rotator" in shown
            assert TOKEN not in shown
        assert TOKEN not in service.do("systemctl show rotator; systemctl status rotator")
        assert not [entry for entry in service.journal() if TOKEN in str(entry)]

    def test_that_is_new_takes_effect_with_a_restart(self, service: Machine) -> None:
        service.write("/etc/rotator/token", "another-token-9dKw31LmQ8\n", 0o600)
        service.run("systemctl", "start", "rotator")
        until("it gives up", lambda: stands(service) == "failed")
        service.do(documented("docs/systemd.md", "sudo install -m 0600 token /etc/rotator/token"))
        service.do(documented("docs/systemd.md", "sudo systemctl restart rotator"))
        service.wait_for(UNIT, "snapshot_completed")


class TestRestart:
    @pytest.mark.parametrize("answered", [True, False], ids=["asked for", "whose request was in flight"])
    def test_after_a_kill_finishes_the_snapshot(self, service: Machine, account: Account, answered: bool) -> None:
        account.plant(1, 2, 3, 4)
        account.cloud.create_time = FOR_EVER
        slow = Answer(process=True, delay=timedelta(seconds=25))
        account.sandbox.intercept = lambda request: slow if request.method == "POST" and not answered else None
        start(service)
        until("it is created", lambda: account.name(0) in account.names())
        if answered:
            service.wait_for(UNIT, "snapshot_created", adopted=False)
        service.do("systemctl kill --signal=KILL rotator")
        until("it is started again", lambda: service.show(UNIT, "NRestarts") == "1" and stands(service) == "active")
        if not answered:
            service.wait_for(UNIT, "snapshot_created", adopted=True, snapshot=account.name(0))
        until("it waits", lambda: "1 in progress" in service.show(UNIT, "StatusText"))
        account.finish()
        service.wait_for(UNIT, "snapshot_completed", snapshot=account.name(0))
        service.wait_for(UNIT, "snapshot_deleted", snapshot=account.name(4))
        assert (account.created, account.names()) == (1, account.expected(0, 1, 2, 3))

    def test_loop_that_stands_still_is_killed_and_started_again(self, service: Machine, account: Account) -> None:
        drop_in(service, "watchdog.conf", "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=1s\n")
        account.cloud.create_time = FOR_EVER  # it looks every 200 ms, and so the loop turns
        pid = start(service)
        service.wait_for(UNIT, "snapshot_created")
        time.sleep(4)
        assert service.show(UNIT, "MainPID") == str(pid), "a loop that turns is left alone"
        service.do(f"kill -STOP {pid}")
        until("it is started again", lambda: service.show(UNIT, "NRestarts") == "1" and stands(service) == "active")
        said = [entry["MESSAGE"] for entry in service.journal("--unit", UNIT, f"--since=@{service.since}")]
        assert any("Watchdog timeout" in text for text in said)
        account.finish()
        service.wait_for(UNIT, "snapshot_completed")
        assert account.created == 1


class TestReload:
    def test_of_a_good_file_takes_effect(self, service: Machine, account: Account) -> None:
        account.plant(0)
        pid = start(service)
        configure(service, account, account.server(), account.server(DB))
        service.do(documented("docs/systemd.md", "sudo systemctl reload rotator"))
        service.wait_for(UNIT, "config_loaded", servers=2)
        service.wait_for(UNIT, "snapshot_completed", server_id=DB)
        assert stands(service) == "active"
        assert service.show(UNIT, "MainPID") == str(pid)

    def test_of_a_bad_file_fails_and_keeps_the_old_one_in_force(self, service: Machine, account: Account) -> None:
        account.plant(0)
        start(service)
        service.write(CONFIG, "servers:\n  - id: 12345\n    kep: 4\n")
        assert service.run("systemctl", "reload", "rotator").returncode != 0
        assert stands(service) == "active"
        assert not service.logged(UNIT, "config_rejected"), "the check of the file failed, so it was not even asked"
        service.do("systemctl kill --signal=HUP --kill-who=main rotator")
        service.wait_for(UNIT, "config_rejected")
        until("it is ready again", lambda: stands(service) == "active")
        assert f"rejected, the old one stays in force: {CONFIG}:" in service.show(UNIT, "StatusText")
        configure(service, account, account.server(), account.server(DB))
        service.do("systemctl reload rotator")
        service.wait_for(UNIT, "config_loaded", servers=2)
        until("nothing is wrong any more", lambda: "rejected" not in service.show(UNIT, "StatusText"))

    def test_is_a_state_of_its_own_until_it_is_over(self, service: Machine, account: Account) -> None:
        account.plant(0)
        start(service)
        others = [account.server(number, name=f"web-{number}", enabled=False) for number in range(20_000, 23_000)]
        configure(service, account, account.server(), *others)  # takes a second to read
        service.do("systemctl kill --signal=HUP --kill-who=main rotator")
        until("it reloads", lambda: stands(service) == "reloading")
        until("it is ready again", lambda: stands(service) == "active")
        assert len(service.logged(UNIT, "config_loaded")) == 2


class TestStop:
    def test_takes_less_than_ten_seconds_with_a_call_in_flight(self, service: Machine, account: Account) -> None:
        account.sandbox.intercept = lambda _: Answer(process=True, delay=timedelta(seconds=25))
        start(service)
        until("it asks", lambda: account.sandbox.requests.total())
        begun = time.monotonic()
        service.do("systemctl stop rotator")
        assert time.monotonic() - begun < 10
        assert (stands(service), service.show(UNIT, "Result")) == ("inactive", "success")
        assert service.logged(UNIT, "daemon_stopped", reason="asked to stop")


class TestLog:
    def test_has_priorities_and_one_json_object_per_line(self, service: Machine, account: Account) -> None:
        account.cloud.fail_rate = 1.0
        start(service)
        service.wait_for(UNIT, "snapshot_failed")
        levels = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
        lines = service.log(UNIT)
        assert all(line["priority"] == levels[line["level"]] for line in lines)
        assert {"info", "error"} <= {line["level"] for line in lines}

    def test_is_read_with_the_documented_commands(self, service: Machine, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        start(service)
        service.wait_for(UNIT, "snapshot_deleted")
        assert "daemon_started" in service.do(documented("docs/systemd.md", "journalctl -u rotator -n 20"))
        severe = service.do(documented("docs/systemd.md", "journalctl -u rotator -p warning --since -7d"))
        assert "daemon_started" not in severe
        deleted = service.do(
            documented(
                "docs/systemd.md",
                "journalctl -u rotator -t rotator -o cat "
                "| jq -R 'fromjson? | select(.event == \"snapshot_deleted\") | .snapshot, .reason'",
            )
        )
        assert f'"{account.name(4)}"\n"no rule of keep: 4 wants it"\n' in deleted
