"""What operators do with the units in a booted systemd, with the commands of docs/systemd.md."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.documented import ROOT, documented
from tests.e2e.account import DB, Account
from tests.e2e.program import TOKEN, until
from tests.system.booted import HERE, Machine
from tests.system.service import CONFIG, DOCUMENT, DROP_INS, UNIT, configure, drop_in, flat, shown_file, stands, start

pytestmark = [pytest.mark.component, pytest.mark.timeout(300)]


class TestBeside:
    def test_commands_of_root_find_what_the_service_has(self, service: Machine, account: Account) -> None:
        start(service)
        service.wait_for(UNIT, "snapshot_completed")
        status = service.shell(
            documented(
                "docs/systemd.md",
                "sudo /opt/rotator/bin/rotator status -c /etc/rotator/config.yaml --token-file /etc/rotator/token",
            ).removeprefix("sudo ")
        )
        assert re.search(r"^web-server-01 +R", status.stdout, re.MULTILINE)
        plan = service.do(
            documented(
                "docs/systemd.md",
                "sudo /opt/rotator/bin/rotator plan -c /etc/rotator/config.yaml --token-file /etc/rotator/token",
            )
        )
        assert account.name(0) in plan
        history = service.do(
            documented("docs/systemd.md", "sudo /opt/rotator/bin/rotator history -c /etc/rotator/config.yaml")
        )
        assert account.name(0) in history
        busy = service.run("/opt/rotator/bin/rotator", "once", "-c", CONFIG, "--token-file", "/etc/rotator/token")
        assert busy.returncode == 75

    @pytest.mark.parametrize("there", [True, False], ids=["in the service's directories", "before the service"])
    def test_files_that_root_made_are_taken_over(self, service: Machine, account: Account, there: bool) -> None:
        start(service)
        service.do("systemctl stop rotator")
        files = "/var/lib/rotator/* /run/rotator/*"
        configure(service, account, account.server(), account.server(DB))
        service.do(f"rm -rf {files}" if there else "rm -rf /var/lib/private/rotator /run/private/rotator")
        service.do("true" if there else "rm -f /var/lib/rotator /run/rotator")
        service.do(f"/opt/rotator/bin/rotator once -c {CONFIG} --token-file /etc/rotator/token")
        service.do(f"touch -d '1 hour ago' {files}")
        service.forget()
        start(service)
        until("it looked", lambda: "next" in service.show(UNIT, "StatusText"))
        assert account.name(0) in service.do(f"/opt/rotator/bin/rotator history -c {CONFIG}")
        service.do(f"/opt/rotator/bin/rotator health -c {CONFIG}")
        assert not [line for line in service.log(UNIT) if line["priority"] < 5]


class TestSeveralAccounts:
    def test_run_beside_each_other(self, service: Machine, account: Account, tmp_path: Path) -> None:
        (tmp_path / "second").mkdir()
        second = Account(tmp_path / "second")
        second.sandbox.token = "second-token-5kQ0aWmR7"
        with second.sandbox:
            for name, each in {"work": account, "home": second}.items():
                configure(service, each, each.server(), path=f"{HERE}/{name}.yaml")
                service.write(f"{HERE}/{name}.token", each.sandbox.token + "\n", 0o600)
            service.do(documented("docs/systemd.md", "sudo install -m 0644 work.yaml home.yaml /etc/rotator/"))
            service.do(documented("docs/systemd.md", "sudo install -m 0600 work.token home.token /etc/rotator/"))
            service.do(
                documented("docs/systemd.md", "sudo install -m 0644 systemd/rotator@.service /etc/systemd/system/")
            )
            service.do("systemctl daemon-reload")
            service.do(documented("docs/systemd.md", "sudo systemctl enable --now rotator@work rotator@home"))
            for name in ("work", "home"):
                service.wait_for(f"rotator@{name}.service", "snapshot_completed")
            status = service.do(documented("docs/systemd.md", "systemctl status 'rotator@*'"))
            assert status.count("Active: active (running)") == 2
            for name, each in {"work": account, "home": second}.items():
                history = service.do(f"/opt/rotator/bin/rotator history -c /etc/rotator/{name}.yaml")
                assert each.name(0) in history
                self.sees_only_its_own(service, name)
            service.do("systemctl disable --now rotator@work rotator@home")
        assert (account.created, second.created) == (1, 1)

    @staticmethod
    def sees_only_its_own(machine: Machine, name: str) -> None:
        """Whoever runs in an instance, as its user, finds no other instance's token."""
        pid = machine.show(f"rotator@{name}.service", "MainPID")
        uid = machine.run("stat", "--format=%u", f"/proc/{pid}").stdout.strip()
        inside = ("nsenter", "-t", pid, "-m", "setpriv", f"--reuid={uid}", "--clear-groups", "sh", "-c")
        shown = machine.run(*inside, "ls /run/credentials; cat /run/credentials/*/api-token").stdout
        assert shown.split() == [f"rotator@{name}.service", TOKEN if name == "work" else "second-token-5kQ0aWmR7"]


class TestTimer:
    def test_takes_what_is_due(self, service: Machine, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        unit = "rotator-once.service"
        service.do(
            documented(
                "docs/systemd.md",
                "sudo install -m 0644 systemd/rotator-once.service systemd/rotator-once.timer /etc/systemd/system/",
            )
        )
        # The same timer on a time that comes in this test.
        often = "[Timer]\nOnCalendar=\nOnCalendar=*:*:*\nRandomizedDelaySec=0\nAccuracySec=10ms\n"
        service.write("/etc/systemd/system/rotator-once.timer.d/often.conf", often)
        service.do("systemctl daemon-reload")
        service.do(documented("docs/systemd.md", "sudo systemctl enable --now rotator-once.timer"))
        listed = service.do(documented("docs/systemd.md", "systemctl list-timers rotator-once.timer"))
        assert unit in listed
        until("a run is over", lambda: service.show(unit, "ExecMainExitTimestamp"))
        service.do("rm -r /etc/systemd/system/rotator-once.timer.d && systemctl daemon-reload")
        service.do("systemctl restart rotator-once.timer")
        service.do(documented("docs/systemd.md", "sudo systemctl start rotator-once"))
        status = service.shell(documented("docs/systemd.md", "systemctl status rotator-once"))
        assert (status.returncode, "status=0/SUCCESS" in status.stdout) == (3, True), "3: it is not running"
        service.do("systemctl disable --now rotator-once.timer")
        assert (account.created, account.names()) == (1, account.expected(0, 1, 2, 3))
        assert not [line for line in service.log(unit) if "text" in line], "the log is JSON and nothing else"

    def test_run_that_finds_trouble_leaves_the_unit_failed(self, service: Machine, account: Account) -> None:
        service.write("/etc/systemd/system/rotator-once.service", (ROOT / "systemd/rotator-once.service").read_text())
        service.do("systemctl daemon-reload")
        account.cloud.fail_rate = 1.0
        assert service.run("systemctl", "start", "rotator-once").returncode != 0
        assert service.show("rotator-once.service", "ExecMainStatus") == "1"
        assert "rotator-once.service" in service.do("systemctl --failed")


class TestDropIns:
    def test_change_the_command_and_the_limits(self, service: Machine, account: Account) -> None:
        account.plant(0)
        start(service)
        service.write(f"{HERE}/local.conf", shown_file(f"{DROP_INS}/local.conf"))
        service.do(
            documented(
                "docs/systemd.md",
                "sudo install -D -m 0644 local.conf /etc/systemd/system/rotator.service.d/local.conf",
            )
        )
        service.do(documented("docs/systemd.md", "sudo systemctl daemon-reload && sudo systemctl restart rotator"))
        service.wait_for(UNIT, "pass_started", priority=7)
        assert service.show(UNIT, "MemoryMax") == str(2 << 30)

    def test_score_is_the_documented_one(self, service: Machine) -> None:
        judged = service.do(documented("docs/systemd.md", "systemd-analyze security rotator.service"))
        [score] = re.findall(r"Overall exposure level for rotator.service: ([0-9.]+)", judged)
        assert "It scores 1.2 at most;" in DOCUMENT
        assert float(score) <= 1.2

    def test_give_the_page_a_directory_for_its_socket(self, service: Machine, account: Account) -> None:
        account.plant(0)
        [line] = re.findall(r"^d /run/rotator-page .*$", DOCUMENT, re.MULTILINE)
        service.write(f"{HERE}/tmpfiles.conf", line + "\n")
        service.write(f"{HERE}/socket.conf", shown_file(f"{DROP_INS}/socket.conf"))
        service.do(documented("docs/systemd.md", "sudo install -m 0644 tmpfiles.conf /etc/tmpfiles.d/rotator.conf"))
        service.do(documented("docs/systemd.md", "sudo systemd-tmpfiles --create rotator.conf"))
        service.do(
            documented(
                "docs/systemd.md",
                "sudo install -D -m 0644 socket.conf /etc/systemd/system/rotator.service.d/socket.conf",
            )
        )
        service.write("/etc/rotator/web-token", "page-token-3nV8cYtE1\n", 0o600)
        drop_in(service, "web.conf", shown_file(f"{DROP_INS}/web.conf"))
        page = {"listen": "/run/rotator-page/page.sock", "token_file": "/run/credentials/rotator.service/web-token"}
        account.configure(account.server(), api={"url": account.sandbox.url}, web=page)
        service.write(CONFIG, account.path.read_text())
        start(service)
        until("it looked", lambda: "next" in service.show(UNIT, "StatusText"))
        www_data = (
            "setpriv",
            "--reuid=www-data",
            "--regid=www-data",
            "--clear-groups",
            "/opt/rotator/bin/python3",
            "-c",
        )
        assert "200 OK" in service.run(*www_data, ASK).stdout
        nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/opt/rotator/bin/python3", "-c")
        assert "PermissionError" in service.run(*nobody, ASK).stderr


ASK = """\
import socket
asked = socket.socket(socket.AF_UNIX)
asked.connect("/run/rotator-page/page.sock")
asked.sendall(b"GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\nAuthorization: Bearer page-token-3nV8cYtE1\\r\\n\\r\\n")
print(asked.recv(4096).decode())
"""


class TestHooks:
    def test_reach_another_machine_with_a_key_of_their_own(self, service: Machine, account: Account) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
        service.do(
            documented("docs/systemd.md", "sudo ssh-keygen -q -t ed25519 -N '' -C rotator -f /etc/rotator/hook-key")
        )
        service.do(
            "mkdir -p /run/sshd /root/.ssh && ssh-keygen -A && cp /etc/rotator/hook-key.pub /root/.ssh/authorized_keys"
        )
        service.do(f"systemd-run --unit=web-01 /usr/sbin/sshd -D -p {port} -o ListenAddress=127.0.0.1")
        scan = documented("docs/systemd.md", "sudo sh -c 'ssh-keyscan web-01 > /etc/rotator/known_hosts'")
        known = "/etc/rotator/known_hosts"
        until("sshd answers", lambda: service.do(f"{scan.replace('web-01', f'-p {port} 127.0.0.1')}; cat {known}"))
        service.write(f"{HERE}/hooks.conf", shown_file(f"{DROP_INS}/hooks.conf"))
        service.do(
            documented(
                "docs/systemd.md",
                "sudo install -D -m 0644 hooks.conf /etc/systemd/system/rotator.service.d/hooks.conf",
            )
        )
        service.do("systemctl daemon-reload")
        [shown] = re.findall(r"```yaml\n(hooks:\n.*?)```", DOCUMENT, re.DOTALL)
        for there, here in {
            "root@web-01": f"-p, '{port}', root@127.0.0.1",
            "fsfreeze --freeze /srv": "touch /root/frozen",
            "fsfreeze --unfreeze /srv": "mv /root/frozen /root/thawed",
        }.items():
            assert there in shown
            shown = shown.replace(there, here)
        configure(service, account, account.server())
        rules = service.path(CONFIG).read_text()
        service.write(
            CONFIG, "defaults:\n" + re.sub("^", "  ", shown, flags=re.MULTILINE).rstrip() + "\n" + flat(rules)
        )
        try:
            start(service)
            service.wait_for(UNIT, "snapshot_completed")
            until("the server goes on", lambda: service.path("/root/thawed").exists())
            assert not [line for line in service.log(UNIT) if line["priority"] < 5]
        finally:
            service.do("systemctl stop web-01; rm -f /etc/rotator/hook-key* /root/thawed /root/frozen")


class TestUpgradeAndUninstall:
    def test_leave_nothing_behind(self, service: Machine, account: Account) -> None:
        account.plant(0)
        start(service)
        upgrade = documented("docs/systemd.md", "sudo /opt/rotator/bin/pip install --upgrade .")
        service.do(upgrade.replace("--upgrade .", "--upgrade vps-rotator"))
        service.do("systemctl daemon-reload && systemctl restart rotator")
        assert stands(service) == "active"
        service.do("cp -a /opt/rotator /opt/kept && cp -a /etc/rotator /etc/kept")
        service.do(documented("docs/systemd.md", "sudo systemctl disable --now rotator"))
        service.do(documented("docs/systemd.md", "sudo systemctl clean --what=state --what=runtime rotator"))
        service.do(
            documented("docs/systemd.md", "sudo rm -r /etc/systemd/system/rotator.service /opt/rotator /etc/rotator")
        )
        try:
            left = service.do("find / -xdev -name '*rotator*' -not -path '/root/*' -not -path '/opt/kept/*'").split()
            assert [path for path in left if not path.startswith(DROP_INS)] == []
        finally:
            service.do("mv /opt/kept /opt/rotator && mv /etc/kept /etc/rotator")
