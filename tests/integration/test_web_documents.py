"""The commands of docs/status-page.md, run against a real page on loopback."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rotator.config import WebSettings
from rotator.web.site import Site
from tests.components import needs_component
from tests.documented import documented
from tests.integration.test_web_server import config
from tests.showcase import LATER, board_of, fleet

pytestmark = pytest.mark.component


@contextmanager
def shown(settings: WebSettings, **states: Any) -> Iterator[Any]:
    policies = fleet(3)
    site = Site(settings, board_of(policies, **states), lambda: LATER, {})
    site.open()
    try:
        site.configured(config(settings, policies), LATER)
        yield site.address
    finally:
        site.closing("the test is over")


def run(command: str) -> str:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def programs() -> None:
    for program in ("curl", "jq"):
        needs_component(program)


def test_health_and_readiness_are_asked_for_as_shown() -> None:
    with shown(WebSettings("127.0.0.1:0")) as (_, port):
        alive = documented("docs/status-page.md", "curl -sS http://127.0.0.1:9187/healthz")
        assert json.loads(run(alive.replace("9187", str(port)))) == {"alive": True, "reason": None}
        ready = documented("docs/status-page.md", "curl -sS http://127.0.0.1:9187/readyz")
        assert json.loads(run(ready.replace("9187", str(port)))) == {"ready": True, "reasons": []}


def test_servers_that_need_attention_are_listed_as_shown() -> None:
    command = documented(
        "docs/status-page.md",
        "curl -sS http://127.0.0.1:9187/status.json"
        " | jq -r '.servers[] | select(.problems != []) | .server + \": \" + .problems[0]'",
    )
    with shown(WebSettings("127.0.0.1:0"), troubled=2) as (_, port):
        lines = run(command.replace("9187", str(port))).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["web-0001", "web-0002"]


def test_the_unix_socket_answers_as_shown(tmp_path: Path) -> None:
    command = documented("docs/status-page.md", "curl -sS --unix-socket /run/rotator/web.sock http://rotator/healthz")
    path = str(tmp_path / "web.sock")
    with shown(WebSettings(path)):
        assert json.loads(run(command.replace("/run/rotator/web.sock", path)))["alive"] is True


def test_a_token_is_made_and_used_as_shown(tmp_path: Path) -> None:
    make = documented(
        "docs/status-page.md",
        "(umask 077 && head -c 32 /dev/urandom | base64 | tr -d '+/=' > /etc/rotator/web-token)",
    )
    use = documented(
        "docs/status-page.md",
        'curl -sS -H "Authorization: Bearer $(cat /etc/rotator/web-token)" http://10.0.0.5:9187/status.json',
    )
    file = tmp_path / "web-token"
    run(make.replace("/etc/rotator/web-token", str(file)))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with shown(WebSettings("127.0.0.1:0", file)) as (_, port):
        asking = use.replace("/etc/rotator/web-token", str(file)).replace("10.0.0.5:9187", f"127.0.0.1:{port}")
        assert len(json.loads(run(asking))["servers"]) == 3
        assert "a token is needed" in run(f"curl -sS http://127.0.0.1:{port}/")
