"""The service in a booted systemd: where its files are, and what a test asks of it again and again."""

from __future__ import annotations

import json
import re
import time

from tests.documented import ROOT
from tests.e2e.account import Account
from tests.system.booted import Machine

UNIT = "rotator.service"
CONFIG = "/etc/rotator/config.yaml"
DROP_INS = "/etc/systemd/system/rotator.service.d"
SOON = "[Service]\nRestartSec=100ms\n"
DOCUMENT = (ROOT / "docs" / "systemd.md").read_text()


def configure(machine: Machine, account: Account, *servers: dict[str, object], path: str = CONFIG) -> None:
    """Write a configuration without a token for the account's servers."""
    account.configure(*servers, api={"url": account.sandbox.url})
    machine.write(path, account.path.read_text())


def start(machine: Machine) -> int:
    """Start the daemon; gives its process id."""
    started = machine.run("systemctl", "start", "rotator")
    assert started.returncode == 0, json.dumps(machine.log(UNIT), indent=1)
    return int(machine.show(UNIT, "MainPID"))


def drop_in(machine: Machine, name: str, text: str) -> None:
    """Put a drop-in into the unit, besides those that are there."""
    machine.write(f"{DROP_INS}/{name}", text)
    machine.do("systemctl daemon-reload")


def shown_file(path: str) -> str:
    """The file that the document shows under this path."""
    found = re.search(rf"```ini\n(# {re.escape(path)}\n.*?)```", DOCUMENT, re.DOTALL)
    assert found, f"docs/systemd.md shows no {path}"
    return found[1]


def stands(machine: Machine) -> str:
    return machine.show(UNIT, "ActiveState")


def outlasts(machine: Machine) -> tuple[str, str, str]:
    """How the daemon stands once systemd had time for five starts, its last exit code, and how often it restarted."""
    time.sleep(1)
    return stands(machine), machine.show(UNIT, "ExecMainStatus"), machine.show(UNIT, "NRestarts")


def flat(configuration: str) -> str:
    """A configuration in JSON as the lines of YAML that can follow others."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in json.loads(configuration).items())
