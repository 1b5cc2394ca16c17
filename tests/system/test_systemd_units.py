"""The units in `systemd/` say only what systemd knows, and lock the service in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.components import needs_component
from tests.documented import ROOT

UNITS = ROOT / "systemd"
SERVICES = ("rotator.service", "rotator@.service", "rotator-once.service")

pytestmark = pytest.mark.component


def analysed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [needs_component("systemd-analyze"), *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program in them that there is on this machine."""
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/rotator/bin/rotator", "/bin/true"))
    return tmp_path


@pytest.mark.parametrize("unit", [*SERVICES, "rotator-once.timer"])
def test_systemd_has_nothing_to_remark(units: Path, unit: str) -> None:
    named = units / unit.replace("@.", "@work.")
    verified = analysed("verify", "--man=no", "--recursive-errors=yes", named)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_systemd_would_remark_an_unknown_setting(units: Path) -> None:
    unit = units / "rotator.service"
    unit.write_text(unit.read_text().replace("WatchdogSec", "WatchdogSeconds"))
    verified = analysed("verify", "--man=no", "--recursive-errors=yes", unit)
    assert verified.returncode != 0
    assert "WatchdogSeconds" in verified.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_service_is_exposed_to_little(units: Path, unit: str) -> None:
    judged = analysed("security", "--offline=true", "--threshold=15", units / unit)
    assert judged.returncode == 0, judged.stdout


def settings(unit: str) -> list[str]:
    """The settings of a unit that lock it in, without comments."""
    lines = (UNITS / unit).read_text().partition("CapabilityBoundingSet=")[2].partition("[Install]")[0].splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("unit", SERVICES[1:])
def test_services_are_locked_in_alike(unit: str) -> None:
    assert len(settings(unit)) > 20
    assert settings(unit) == settings("rotator.service")
