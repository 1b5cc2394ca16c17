"""A booted systemd with rotator installed in it as docs/systemd.md says, for all tests of the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documented import ROOT, documented
from tests.e2e.account import Account
from tests.e2e.program import TOKEN
from tests.system.booted import HERE, Machine, debian, needs_systemd, wheels
from tests.system.service import DROP_INS, SOON, configure


@pytest.fixture(scope="session")
def wheels_for_debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What there is to install."""
    needs_systemd()
    return wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def machine(wheels_for_debian: Path) -> Iterator[Machine]:
    """The machine, with the units installed and nothing enabled."""
    with Machine(debian(), wheels_for_debian) as machine:
        for unit in (ROOT / "systemd").iterdir():
            machine.write(f"{HERE}/systemd/{unit.name}", unit.read_text())
        machine.write(f"{HERE}/config.yaml", "servers: [{id: 12345, name: web-server-01, schedule: daily}]\n")
        machine.write(f"{HERE}/token", TOKEN + "\n", 0o600)
        install = documented(
            "docs/systemd.md", "sudo python3 -m venv /opt/rotator && sudo /opt/rotator/bin/pip install ."
        )
        machine.do(install.replace("install .", "install 'vps-rotator[web,metrics]'"))
        machine.do(documented("docs/systemd.md", "sudo install -D -m 0644 config.yaml /etc/rotator/config.yaml"))
        machine.do(documented("docs/systemd.md", "sudo install -m 0600 token /etc/rotator/token"))
        machine.do(documented("docs/systemd.md", "/opt/rotator/bin/rotator check -c /etc/rotator/config.yaml"))
        machine.do(documented("docs/systemd.md", "sudo install -m 0644 systemd/rotator.service /etc/systemd/system/"))
        machine.do(documented("docs/systemd.md", "sudo systemctl daemon-reload"))
        yield machine
    assert machine.leaves_nothing()


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account on this machine, which the booted one reaches by loopback."""
    account = Account(tmp_path)
    with account.sandbox:
        yield account


@pytest.fixture
def service(machine: Machine, account: Account) -> Iterator[Machine]:
    """The machine, without any trace of an earlier test, and with a configuration for the account."""
    machine.forget()
    configure(machine, account, account.server())
    machine.write("/etc/rotator/token", TOKEN + "\n", 0o600)
    machine.write(f"{DROP_INS}/soon.conf", SOON)
    machine.do("systemctl daemon-reload")
    yield machine
    machine.do("systemctl stop 'rotator*'; systemctl reset-failed; rm -rf /var/lib/private/rotator/* /run/rotator-page")
    machine.do("rm -rf /etc/systemd/system/rotator* /etc/systemd/system/*/rotator* /etc/tmpfiles.d/rotator.conf")
    machine.do("rm -f /var/lib/systemd/timers/*rotator*")
    machine.do("cp systemd/rotator.service /etc/systemd/system/")
    # Nothing that rotator ever says shows the token (S10), and it says nothing that a program could not read.
    assert not [line for line in machine.log("rotator*") if TOKEN in str(line)]
