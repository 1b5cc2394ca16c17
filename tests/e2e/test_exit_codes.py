"""Every exit code of the design, each for the reasons it is promised for, with words that name the remedy."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.sandbox import Answer, Request
from tests.e2e.account import DB, FOR_EVER, WEB, Account
from tests.e2e.clocks import fast
from tests.e2e.program import TOKEN, Program

WRONG_TOKEN = "another-token-9dKw31LmQ8"


def flowing(text: str) -> str:
    """The text as if it had not been wrapped."""
    return " ".join(text.split())


class TestDone:
    def test_0_when_something_was_done_and_when_nothing_was_due(self, rotator: Program, account: Account) -> None:
        assert rotator("once", "-c", account.path).code == 0
        assert account.created == 1
        assert rotator("once", "-c", account.path).code == 0
        assert account.created == 1


class TestProblem:
    def test_1_when_blocked_and_the_holders_are_named(self, rotator: Program, account: Account) -> None:
        account.plant_foreign("before-upgrade", "by-hand-1", "by-hand-2", "by-hand-3", "golden")
        ran = rotator("once", "-c", account.path)
        assert ran.code == 1
        assert "FFFFF -> FFFFF" in ran.out
        for name in ("before-upgrade", "by-hand-1", "by-hand-2", "by-hand-3", "golden"):
            assert name in ran.out
        assert "rotation_blocked" in ran.events
        assert account.changes == 0

    def test_1_when_a_snapshot_failed_and_the_next_run_tries_again(self, rotator: Program, account: Account) -> None:
        account.cloud.fail_rate = 1
        ran = rotator("once", "-c", account.path)
        assert ran.code == 1
        assert f"snapshot {account.name(0)} ended with status 'failed'" in flowing(ran.out)
        assert (account.created, account.names()) == (1, [])
        account.cloud.fail_rate = 0
        assert rotator("once", "-c", account.path).code == 0
        assert account.names() == account.expected(0)

    def test_1_when_a_surplus_is_held(self, rotator: Program, account: Account) -> None:
        account.plant(0, 1, 2, 3)
        path = account.configure(account.server(keep=1))
        for command in ("plan", "status", "once"):
            assert rotator(command, "-c", path).code == 1

    def test_1_when_one_server_of_several_is_refused_and_the_others_are_done(
        self, rotator: Program, account: Account
    ) -> None:
        path = account.configure(account.server(99), account.server())
        ran = rotator("once", "-c", path)
        assert ran.code == 1
        assert f"! create snapshot {account.name(0)} of server 99: answered 404" in flowing(ran.out)
        assert account.names() == account.expected(0)


class TestUnavailable:
    @pytest.mark.component
    def test_69_when_nobody_answers(self, rotator: Program, account: Account) -> None:
        account.sandbox.stop()
        ran = rotator("once", "-c", account.path, env=fast(8))
        assert ran.code == 69
        assert "Connection refused" in ran.out + ran.err
        assert ran.events.count("api_retry") == 3

    @pytest.mark.parametrize("command", ["once", "plan"])
    @pytest.mark.parametrize("servers", [1, 10])
    def test_69_when_the_api_is_out_of_order_and_nothing_is_done(
        self, rotator: Program, account: Account, command: str, servers: int
    ) -> None:
        account.sandbox.intercept = lambda _: Answer(500, {"Retry-After": "0"}, b"<html>out of order")
        account.plant(1, 2, 3, 4, 5)
        path = account.configure(*(account.server(WEB + number) for number in range(servers)))
        ran = rotator(command, "-c", path)
        assert ran.code == 69
        assert "answered 500" in ran.out + ran.err
        assert account.changes == 0


class TestBusy:
    def test_75_for_whoever_comes_second(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("snapshot_created")
        for command in (["once"], ["run"], ["prune", "--yes"], ["once", "--now", "--no-wait"]):
            ran = rotator(*command, "-c", account.path)
            assert (ran.code, ran.out) == (75, "")
            assert f"another rotator (process {daemon.pid}) runs with this configuration" in ran.err
        assert account.created == 1
        for command in (["plan"], ["status"], ["check"]):
            assert rotator(*command, "-c", account.path).code == 0
        assert daemon.end().code == 0
        assert rotator("once", "--no-wait", "-c", account.path).code == 0

    def test_two_configurations_do_not_meet(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("snapshot_created")
        other = rotator.home / "other.yaml"
        other.write_text(account.configure(account.server(DB)).read_text())
        assert rotator("once", "--no-wait", "-c", other).code == 0
        lock = rotator.home / "run" / "shared.lock"
        assert rotator("once", "--no-wait", "-c", other, "--lock-file", lock).code == 0
        assert lock.exists()

    def test_78_when_there_is_no_place_for_the_lock(self, rotator: Program, account: Account) -> None:
        ran = rotator("once", "-c", account.path, "--lock-file", account.path / "lock")
        assert ran.code == 78
        assert "name a writable place with --lock-file" in ran.err
        assert account.changes == 0


class TestCredentials:
    def without_token(self, account: Account) -> Path:
        return account.configure(account.server(), api={"url": account.sandbox.url})

    @pytest.mark.parametrize("command", [["run"], ["once"], ["plan"], ["status"], ["prune"], ["check", "--online"]])
    def test_77_without_a_token_and_every_place_is_named(
        self, rotator: Program, account: Account, command: list[str]
    ) -> None:
        ran = rotator(*command, "-c", self.without_token(account))
        assert ran.code == 77
        for place in ("--token-file", "api.token_file", "ROTATOR_API_TOKEN_FILE", "ROTATOR_API_TOKEN"):
            assert place in ran.err
        assert account.sandbox.requests.total() == 0

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (None, "there is no such file"),
            ("", "is empty"),
            (" \n", "is empty"),
            (f"{TOKEN}\n{TOKEN}\n", "on one line, and nothing else"),
            (f"Bearer {TOKEN}\n", "begins with 'Bearer'"),
            (f"{TOKEN}ü\n", "a character that no token has"),
            (TOKEN * 400, "larger than 4 KiB"),
        ],
        ids=["missing", "empty", "blank", "two lines", "Bearer", "not ASCII", "large"],
    )
    def test_77_for_a_token_file_that_cannot_be_used(
        self, rotator: Program, account: Account, content: str | None, reason: str
    ) -> None:
        account.token_file.unlink()
        if content is not None:
            account.token_file.write_text(content)
        ran = rotator("once", "-c", account.path)
        assert ran.code == 77
        assert reason in ran.err
        assert str(account.token_file) in ran.err
        assert account.sandbox.requests.total() == 0

    @pytest.mark.parametrize("command", [["once"], ["plan"], ["prune", "--yes"], ["check", "--online"]], ids=" ".join)
    def test_77_when_the_api_refuses_the_token(self, rotator: Program, account: Account, command: list[str]) -> None:
        account.token_file.write_text(WRONG_TOKEN)
        account.plant(1, 2, 3, 4, 5)
        ran = rotator(*command, "-c", account.path)
        assert ran.code == 77
        assert "401" in ran.out + ran.err
        assert WRONG_TOKEN not in ran.out + ran.err
        assert account.changes == 0

    def test_77_when_two_sources_disagree(self, rotator: Program, account: Account) -> None:
        env = {"ROTATOR_API_TOKEN": TOKEN, "ROTATOR_API_TOKEN_FILE": str(account.token_file)}
        ran = rotator("plan", "-c", self.without_token(account), env=env)
        assert ran.code == 77
        assert "unset one" in ran.err

    @pytest.mark.parametrize("source", ["--token-file", "ROTATOR_API_TOKEN_FILE", "systemd", "ROTATOR_API_TOKEN"])
    def test_token_is_taken_from_every_place(self, rotator: Program, account: Account, source: str) -> None:
        folder = rotator.home / "credentials"
        folder.mkdir()
        (folder / "api-token").write_text(TOKEN)
        options, env = {
            "--token-file": (["--token-file", str(account.token_file)], {}),
            "ROTATOR_API_TOKEN_FILE": ([], {"ROTATOR_API_TOKEN_FILE": str(account.token_file)}),
            "systemd": ([], {"CREDENTIALS_DIRECTORY": str(folder)}),
            "ROTATOR_API_TOKEN": ([], {"ROTATOR_API_TOKEN": TOKEN}),
        }[source]
        assert rotator("plan", "-c", self.without_token(account), *options, env=env).code == 0

    def test_file_that_others_can_read_only_warns(self, rotator: Program, account: Account) -> None:
        account.token_file.chmod(0o644)
        ran = rotator("plan", "-c", account.path)
        assert ran.code == 0
        [warning] = [line for line in ran.log if line["event"] == "config_warning"]
        assert "chmod 0600 it" in warning["reason"]

    def test_token_that_an_error_page_echoes_is_not_shown(self, rotator: Program, account: Account) -> None:
        def echo(request: Request) -> Answer:
            return Answer(403, body=request.headers["authorization"].encode())

        account.sandbox.intercept = echo
        ran = rotator("once", "--log-level", "debug", "-c", account.path)
        assert ran.code == 77
        assert "403" in ran.out + ran.err  # that TOKEN is in neither is checked for every run


def bomb() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines).encode()


GOOD = b"servers:\n  - id: 1\n    name: web\n    schedule: daily\n"

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "CONFIG:1:1: the file is empty; begin with a copy of config.example.yaml"),
    "only a comment": (b"# later\n", "the file is empty"),
    "not UTF-8": (b"servers: \xff\xfe\n", "byte 9 is not UTF-8; save the file as UTF-8"),
    "binary": (b"\x00\x01\x02", "CONFIG:1:1: "),
    "10 MB": (b"#" * 10_000_000, "it is larger than "),
    "alias bomb": (bomb(), "CONFIG:"),
    "deep nesting": (b"servers: " + b"[" * 100_000, "CONFIG:1:"),
    "deep mappings": (b"{a: " * 50_000, "CONFIG:1:"),
    "tab": (b"servers:\n\t- id: 1\n", "CONFIG:2:1: "),
    "unclosed quote": (b'servers: "\n', "it begins in line 1"),
    "a list": (b"- 1\n", "CONFIG:1:1: "),
    "no servers": (b"api: {}\n", "CONFIG:1:1: servers is missing"),
    "empty servers": (b"servers: []\n", "CONFIG:1:10: servers: found an empty list"),
    "keep: 6": (GOOD + b"    keep: 6\n", "CONFIG:5:11: servers[0].keep: found the number 6; write 5 or less"),
    "keep: yes": (GOOD + b"    keep: true\n", "CONFIG:5:11: servers[0].keep: "),
    "tiers over the cap": (GOOD + b"    keep: {last: 3, daily: 3}\n", "CONFIG:5:11: servers[0].keep"),
    "unknown key": (GOOD + b"    retention: 4\n", "CONFIG:5:5: servers[0].retention: there is no such key"),
    "misspelt key": (GOOD + b"    perfix: x\n", "did you mean prefix?"),
    "key twice": (GOOD + b"    name: db\n", "CONFIG:5:5: "),
    "server twice": (GOOD + b"  - id: 1\n    name: db\n    schedule: daily\n", "CONFIG:5:9: "),
    "token in the file": (GOOD + b"api: {token: abc}\n", "secrets do not belong in this file"),
    "bad schedule": (GOOD.replace(b"daily", b"every 7 hours"), "CONFIG:4:15: servers[0].schedule: "),
    "bad zone": (GOOD + b"    timezone: Mars/Olympus\n", "CONFIG:5:15: servers[0].timezone: "),
    "unknown policy": (GOOD + b"    policy: nightly\n", "CONFIG:5:13: servers[0].policy: "),
    "plain http": (GOOD + b"api: {url: http://admin.vps.org/api/v1}\n", "CONFIG:5:12: api.url: "),
    "two documents": (GOOD + b"---\n" + GOOD, "CONFIG:5:1: a second document"),
}


class TestConfiguration:
    @pytest.mark.parametrize(("content", "told"), BAD.values(), ids=BAD.keys())
    def test_78_for_a_file_that_cannot_be_used(self, rotator: Program, content: bytes, told: str) -> None:
        path = rotator.home / "bad.yaml"
        path.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = rotator("check", "-c", path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert (ran.code, ran.out) == (78, "")
        assert told.replace("CONFIG", str(path)) in ran.err
        assert "Traceback" not in ran.err
        assert all(line.startswith("rotator: ") for line in ran.err.splitlines())
        assert max(map(len, ran.err.splitlines())) < 400
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert took < 2, "seconds of the processor; a good file takes about 0.3, with coverage 0.6"

    @pytest.mark.parametrize(
        ("make", "told"),
        [
            (lambda path: path.mkdir(), "it is a directory, not a file"),
            (lambda path: None, "there is no such file"),
            (lambda path: path.symlink_to(path), "go round in a circle"),
        ],
        ids=["directory", "missing", "circle"],
    )
    def test_78_for_what_is_no_file(self, rotator: Program, make: Callable[[Path], None], told: str) -> None:
        path = rotator.home / "bad.yaml"
        make(path)
        ran = rotator("once", "-c", path)
        assert (ran.code, ran.out) == (78, "")
        assert told in ran.err
        assert str(path) in ran.err

    def test_78_without_any_configuration(self, rotator: Program) -> None:
        ran = rotator("once")
        assert ran.code == 78
        assert "no configuration: looked at --config, ROTATOR_CONFIG, ./config.yaml" in ran.err

    @pytest.mark.parametrize("command", ["run", "once", "plan", "status", "prune", "check"])
    def test_78_for_every_command(self, rotator: Program, command: str) -> None:
        (rotator.home / "config.yaml").write_text("servers: []\n")
        ran = rotator(command)
        assert ran.code == 78
        assert "config.yaml:1:10: servers: found an empty list" in ran.err

    def test_configuration_is_found_where_it_is_documented_to_be(self, rotator: Program, account: Account) -> None:
        assert rotator("plan").code == 0  # ./config.yaml
        elsewhere = account.path.rename(rotator.home / "elsewhere.yaml")
        assert rotator("plan", env={"ROTATOR_CONFIG": str(elsewhere)}).code == 0
        assert rotator("plan", "--config", elsewhere, env={"ROTATOR_CONFIG": "/nowhere"}).code == 0

    def test_plain_http_to_another_machine_is_refused_before_anything_is_sent(
        self, rotator: Program, account: Account
    ) -> None:
        url = account.sandbox.url.replace("127.0.0.1", "rotator.invalid")
        path = account.configure(account.server(), api={"url": url, "token_file": str(account.token_file)})
        ran = rotator("once", "-c", path)
        assert ran.code == 78
        assert "https" in ran.err


@pytest.mark.component
def test_refused_port_is_not_asked_for_ever(rotator: Program, account: Account) -> None:
    """A closed port is tried four times and then told, also by `check --online`."""
    with socket.socket() as reserved:  # bound and not listening: refuses, and no other program gets the port
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/api/v1"
        path = account.configure(account.server(WEB), api={"url": url, "token_file": str(account.token_file)})
        ran = rotator("check", "--online", "-c", path, env=fast(8))
    assert ran.code == 69
    assert "Connection refused" in ran.err
