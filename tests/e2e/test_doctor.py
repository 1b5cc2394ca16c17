"""`rotator doctor` against an account: what it finds, what it does not touch, what it does not show."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from rotator.sandbox import Answer, Request
from tests.e2e.account import DB, Account, clock
from tests.e2e.program import Finished, Program


def by_check(ran: Finished) -> dict[str, list[dict[str, Any]]]:
    """The findings of each check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in ran.json["findings"]:
        assert set(each) == {"check", "status", "finding", "remedy"}
        assert (each["remedy"] is not None) == (each["status"] in ("warn", "fail"))
        found.setdefault(each["check"], []).append(each)
    return found


def failed(ran: Finished) -> list[str]:
    return [each["check"] for each in ran.json["findings"] if each["status"] == "fail"]


def doctor(rotator: Program, *arguments: str | Path, **variables: str) -> Finished:
    return rotator("doctor", "--json", "--state-dir", rotator.home / "state", *arguments, env=variables)


def test_a_healthy_installation_has_nothing_failed(rotator: Program, account: Account) -> None:
    before = sorted(rotator.home.rglob("*"))
    ran = doctor(rotator, "-c", account.configure(account.server(), account.server(DB)))
    assert (ran.code, ran.err, failed(ran)) == (0, "", [])
    found = by_check(ran)
    assert found["token"][0]["finding"].startswith(f"from api.token_file: {account.token_file} (0600, ")
    assert "may read, write" in found["API token"][0]["finding"]
    assert found["servers"][0]["finding"] == "2 servers in the account, 0 of them not in the configuration"
    assert found["clock"][0]["finding"] == "within a second of the API's clock"
    assert "free" in found["lock"][0]["finding"]
    assert account.changes == 0
    assert sorted(rotator.home.rglob("*")) == before


def test_lines_for_people_fit_and_are_coloured_on_a_terminal(rotator: Program, account: Account) -> None:
    ran = rotator("doctor", "-c", account.path, "--state-dir", rotator.home)
    assert ran.code == 0
    assert "ok    API token        sandbox of operator@example.org, may read, write" in ran.out
    assert ran.out.splitlines()[-1].startswith("0 failed, ")
    assert "\x1b" not in ran.out
    seen = rotator.on_terminal("doctor", "-c", account.path, "--state-dir", rotator.home)
    assert "\x1b[32mok  \x1b[0m  API token" in seen.out


def test_a_refused_token_is_told_with_a_remedy(rotator: Program, account: Account) -> None:
    account.token_file.write_text("another-token-2g7KpQ\n")
    ran = doctor(rotator, "-c", account.path)
    assert ran.code == 1
    assert failed(ran) == ["API token"]
    for name in ("API latency", "servers"):
        assert by_check(ran)[name][0]["finding"] == "needs a token that is accepted"
    assert "make a new token" in by_check(ran)["API token"][0]["remedy"]
    assert "another-token-2g7KpQ" not in ran.out + ran.err


def test_a_token_that_may_only_read_is_told(rotator: Program, account: Account) -> None:
    owner, token = {"email": "a@example.org"}, {"name": "t", "permissions": ["read"]}

    def read_only(request: Request) -> Answer | None:
        if request.path.endswith("/account/me/"):
            return Answer(200, body=json.dumps({"account": owner, "token": token}).encode())
        return None

    account.sandbox.intercept = read_only
    found = by_check(doctor(rotator, "-c", account.path))["API token"][0]
    assert (found["status"], found["finding"]) == ("warn", "t of a@example.org, may read")
    assert "may write" in found["remedy"]


def test_a_broken_configuration_stops_only_what_needs_it(rotator: Program, account: Account) -> None:
    account.path.write_text("servers:\n  - {id: 1, name: web, schedule: sometimes}\n")
    ran = doctor(rotator, "-c", account.path, "--token-file", account.token_file)
    assert ran.code == 1
    assert failed(ran) == ["configuration"]
    found = by_check(ran)
    assert "servers[0].schedule" in found["configuration"][0]["finding"]
    for name in ("hooks", "API address", "servers", "state", "lock", "page"):
        assert found[name][0]["status"] == "skipped"
        assert "needs a con" in found[name][0]["finding"]
    for name in ("program", "packages", "token", "state directory", "environment"):
        assert found[name][0]["status"] == "ok", name


def test_no_configuration_at_all(rotator: Program) -> None:
    ran = doctor(rotator)
    assert (ran.code, failed(ran)) == (1, ["configuration"])
    assert "copy config.example.yaml" in by_check(ran)["configuration"][0]["finding"]


def test_an_api_that_is_down_is_told_once(rotator: Program, account: Account) -> None:
    account.sandbox.stop()
    ran = doctor(rotator, "-c", account.path)
    assert failed(ran) == ["API address"]
    assert "no connection" in by_check(ran)["API address"][0]["finding"]
    assert by_check(ran)["servers"][0]["finding"] == "needs a connection"


def test_an_api_that_answers_nonsense_does_not_break_it(rotator: Program, account: Account) -> None:
    account.sandbox.intercept = lambda _: Answer(200, body=b'{"hello": "world"}')
    ran = doctor(rotator, "-c", account.path)
    assert ran.code == 1
    assert set(failed(ran)) == {"API token", "servers"}


def test_wrong_ids_and_names_are_found(rotator: Program, account: Account) -> None:
    path = account.configure(account.server(99), account.server(DB, name="mail-server-01"))
    found = by_check(doctor(rotator, "-c", path))["servers"]
    assert [each["status"] for each in found] == ["fail", "warn", "ok"]
    assert found[0]["finding"] == "not in this account: 99 (server-99)"
    assert found[1]["finding"] == f"another name at the API: {DB} (mail-server-01)"


def test_a_wrong_clock_is_told(rotator: Program, account: Account) -> None:
    account.cloud.now = lambda: clock() + timedelta(minutes=20)
    found = by_check(doctor(rotator, "-c", account.path))["clock"][0]
    assert found["status"] == "fail"
    assert "behind the API's clock: snapshots get the wrong slot" in found["finding"]


def test_a_running_daemon_is_seen(rotator: Program, account: Account) -> None:
    daemon = rotator.start("run", "-c", account.path)
    daemon.wait_for("pass_finished")
    held, other = by_check(doctor(rotator, "-c", account.path, "--state-dir", rotator.home / "elsewhere"))["lock"]
    assert f"held by process {daemon.pid}, whose loop turned" in held["finding"]
    assert (other["status"], "another state" in other["finding"]) == ("warn", True)
    (same,) = by_check(doctor(rotator, "-c", account.path))["lock"]
    assert same["status"] == "ok"


def test_hooks_that_are_not_there_are_found(rotator: Program, account: Account) -> None:
    account.configure(account.server(hooks={"before": ["no-such-program-here", "-f"]}))
    found = by_check(doctor(rotator, "-c", account.path))["hooks"][0]
    assert found["status"] == "fail"
    assert found["finding"].startswith("no-such-program-here: ")


def test_a_proxy_that_is_set_is_named(rotator: Program, account: Account) -> None:
    ran = doctor(rotator, "-c", account.path, HTTPS_PROXY="http://user:proxy-password@127.0.0.1:9")
    assert ran.code == 0
    assert by_check(ran)["proxies"][0]["finding"] == "set: HTTPS_PROXY"
    assert "proxy-password" not in ran.out
