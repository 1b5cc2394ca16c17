"""Every command as its users meet it: what it prints, what it asks, what it leaves in the account."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import requests

from rotator import __version__
from rotator.naming import slot_in_name
from rotator.sandbox import Answer, Request
from tests.e2e.account import DAY, DB, FAST, FOR_EVER, HOUR, WEB, Account, clock
from tests.e2e.program import SCRIPT, TOKEN, Finished, Program, until

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
COMMANDS = (
    *("run", "once", "plan", "prune", "status", "history", "check", "doctor", "health", "restore", "notify-test"),
    *("sandbox", "schema"),
)
HEAVY = {"requests", "urllib3", "structlog", "pydantic", "yaml", "schedule", "cronsim"}
ESCAPE = "\x1b"


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def flowing(text: str) -> str:
    """The text as if it had not been wrapped."""
    return " ".join(text.split())


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_teaches_by_example(self, rotator: Program, command: str) -> None:
        shown = rotator(command, "--help")
        assert (shown.code, shown.err) == (0, "")
        for taught in ("examples:\n", "exit codes:\n", f"  rotator {command}"):
            assert taught in shown.out
        assert widest(shown.out) <= 80

    def test_names_every_command_and_exit_code(self, rotator: Program) -> None:
        shown = rotator("--help")
        assert shown.code == 0
        assert widest(shown.out) <= 80
        for command in COMMANDS:
            assert re.search(rf"^    {command} ", shown.out, re.MULTILINE)
        for code in (0, 1, 2, 69, 75, 77, 78):
            assert re.search(rf"(^|\s){code} [a-z]", shown.out, re.MULTILINE | re.IGNORECASE)

    def test_version(self, rotator: Program) -> None:
        assert rotator("--version") == Finished(0, f"rotator {__version__}\n")
        assert rotator("--version", "check") == Finished(0, f"rotator {__version__}\n")

    @pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["once", "--help"], ["run", "--nonsense"]])
    def test_imports_nothing_heavy(self, rotator: Program, arguments: list[str]) -> None:
        ran = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "rotator", *arguments],
            env=rotator.environment,
            cwd=rotator.home,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
        assert "rotator" in imported
        assert not imported & HEAVY

    @pytest.mark.parametrize(
        "wrong", [[], ["nonsense"], ["once", "--nonsense"], ["restore", "--at"], ["once", "--log-level=x"]]
    )
    def test_wrong_usage_is_told_in_a_line(self, rotator: Program, wrong: list[str]) -> None:
        ran = rotator(*wrong)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("usage: rotator")
        assert "error:" in ran.err.splitlines()[-1]

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ([], "COMMAND; see `rotator --help`"),
            (["statsu"], "there is no command 'statsu'; perhaps you mean `rotator status`; see `rotator --help`"),
            (["xyz"], "there is no command 'xyz'; see `rotator --help`"),
            (["once", "--nonsense", "x"], "unrecognized arguments: --nonsense x; see `rotator once --help`"),
            (["once", "--token-file", ""], "argument --token-file: it is empty, perhaps a variable that is not set;"),
            (["run", "--state-dir="], "argument --state-dir: it is empty, perhaps a variable that is not set;"),
        ],
        ids=str,
    )
    def test_wrong_usage_says_where_to_read_on(self, rotator: Program, wrong: list[str], told: str) -> None:
        ran = rotator(*wrong)
        assert (ran.code, ran.out) == (2, "")
        assert told in ran.err
        command = wrong[0] if len(wrong) > 1 else "[-h]"
        assert ran.err.startswith(f"usage: rotator {command} ")

    def test_options_are_not_guessed(self, rotator: Program) -> None:
        assert rotator("restore", "801", "--ye").code == 2


class TestCheck:
    def test_says_what_a_good_configuration_means(self, rotator: Program) -> None:
        ran = rotator("check", "-c", EXAMPLE)
        assert (ran.code, ran.err) == (0, "")
        assert "ok, 5 servers" in ran.out
        assert "nightly: every day at 03:00 (Europe/Paris), keep 4: the new one is complete" in ran.out
        assert "adopts nightly-*" in ran.out
        assert "token: none usable from here" in flowing(ran.out)
        assert widest(ran.out.partition("\n")[2]) <= 80

    def test_says_what_making_room_first_costs(self, rotator: Program, account: Account) -> None:
        ran = rotator("check", "-c", account.configure(account.server(keep=5)))
        assert ran.code == 0
        assert "the oldest goes before the new one is" in ran.out
        assert "token: from api.token_file, " in flowing(ran.out)

    def test_warns_of_what_is_allowed_but_odd(self, rotator: Program, account: Account) -> None:
        account.token_file.chmod(0o644)
        path = account.configure(account.server(), account.server(DB, enabled=False), policies={"idle": {}})
        ran = rotator("check", "-c", path)
        assert ran.code == 0
        assert "ok, 1 server, 1 disabled" in ran.out
        assert "no server follows this policy" in ran.out
        assert "chmod 0600 it" in flowing(ran.out)

    def test_a_relative_hook_beside_a_relative_configuration_is_not_one_of_path(
        self, rotator: Program, account: Account
    ) -> None:
        """Wherever the configuration is named, `./true` is the file beside it; check and once agree."""
        script = account.home / "true"
        script.write_text(f"#!/bin/sh\ntouch {account.home}/ran\n")
        account.configure(account.server(hooks={"before": ["./true"], "after": ["./true"]}))
        for options in ([], ["-c", "config.yaml"]):
            shown = "".join(rotator("check", *options).out.split())
            assert f"{script}:thisusermaynotexecuteit" in shown
        script.chmod(0o755)
        assert "!" not in flowing(rotator("check").out)
        assert rotator("once").code == 0
        assert (account.home / "ran").exists()

    def test_refuses_what_run_refuses(self, rotator: Program, account: Account) -> None:
        path = account.configure(notify={"webhooks": [{"url_file": "gone"}]})
        told = [rotator(command, "-c", path) for command in ("check", "run")]
        assert [(ran.code, ran.out) for ran in told] == [(78, "")] * 2
        assert all("notify.webhooks[0].url_file: cannot use " in ran.err for ran in told)

    def test_tells_every_mistake_at_once_with_its_place(self, rotator: Program, account: Account) -> None:
        text = "servers:\n  - id: 12345\n    name: web\n    schedule: every 7 hours\n    keep: 6\n    kep: 4\n"
        account.path.write_text(text)
        ran = rotator("check", "-c", account.path)
        assert (ran.code, ran.out) == (78, "")
        for place in ("4:15", "5:11", "6:5"):
            assert f"rotator: {account.path}:{place}: servers[0]." in ran.err
        assert len(ran.err.splitlines()) == 3

    def test_online_agrees(self, rotator: Program, account: Account) -> None:
        ran = rotator("check", "--online", "-c", account.configure(account.server(), account.server(DB)))
        assert ran.code == 0
        assert "token: sandbox of operator@example.org, may read, write" in ran.out
        assert "servers: 2 in the account, 0 of them not in the configuration" in ran.out
        assert "online: 0 problems" in ran.out
        assert account.changes == 0

    def test_online_finds_wrong_ids_and_names(self, rotator: Program, account: Account) -> None:
        path = account.configure(account.server(name="db-server-01"), account.server(99))
        ran = rotator("check", "--online", "-c", path)
        assert ran.code == 1
        assert "server 12345 is 'db-server-01' here but 'web-server-01' at the API" in flowing(ran.out)
        assert "server 99 (server-99) is not in this account: check the id" in ran.out
        assert "servers: 2 in the account, 1 of them not in the configuration" in ran.out


class TestSchema:
    def test_is_draft_07_and_accepts_the_example(self, rotator: Program) -> None:
        ran = rotator("schema")
        assert (ran.code, ran.err) == (0, "")
        assert ran.json["$schema"].startswith("http://json-schema.org/draft-07/schema")
        jsonschema.Draft7Validator.check_schema(ran.json)
        validator = jsonschema.Draft7Validator(ran.json)
        server = {"id": 1, "name": "web", "schedule": "daily"}
        assert validator.is_valid({"servers": [server]})
        assert not validator.is_valid({"servers": [server | {"keep": 6}]})


class TestPlan:
    def test_shows_what_once_would_do_and_why(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        ran = rotator("plan", "-c", account.path)
        assert ran.code == 0
        assert f"web-server-01 (12345)  RRRR.  due: {account.slot:%Y-%m-%d %H:%M} UTC\n" in ran.out
        assert f"  + create {account.name(0)}: slot {account.slot:%Y-%m-%d %H:%M}:00Z is due\n" in ran.out
        assert f"  - delete {account.name(4)}: no rule of keep: 4 wants it\n" in ran.out
        assert f"  = {account.name(1)} kept: last #2\n" in ran.out
        assert widest(ran.out) <= 80
        assert account.names() == account.expected(1, 2, 3, 4)

    def test_a_long_name_does_not_make_a_line_too_long(self, rotator: Program, account: Account) -> None:
        name = "a-server-with-a-name-of-about-sixty-characters-for-its-purpose"
        account.plant(1)
        path = account.configure({**account.server(timezone="America/Argentina/Buenos_Aires"), "name": name})
        for command, fact in (("plan", "\n    due: "), ("once", "\n    R.... -> RR...\n")):
            ran = rotator(command, "-c", path)
            assert ran.code == 0
            assert f"{name} (12345)" in ran.out
            assert fact in ran.out
            assert widest(ran.out.partition("\nnext: ")[0]) <= 80

    def test_json_has_the_documented_keys(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        account.plant(0, server_id=DB)
        ran = rotator("plan", "--json", "-c", account.configure(account.server(), account.server(DB)))
        assert ran.code == 0
        assert ran.json.keys() == {"generated_at", "servers"}
        assert abs(datetime.fromisoformat(ran.json["generated_at"]) - clock()) < timedelta(minutes=1)
        web, db = ran.json["servers"]
        documented = {"server_id", "server", "due", "slot", "next_slot", "blocked", "actions", "restore_points"}
        assert web.keys() == documented | {"waiting", "error", "notices", "hooks"}
        assert (web["server_id"], web["server"], web["due"], web["blocked"]) == (WEB, "web-server-01", True, None)
        assert datetime.fromisoformat(web["slot"]) == account.slot
        assert datetime.fromisoformat(web["next_slot"]) == account.slot + DAY
        oldest = account.snapshots()[-1]
        assert web["actions"] == [
            {
                "action": "create",
                "name": account.name(0),
                "snapshot_id": None,
                "reason": f"slot {account.slot:%Y-%m-%d %H:%M}:00Z is due",
            },
            {
                "action": "delete",
                "name": account.name(4),
                "snapshot_id": oldest.id,
                "reason": "no rule of keep: 4 wants it",
            },
        ]
        assert [point["name"] for point in web["restore_points"]] == account.expected(1, 2, 3, 4)
        assert web["restore_points"][0] == {
            "snapshot_id": oldest.id,
            "name": account.name(4),
            "keep_reasons": [],
            "prune_reason": "no rule of keep: 4 wants it",
        }
        assert web["restore_points"][3]["keep_reasons"] == ["last #2"]
        assert (db["due"], db["actions"]) == (False, [])

    @pytest.mark.parametrize("extra", [[], ["--json"], ["--now"], ["--server", "12345"]])
    def test_sends_get_only(self, rotator: Program, account: Account, extra: list[str]) -> None:
        account.plant(1, 2, 3, 4)
        account.plant(5, status="failed")
        assert rotator("plan", *extra, "-c", account.path).code == 0
        assert account.sandbox.requests.total() > 0
        assert account.changes == 0

    def test_now_asks_what_once_now_would_do(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        assert "+ create rotator-" not in rotator("plan", "-c", account.path).out
        ran = rotator("plan", "--now", "--json", "-c", account.path)
        [server] = ran.json["servers"]
        [create] = server["actions"]
        slot = slot_in_name("rotator", create["name"])
        assert slot is not None
        assert timedelta(0) <= clock() - slot < timedelta(minutes=3)
        assert (create["action"], server["due"]) == ("create", True)

    def test_blocked_server_exits_1_and_says_who_is_in_the_way(self, rotator: Program, account: Account) -> None:
        account.plant_foreign("a", "b", "c", "d", "e")
        ran = rotator("plan", "-c", account.path)
        assert ran.code == 1
        assert "! blocked: 5 of 5 places are held by snapshots rotator does not own:" in ran.out

    @pytest.mark.parametrize("command", ["plan", "prune", "status", "once"])
    def test_server_whose_list_cannot_be_read_is_told_and_stops_no_other(
        self, rotator: Program, account: Account, command: str
    ) -> None:
        row = {"id": 1, "server": {"id": WEB, "name": "web-server-01"}, "status": "completed"}
        broken = json.dumps({"count": 1, "results": [row]}).encode()
        account.sandbox.intercept = lambda request: (
            Answer(200, body=broken) if request.method == "GET" and "server_id" not in request.query else None
        )
        account.plant(0, 1, 2, 3, 4, server_id=DB)
        ran = rotator(command, "-c", account.configure(account.server(), account.server(DB, keep=3)), stdin="")
        assert "list the account's snapshots: results[0]" in flowing(ran.out)
        assert ran.code == (2 if command == "prune" else 1)
        assert (len(account.names(WEB)), len(account.names(DB))) == (0, 3 if command == "once" else 5)


class TestOnce:
    def test_takes_what_is_due_prunes_and_tells_why(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        ran = rotator("once", "-c", account.path)
        assert ran.code == 0
        assert account.names() == account.expected(0, 1, 2, 3)
        assert all(each.status == "completed" for each in account.snapshots())
        assert "web-server-01 (12345)  RRRR. -> RRRR.\n" in ran.out
        assert f"  + created {account.name(0)}: slot {account.slot:%Y-%m-%d %H:%M}:00Z is due\n" in ran.out
        assert f"  - deleted {account.name(4)}: no rule of keep: 4 wants it\n" in ran.out
        assert "1 server: 1 created, 1 deleted, 0 with problems, in " in ran.out
        assert widest(ran.out) <= 80
        wanted = ["slot_due", "snapshot_create_requested", "snapshot_created", "snapshot_completed", "snapshot_deleted"]
        assert [event for event in ran.events if event in wanted] == wanted

    def test_one_list_serves_all_servers(self, rotator: Program, account: Account) -> None:
        """No thread and no list waits for one snapshot: one poller looks at all that is in progress."""
        many = range(20_001, 20_041)
        for server_id in many:
            account.cloud.add_server(f"server-{server_id}", server_id)
            account.plant(1, 2, 3, 4, server_id=server_id)
        ran = rotator("once", "-c", account.configure(*(account.server(each) for each in many)))
        assert ran.code == 0
        assert (account.created, account.changes) == (40, 80)
        assert account.sandbox.requests["GET", "/snapshots/"] < 20

    def test_second_run_changes_nothing(self, rotator: Program, account: Account) -> None:
        path = account.configure(account.server(), account.server(DB))
        account.plant(1, 2, 3, 4, 5)
        assert rotator("once", "-c", path).code == 0
        names, changes = account.names(), account.changes
        ran = rotator("once", "-c", path)
        assert ran.code == 0
        assert (account.names(), account.changes) == (names, changes)
        assert "2 servers: nothing to do\n" in ran.out
        assert f"next: {account.slot + DAY:%Y-%m-%d %H:%M} UTC " in ran.out
        assert "pass_finished" not in ran.events

    def test_full_server_makes_room_first(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4, 5)
        ran = rotator("once", "-c", account.configure(account.server(keep=5)))
        assert ran.code == 0
        assert f"deleted {account.name(5)}: makes room for {account.name(0)}" in ran.out
        assert account.names() == account.expected(0, 1, 2, 3, 4)

    def test_now_takes_one_that_is_not_due(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        begun = clock().replace(second=0, microsecond=0)
        assert rotator("once", "--now", "-c", account.path).code == 0
        [new] = set(account.names()) - set(account.expected(0))
        slot = slot_in_name("rotator", new)
        assert slot is not None
        assert begun <= slot <= clock()

    def test_no_wait_leaves_the_rest_to_the_next_run(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        account.cloud.create_time = FOR_EVER
        ran = rotator("once", "--no-wait", "-c", account.path)
        assert ran.code == 0
        assert "~ not complete yet" in ran.out
        assert account.names() == account.expected(0, 1, 2, 3, 4)
        assert account.snapshots()[-1].status == "in_progress"
        account.finish()
        assert rotator("once", "--no-wait", "-c", account.path).code == 0
        assert account.names() == account.expected(0, 1, 2, 3)

    def test_waits_for_one_that_another_run_began(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        rotator("once", "--no-wait", "-c", account.path)
        running = rotator.start("once", "-c", account.path)
        running.wait_for("snapshot_created", adopted=True)
        account.finish()
        running.wait_for("snapshot_completed")
        assert running.end(None).code == 0
        assert account.created == 1

    @pytest.mark.parametrize("named", ["db-server-01", "12346"])
    def test_server_is_chosen_by_name_or_id(self, rotator: Program, account: Account, named: str) -> None:
        path = account.configure(account.server(), account.server(DB))
        assert rotator("once", "--server", named, "-c", path).code == 0
        assert (account.names(WEB), account.names(DB)) == ([], account.expected(0))

    def test_several_servers_are_chosen(self, rotator: Program, account: Account) -> None:
        path = account.configure(account.server(), account.server(DB))
        assert rotator("once", "--server", "12346", "--server", "web-server-01", "-c", path).code == 0
        assert account.names(WEB) == account.names(DB) == account.expected(0)

    def test_unknown_server_is_a_usage_error_that_names_the_known_ones(
        self, rotator: Program, account: Account
    ) -> None:
        ran = rotator("once", "--server", "web", "-c", account.path)
        assert ran.code == 2
        assert "--server web: no enabled server of the configuration has this name or id" in ran.err
        assert "web-server-01" in ran.err
        assert account.sandbox.requests.total() == 0

    def test_terminal_that_hangs_up_does_not_end_it(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        running = rotator.start("once", "-c", account.path)
        running.wait_for("snapshot_created")
        running.send(signal.SIGHUP)
        before = account.sandbox.requests.total()
        until("it looks again", lambda: account.sandbox.requests.total() > before + 1)
        account.finish()
        assert running.end(None).code == 0

    def test_interrupt_leaves_the_rest_to_the_next_run(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        running = rotator.start("once", "-c", account.path)
        running.wait_for("snapshot_created")
        ran = running.end()
        assert ran.code == 1
        assert "0 with problems" in ran.out
        assert ran.out.endswith("\nstopped before the end: the next run finishes what is in progress\n")
        assert widest(ran.out) <= 80


class TestStatus:
    def test_table_fits_a_terminal(self, rotator: Program, account: Account) -> None:
        account.plant(0, 1, 2)
        account.plant_foreign("before-upgrade")
        long = {**account.server(DB), "name": "a-server-with-a-very-long-name-indeed"}
        ran = rotator("status", "-c", account.configure(account.server(), long))
        assert ran.code == 1
        assert widest(ran.out) <= 80
        head, web, *_ = ran.out.splitlines()
        assert head.split() == ["SERVER", "PLACES", "RESTORE", "POINTS", "(AGE)", "LAST", "NEXT", "STATE"]
        slot = account.slot
        last, following = f"{slot:%m-%d %H:%M}", f"{slot + DAY:%m-%d %H:%M}"
        assert web.split() == f"web-server-01 FRRR. 6h 30h 2d {last} {following} ok".split()
        assert "a-server-with-a-v… ....." in ran.out
        assert "overdue: no snapshot yet; run `rotator once`, or start the daemon" in ran.out
        assert "\nLAST and NEXT slot: UTC\n" in ran.out
        assert "2 servers, 1 with problems" in ran.out

    def test_zones_that_differ_are_those_of_the_policies(self, rotator: Program, account: Account) -> None:
        path = account.configure(account.server(), account.server(DB, timezone="Asia/Tokyo"))
        assert "\nLAST and NEXT slot: in the time zone of each policy\n" in rotator("status", "-c", path).out

    def test_json_has_ids_ages_and_reasons(self, rotator: Program, account: Account) -> None:
        [own] = account.plant(0)
        [other] = account.plant_foreign("before-upgrade")
        ran = rotator("status", "--json", "-c", account.path)
        assert ran.code == 0
        assert ran.json.keys() == {"generated_at", "servers"}
        [server] = ran.json["servers"]
        assert server.keys() == {
            *("server_id", "server", "policy", "schedule", "timezone", "state", "cap", "snapshots"),
            *("restore_points", "due", "last_slot", "next_slot", "waiting", "eta", "blocked"),
            *("troubles", "problems", "notices"),
        }
        assert (server["state"], server["cap"], server["due"]) == ("ok", 5, False)
        mine, theirs = server["snapshots"]
        assert mine.keys() == {"snapshot_id", "name", "status", "owned", "slot", "created_at", "age_s", "size_mb"}
        assert (mine["snapshot_id"], mine["owned"], theirs["snapshot_id"], theirs["owned"]) == (own, True, other, False)
        assert datetime.fromisoformat(mine["slot"]) == account.slot
        assert 6 * 3600 - 120 < mine["age_s"] < 6 * 3600 + 420
        assert account.changes == 0

    def test_refused_token_is_an_error_and_no_table(self, rotator: Program, account: Account) -> None:
        account.sandbox.token = "another"
        for options in ([], ["--json"]):
            ran = rotator("status", *options, "-c", account.path)
            assert (ran.code, ran.out) == (77, "")
            assert "401" in ran.err

    def test_trouble_is_shown_and_is_exit_code_1(self, rotator: Program, account: Account) -> None:
        account.plant_foreign("a", "b", "c", "d", "e")
        account.cloud.plant(DB, "theirs", clock() - 2 * HOUR, status="in_progress")
        ran = rotator("status", "-c", account.configure(account.server(), account.server(DB)))
        assert ran.code == 1
        assert "FFFFF" in ran.out
        assert "blocked" in ran.out
        assert "theirs is in progress since" in ran.out
        assert "2 servers, 2 with problems" in ran.out
        assert widest(ran.out) <= 80


class TestInterrupt:
    def test_ctrl_c_is_told_in_a_word(self, rotator: Program, account: Account) -> None:
        account.sandbox.intercept = lambda _: Answer(process=True, delay=timedelta(seconds=1))
        running = rotator.start("plan", "-c", account.path)
        until("it asks", lambda: account.sandbox.requests.total())
        ran = running.end(signal.SIGINT)
        assert (ran.code, ran.out, ran.err) == (130, "", "rotator: interrupted\n")


class TestPrune:
    @pytest.fixture
    def tightened(self, account: Account) -> Account:
        """Five restore points, of which the policy now wants one."""
        account.plant(0, 1, 2, 3, 4)
        account.configure(account.server(keep=1))
        return account

    def test_unattended_runs_hold_a_large_surplus(self, rotator: Program, tightened: Account) -> None:
        ran = rotator("once", "-c", tightened.path)
        assert ran.code == 1
        assert "prune_held" in ran.events
        assert "4 restore points are surplus" in ran.out
        assert tightened.names() == tightened.expected(0, 1, 2, 3, 4)

    def test_without_a_terminal_it_shows_and_refuses(self, rotator: Program, tightened: Account) -> None:
        ran = rotator("prune", "-c", tightened.path, stdin="yes\n")
        assert ran.code == 2
        assert f"- delete {tightened.name(4)}: no rule of keep: 1 wants it" in ran.out
        assert "add --yes" in ran.err
        assert tightened.changes == 0

    def test_yes_deletes_the_held_surplus(self, rotator: Program, tightened: Account) -> None:
        ran = rotator("prune", "--yes", "-c", tightened.path)
        assert ran.code == 0
        assert "web-server-01: 4 of 4 deleted" in ran.out
        assert tightened.names() == tightened.expected(0)
        assert ran.events.count("snapshot_deleted") == 4

    def test_on_a_terminal_it_asks(self, rotator: Program, tightened: Account) -> None:
        ran = rotator.on_terminal("prune", "-c", tightened.path, answer=("Type yes: ", "yes"))
        assert ran.code == 0
        assert "Delete 4 restore points for good?" in ran.out
        assert tightened.names() == tightened.expected(0)

    @pytest.mark.parametrize("answer", ["", "y", "no"])
    def test_any_answer_but_yes_deletes_nothing(self, rotator: Program, tightened: Account, answer: str) -> None:
        ran = rotator.on_terminal("prune", "-c", tightened.path, answer=("Type yes: ", answer))
        assert ran.code == 1
        assert "nothing was deleted" in ran.out
        assert tightened.changes == 0

    def test_without_a_surplus_there_is_nothing_to_ask(self, rotator: Program, account: Account) -> None:
        account.plant(0, 1)
        ran = rotator("prune", "-c", account.path)
        assert ran.code == 0
        assert "nothing to prune" in ran.out

    def test_server_that_refuses_does_not_stop_the_next_one(self, rotator: Program, tightened: Account) -> None:
        tightened.plant(0, 1, server_id=DB)
        path = tightened.configure(tightened.server(keep=1), tightened.server(DB, keep=1))
        theirs = [each.id for each in tightened.snapshots(WEB)]

        def refuse(request: Request) -> Answer | None:
            named = request.path.rstrip("/").rpartition("/")[2]
            return Answer(400, body=b"it is locked") if named in map(str, theirs) else None

        tightened.sandbox.intercept = refuse
        ran = rotator("prune", "--yes", "-c", path)
        assert ran.code == 1
        assert "it is locked" in ran.out
        assert "db-server-01: 1 of 1 deleted" in ran.out
        assert (len(tightened.names(WEB)), tightened.names(DB)) == (5, tightened.expected(0))

    def test_token_refused_on_the_way_ends_it(self, rotator: Program, tightened: Account) -> None:
        tightened.sandbox.intercept = lambda request: Answer(401) if request.method == "DELETE" else None
        assert rotator("prune", "--yes", "-c", tightened.path).code == 77
        assert len(tightened.names()) == 5

    def test_list_that_still_shows_what_was_deleted_ends_it(self, rotator: Program, tightened: Account) -> None:
        tightened.sandbox.intercept = lambda request: Answer(204) if request.method == "DELETE" else None
        ran = rotator("prune", "--yes", "-c", tightened.path)
        assert ran.code == 1
        assert "web-server-01: 1 of 4 deleted" in ran.out

    def test_waits_for_a_snapshot_in_progress(self, rotator: Program, tightened: Account) -> None:
        tightened.cloud.delete(tightened.snapshots()[-1].id)
        tightened.cloud.plant(WEB, "theirs", clock(), status="in_progress")
        ran = rotator("prune", "--yes", "-c", tightened.path)
        assert "nothing is pruned until it is complete" in flowing(ran.out)
        assert tightened.changes == 0


class TestSandbox:
    def test_prints_how_to_point_rotator_at_it(self, rotator: Program) -> None:
        running = rotator.start("sandbox", "--servers", "2", "--create-time", "100ms")
        until("it says how", lambda: "rotator once -c sandbox.yaml" in running.out)
        config = running.out.partition("<<'END'\n")[2].partition("END\n")[0]
        (rotator.home / "sandbox.yaml").write_text(config)
        token = re.search(r"export ROTATOR_API_TOKEN=(\S+)", running.out)
        assert token
        ran = rotator("once", "-c", "sandbox.yaml", env={"ROTATOR_API_TOKEN": token[1]})
        assert ran.code == 0
        assert "2 servers: 2 created, 0 deleted, 0 with problems" in ran.out
        assert running.end().code == 0

    def test_writes_a_configuration_for_another_process(self, rotator: Program) -> None:
        path = rotator.home / "sandbox.yaml"
        options = ["--token", "s3cret", "--config-out", path, "--create-time", "0s", "--latency", "1ms"]
        running = rotator.start("sandbox", *map(str, options))
        until("it says how", lambda: f"rotator once -c {path}" in running.out)
        assert "export ROTATOR_API_TOKEN=s3cret\n" in running.out
        ran = rotator("once", "-c", path, env={"ROTATOR_API_TOKEN": "s3cret"})
        assert ran.code == 0
        assert "5 servers: 5 created" in ran.out
        assert running.end().code == 0

    def test_snapshots_fail_as_often_as_asked_for(self, rotator: Program) -> None:
        path = rotator.home / "sandbox.yaml"
        running = rotator.start("sandbox", "--config-out", path, "--create-time", "0s", "--fail-rate", "100%")
        until("it is there", lambda: running.out)
        ran = rotator("once", "-c", path, env={"ROTATOR_API_TOKEN": "sandbox"})
        assert ran.code == 1
        assert ran.events.count("snapshot_failed") == 5

    def test_long_configuration_is_cut_short(self, rotator: Program) -> None:
        running = rotator.start("sandbox", "--servers", "1000")
        until("it says how", lambda: "rotator once -c" in running.out)
        assert "`--config-out FILE` writes all of them" in running.out
        assert len(running.out.splitlines()) < 60

    @pytest.mark.parametrize(
        ("option", "value", "remedy"),
        [
            ("--port", "65536", "0 to 65535"),
            ("--port", "-1", "0 to 65535"),
            ("--servers", "0", "1 to 100000"),
            ("--servers", "100001", "1 to 100000"),
            ("--create-time", "3x", "a whole number and its unit"),
            ("--restore-time", "soon", "a whole number and its unit"),
            ("--latency", "fast", "a whole number and its unit"),
            ("--fail-rate", "101%", "from 0% to 100%"),
            ("--fail-rate", "often", "from 0% to 100%"),
            ("--fail-rate", "nan", "from 0% to 100%"),
            ("--hold-before", "0", "counted from 1"),
            ("--hold-after", "-3", "counted from 1"),
            ("--token", "", "printable ASCII"),
            ("--token", "a b", "printable ASCII"),
            ("--token", "ü", "printable ASCII"),
        ],
    )
    def test_bad_options_name_the_remedy(self, rotator: Program, option: str, value: str, remedy: str) -> None:
        ran = rotator("sandbox", f"{option}={value}")
        assert (ran.code, ran.out) == (2, "")
        assert remedy in ran.err

    def test_port_in_use_is_told(self, rotator: Program, account: Account) -> None:
        ran = rotator("sandbox", "--port", str(account.sandbox.port))
        assert ran.code == 2
        assert "in use; choose another" in ran.err

    def test_configuration_that_cannot_be_written_is_told(self, rotator: Program) -> None:
        ran = rotator("sandbox", "--config-out", rotator.home / "nowhere" / "c.yaml")
        assert ran.code == 2
        assert "nowhere/c.yaml: its folder is not there; make it, or name another file" in ran.err
        (rotator.home / "c.yaml").touch()
        ran = rotator("sandbox", "--config-out", rotator.home / "c.yaml")
        assert ran.code == 2
        assert "c.yaml: there is one already; remove it, or name another file" in ran.err


class TestEmbeddedSandbox:
    """`--sandbox` needs no account, no token and no lock."""

    @pytest.mark.parametrize("command", ["plan", "status"])
    def test_shows_a_telling_account(self, rotator: Program, command: str) -> None:
        begun = time.monotonic()
        ran = rotator(command, "--sandbox", "-c", EXAMPLE)
        assert ran.code == (1 if "overdue" in ran.out else 0)
        assert time.monotonic() - begun < 15
        for server in ("web-server-01", "db-server-01", "mail-server-01", "shop-server-01", "wiki-server-01"):
            assert server in ran.out
        assert {"RRRRR", "FFRR.", ".....", "RRRX.", "RRR.."} <= set(ran.out.split())

    def test_once_rotates_it(self, rotator: Program) -> None:
        begun = time.monotonic()
        ran = rotator("once", "--sandbox", "-c", EXAMPLE)
        assert ran.code == 0
        assert time.monotonic() - begun < 15
        assert "5 servers: 5 created, 4 deleted, 0 with problems" in ran.out
        assert not (rotator.home / "run").exists()

    def test_run_rotates_it_and_reloads(self, rotator: Program) -> None:
        running = rotator.start("run", "--sandbox", "-c", EXAMPLE)
        until("five are complete", lambda: len(running.logged("snapshot_completed")) == 5)
        running.send(signal.SIGHUP)
        until("it is loaded again", lambda: len(running.logged("config_loaded")) == 2)
        assert running.end().code == 0


class TestTerminal:
    """What a person sees on a terminal, and what a file or a pipe gets instead."""

    @pytest.fixture
    def hostile(self, account: Account) -> Account:
        """Names that would clear the screen, set the title and forge a line."""
        account.cloud.add_server(f"x{ESCAPE}]0;owned\x07", 777)
        account.cloud.plant(777, f"{ESCAPE}[2Jgone\rforged\n  = all is well\u202e", account.slot)
        for number in range(3):
            account.cloud.plant(777, f"night{number}{ESCAPE}[31m", account.slot - number * DAY)
        account.configure({**account.server(777, adopt=["night*"], keep=1), "name": "x"})
        return account

    @pytest.mark.parametrize(
        "command",
        [
            ["plan"],
            ["status"],
            ["check", "--online"],
            ["once", "--log-format", "console"],
            ["once", "--log-format", "json"],
            ["prune", "--yes"],
            ["restore", "801", "--yes"],
        ],
        ids=" ".join,
    )
    def test_control_characters_of_the_api_are_written_out(
        self, rotator: Program, hostile: Account, command: list[str]
    ) -> None:
        ran = rotator(*command, "-c", hostile.path)
        shown = ran.out + ran.err
        assert "\\x1b" in shown or "\\u001b" in shown
        assert not set(shown) - {"\n"} & set(map(chr, [*range(32), 127, *range(128, 160), 0x202E]))
        assert "\n  = all is well" not in shown

    def test_colour_on_a_terminal_only(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        assert f"{ESCAPE}[32mok{ESCAPE}[0m" in rotator.on_terminal("status", "-c", account.path).out
        assert ESCAPE not in rotator("status", "-c", account.path).out

    @pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_no_colour_where_it_is_not_wanted(
        self, rotator: Program, account: Account, variable: dict[str, str]
    ) -> None:
        account.plant_foreign("a", "b", "c", "d", "e")
        for command in ("status", "plan"):
            assert f"{ESCAPE}[3" not in rotator.on_terminal(command, "-c", account.path, env=variable).out

    def test_progress_on_a_terminal_only(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = timedelta(milliseconds=700)
        assert "0/1 servers done, 1 in progress, 0:0" in rotator.on_terminal("once", "-c", account.path).out
        account.cloud.create_time = FAST
        ran = rotator("once", "--now", "-c", account.path)
        assert ran.code == 0
        assert "servers done" not in ran.out + ran.err

    def test_information_is_not_logged_between_the_words_for_a_person(self, rotator: Program, account: Account) -> None:
        shown = rotator.on_terminal("once", "-c", account.path).out
        assert "snapshot_created" not in shown
        assert "1 server: 1 created" in shown

    def test_console_log_is_a_line_per_event(self, rotator: Program, account: Account) -> None:
        ran = rotator("once", "--log-format", "console", "-c", account.path)
        assert ran.code == 0
        assert any("snapshot_created" in line and "server_id=12345" in line for line in ran.err.splitlines())
        assert ESCAPE not in ran.err

    def test_log_level_is_obeyed(self, rotator: Program, account: Account) -> None:
        assert rotator("once", "--log-level", "warning", "-c", account.path).err == ""
        assert "pass_started" in rotator("once", "--log-level", "debug", "-c", account.path).events

    @pytest.mark.parametrize("command", [["plan"], ["plan", "--json"], ["once"], ["schema"], ["status"]], ids=" ".join)
    def test_closed_pipe_is_no_error(self, rotator: Program, account: Account, command: list[str]) -> None:
        account.plant(0)
        where = [] if command == ["schema"] else ["-c", str(account.path)]
        reading, writing = os.pipe()
        os.close(reading)
        ran = subprocess.run(
            [SCRIPT, *command, *where],
            env=rotator.environment,
            cwd=rotator.home,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
        os.close(writing)
        assert (ran.returncode, "Error" in ran.stderr, "Traceback" in ran.stderr) == (0, False, False)

    def test_full_disk_is_told(self, rotator: Program, account: Account) -> None:
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run(
                [SCRIPT, "plan", "-c", account.path],
                env=rotator.environment,
                cwd=rotator.home,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=30,
                check=False,
            )
        assert (ran.returncode, ran.stderr) == (1, "rotator: standard output: No space left on device\n")

    def test_streams_may_be_closed(self, rotator: Program, account: Account) -> None:
        ran = subprocess.run(
            ["/bin/sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', SCRIPT, "once", "-c", account.path],
            env=rotator.environment,
            cwd=rotator.home,
            timeout=30,
            check=False,
        )
        assert ran.returncode == 0
        assert account.names() == account.expected(0)

    def test_output_that_cannot_show_a_character_is_no_fault(self, rotator: Program, account: Account) -> None:
        long = {**account.server(), "name": "kühlschrank-" + "x" * 20}
        ran = rotator("status", "-c", account.configure(long), env={"PYTHONIOENCODING": "ascii"})
        assert (ran.code, "Traceback" in ran.err) == (1, False)
        assert "hlschrank" in ran.out


def test_sandbox_is_the_only_thing_the_tests_talk_to(account: Account) -> None:
    """The address is loopback, and the account answers there."""
    assert account.sandbox.url.startswith("http://127.0.0.1:")
    answer = requests.get(account.sandbox.url + "/account/me/", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5)
    assert answer.json()["token"]["name"] == "sandbox"
    assert json.loads(account.path.read_text())["api"]["url"] == account.sandbox.url
    assert account.slot.tzinfo is UTC
