"""Hooks, `web` and `notify`: what they become, what is refused, and that no secret is repeated."""

# Each case is one line, as long as what the operator reads.
# ruff: noqa: E501, ISC004

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rotator.config import CheckIn, Config, Target, Webhook, WebSettings
from rotator.config.resolve import parse
from rotator.errors import ConfigError
from rotator.model import AfterWhen, Command, Hooks

FILE = Path("/etc/rotator/c.yaml")
GOOD = "servers: [{id: 1, name: web, schedule: daily}]\n"


def config(text: str) -> Config:
    return parse(text, FILE)


def hooks(text: str) -> Hooks | None:
    return config(f"servers: [{{id: 1, name: web, schedule: daily, hooks: {text}}}]").policies[0].hooks


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    (told,) = caught.value.problems
    assert "SECRET" not in told
    return told.removeprefix(f"{FILE}:")


class TestHooks:
    """Commands around a snapshot."""

    def test_lists_are_commands_with_their_arguments(self) -> None:
        assert hooks("{before: [ssh, '-p', '22', a b], after: [thaw], timeout: 5m, after_when: requested}") == Hooks(
            Command(("ssh", "-p", "22", "a b")), Command(("thaw",)), timedelta(minutes=5), AfterWhen.REQUESTED
        )

    def test_with_shell_each_is_a_line(self) -> None:
        assert hooks("{before: 'a | b', after: c && d, shell: true}") == Hooks(
            Command(("a | b",), shell=True), Command(("c && d",), shell=True)
        )

    def test_after_alone_is_enough(self) -> None:
        assert hooks("{after: [notify-send, done]}") == Hooks(None, Command(("notify-send", "done")))

    def test_a_program_with_a_relative_path_is_next_to_the_configuration(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        made = hooks("{before: [hooks/freeze, ./x], after: [~/thaw, ~/x]}")
        assert made == Hooks(Command(("/etc/rotator/hooks/freeze", "./x")), Command(("/home/me/thaw", "~/x")))
        assert hooks("{before: ./freeze, after: ./thaw, shell: true}") == Hooks(
            Command(("./freeze",), shell=True), Command(("./thaw",), shell=True)
        )

    def test_they_are_inherited_as_a_whole_and_switched_off_by_an_empty_mapping(self) -> None:
        made = config(
            """
defaults: {schedule: daily, hooks: {before: [a], after: [b], timeout: 10s}}
policies: {p: {hooks: {after: [c]}}}
servers: [{id: 1, name: x}, {id: 2, name: y, policy: p}, {id: 3, name: z, policy: p, hooks: {}}]
"""
        )
        assert [each.hooks for each in made.policies] == [
            Hooks(Command(("a",)), Command(("b",)), timedelta(seconds=10)),
            Hooks(None, Command(("c",))),
            None,
        ]

    def test_before_without_after_is_warned_of_once_where_it_is_written(self) -> None:
        made = config(
            "defaults: {schedule: daily, hooks: {before: [a]}}\nservers: [{id: 1, name: x}, {id: 2, name: y}]"
        )
        assert made.warnings == (
            f"{FILE}:1:36: defaults.hooks: there is before and no after, so nothing lets the server go again; add after, "
            "if before stops something",
        )

    @pytest.mark.parametrize(
        ("written", "told"),
        [
            ("{before: a -b}", "10: servers[0].hooks.before: found text: write a list of the program and its arguments, such as [systemctl, stop, app]; or add shell: true, and /bin/sh runs it"),
            ("{shell: true, before: [a]}", "23: servers[0].hooks.before: found a list: with shell: true write one line of text for /bin/sh, or remove shell: true"),
            ("{before: [a], shell: true}", "10: servers[0].hooks.before: found a list: with shell: true write one line of text for /bin/sh, or remove shell: true"),
            ("{before: [a, 22]}", "14: servers[0].hooks.before[1]: found the number 22: put it in quotes, '22', if it is what you mean; an example is fsfreeze --freeze /srv"),
            ("{before: []}", "10: servers[0].hooks.before: found an empty list; write for example [ssh, web-01, fsfreeze --freeze /srv]"),
            ("{before: [' ']}", "10: servers[0].hooks.before: found no program; write its name or path first"),
            ("{before: ' ', shell: true}", "10: servers[0].hooks.before: found no program; write its name or path first"),
            ("{before: 5}", "10: servers[0].hooks.before: found the number 5: write a list, for example [ssh, web-01, fsfreeze --freeze /srv]"),
            (r'{before: [a, "b\0"]}', r"14: servers[0].hooks.before[1]: found a character \x00, which no program can be given; remove it"),
            ("{timeout: 5s}", "1: servers[0].hooks: there is neither before nor after; add one, or write hooks: {} for no hooks"),
            ("{before: [a], timeout: 11m}", "24: servers[0].hooks.timeout: found the text '11m': write a time from 1s to 10m"),
            ("{before: [a], after_when: done}", "27: servers[0].hooks.after_when: found the text 'done': write requested or completed"),
            ("{before: [a], shell: yes}", "22: servers[0].hooks.shell: found the text 'yes': write true"),
            ("{befor: [a]}", "2: servers[0].hooks.befor: there is no such key; did you mean before?"),
            ("[a]", "1: servers[0].hooks: found a list: write keys and values below it, each on its own line"),
            ("", "0: servers[0].hooks: found nothing: write keys and values below it, each on its own line"),
        ],
    )  # fmt: skip
    def test_what_is_no_hook_is_refused(self, written: str, told: str) -> None:
        place, _, words = told.partition(": ")
        found = problem(f"servers:\n  - id: 1\n    name: web\n    schedule: daily\n    hooks: {written}\n")
        assert found == f"5:{int(place) + 11}: {words}"

    def test_a_key_of_hooks_at_the_server_is_sent_there(self) -> None:
        told = problem("servers: [{id: 1, name: web, schedule: daily, before: [a]}]")
        assert told == "1:47: servers[0].before: there is no such key here; it belongs under hooks:"


class TestMaxAge:
    """How old the newest restore point may grow."""

    def test_it_is_inherited_and_auto_means_by_the_schedule(self) -> None:
        made = config(
            "defaults: {schedule: daily, max_age: 36h}\nservers: [{id: 1, name: x}, {id: 2, name: y, max_age: auto}]"
        )
        assert [each.max_age for each in made.policies] == [timedelta(hours=36), None]

    @pytest.mark.parametrize(
        ("schedule", "max_age", "gap"),
        [
            ("daily", "24h", "1d"),
            ("every 6 hours", "5h", "6h"),
            ("every weekday at 04:00", "2d", "3d"),
            ("every 15 minutes", "15m", "15m"),
        ],
    )
    def test_one_that_each_restore_point_reaches_is_warned_of(self, schedule: str, max_age: str, gap: str) -> None:
        (told,) = config(f"servers: [{{id: 1, name: x, schedule: {schedule}, max_age: {max_age}}}]").warnings
        assert f" and up to {gap} pass between two slots of '{schedule}': each restore point is told as too old" in told

    @pytest.mark.parametrize(
        ("schedule", "max_age"), [("daily", "25h"), ("weekly", "8d"), ("every weekday at 04:00", "73h")]
    )
    def test_one_beyond_the_schedule_is_not(self, schedule: str, max_age: str) -> None:
        assert config(f"servers: [{{id: 1, name: x, schedule: {schedule}, max_age: {max_age}}}]").warnings == ()


class TestWeb:
    """Where the page is served."""

    def test_it_is_off_unless_it_is_there(self) -> None:
        assert config(GOOD).web is None
        assert config("web:\n" + GOOD).web is None

    @pytest.mark.parametrize(
        "listen", ["127.0.0.1:9187", "localhost:80", "[::1]:9187", "127.9.9.9:0", "/run/rotator/web.sock"]
    )
    def test_where_only_this_machine_reaches_it_no_token_is_needed(self, listen: str) -> None:
        assert config(f"web: {{listen: '{listen}'}}\n{GOOD}").web == WebSettings(listen)

    @pytest.mark.parametrize(
        "listen", ["0.0.0.0:9187", "[::]:9187", "192.0.2.7:80", "status.lan:80", "[::ffff:127.0.0.1]:80"]
    )
    def test_where_others_reach_it_a_token_is_a_must(self, listen: str) -> None:
        assert problem(f"web: {{listen: '{listen}'}}\n{GOOD}") == (
            "1:15: web.listen: others can reach this address, and then read the page; name a file with a token as "
            "web.token_file, or listen on 127.0.0.1, [::1] or the path of a Unix socket"
        )
        made = config(f"web: {{listen: '{listen}', token_file: t, hosts: [Status.Example.org, 192.0.2.7]}}\n{GOOD}").web
        assert made == WebSettings(listen, Path("/etc/rotator/t"), ("status.example.org", "192.0.2.7"))

    @pytest.mark.parametrize(
        ("written", "told"),
        [
            ("{}", "1:6: web: listen is missing; add listen: 127.0.0.1:9187"),
            ("{listen: 9187}", "1:15: web.listen: found the number 9187: put it in quotes, '9187', if it is what you mean; an example is 127.0.0.1:9187"),
            ("{listen: localhost}", "1:15: web.listen: write HOST:PORT, [IPV6]:PORT or the absolute path of a Unix socket, such as 127.0.0.1:9187"),
            ("{listen: '::1:80'}", "1:15: web.listen: write HOST:PORT, [IPV6]:PORT or the absolute path of a Unix socket, such as 127.0.0.1:9187"),
            ("{listen: web.sock}", "1:15: web.listen: write HOST:PORT, [IPV6]:PORT or the absolute path of a Unix socket, such as 127.0.0.1:9187"),
            ("{listen: '*:80'}", "1:15: web.listen: this names no address to listen on; 127.0.0.1 is this machine, 0.0.0.0 and [::] everything"),
            ("{listen: ':80'}", "1:15: web.listen: this names no address to listen on; 127.0.0.1 is this machine, 0.0.0.0 and [::] everything"),
            ("{listen: '[::g]:80'}", "1:15: web.listen: this names no address to listen on; 127.0.0.1 is this machine, 0.0.0.0 and [::] everything"),
            ("{listen: 'a:65536'}", "1:15: web.listen: there is no such port; write one from 1 to 65535"),
            ("{listen: /run/}", "1:15: web.listen: this is no path of a socket; an example is /run/rotator/web.sock"),
            (f"{{listen: /{'x' * 107}}}", "1:15: web.listen: the path of a socket has at most 107 bytes; write a shorter one"),
            ("{listen: /s, hosts: [https://a]}", "1:27: web.hosts[0]: this is no name of a host; write the name alone, such as status.example.org"),
            ("{listen: /s, hosts: a}", "1:26: web.hosts: found the text 'a': write a list, for example [status.example.org]"),
            ("{listen: /s, token: SECRET}", "1:19: web.token: secrets do not belong in this file; save the token in a file of mode 0600 and name it as web.token_file"),
            ("{lisen: /s, listen: /s}", "1:7: web.lisen: there is no such key; did you mean listen?"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_served_is_refused(self, written: str, told: str) -> None:
        assert problem(f"web: {written}\n{GOOD}") == told


class TestNotify:
    """Whom to tell."""

    def test_it_is_off_unless_somebody_is_named(self) -> None:
        assert config(GOOD).notify is None
        made = config("notify: {remind_every: 12h}\n" + GOOD)
        assert made.notify is None
        assert made.warnings == (
            f"{FILE}:1:9: notify: nobody is named here, so nobody is told; add check_ins, webhooks or apprise",
        )

    def test_each_address_is_there_or_in_a_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        made = config(
            GOOD + "notify:\n"
            "  check_ins: [{url_file: check-in, every: 5m}, {url: 'http://127.0.0.1:8000/ping'}]\n"
            "  webhooks: [{url: 'https://h.example.org/x?y=z', secret_file: ~/s}, {url_file: $CREDENTIALS_DIRECTORY/hook}]\n"
            "  apprise: [{url: 'mailto://u:p@example.org'}, {url_file: /a}]\n"
        )
        assert made.warnings == ()
        assert made.notify
        assert made.notify.remind_every == timedelta(days=1)
        assert made.notify.check_ins == (
            CheckIn(Target(url_file=Path("/etc/rotator/check-in")), timedelta(minutes=5)),
            CheckIn(Target("http://127.0.0.1:8000/ping"), timedelta(hours=1)),
        )
        assert made.notify.webhooks == (
            Webhook(Target("https://h.example.org/x?y=z"), Path("/home/me/s")),
            Webhook(Target(url_file=Path("$CREDENTIALS_DIRECTORY/hook"))),
        )
        assert made.notify.apprise == (Target("mailto://u:p@example.org"), Target(url_file=Path("/a")))
        assert "u:p" not in repr(made)

    def test_an_address_in_the_clear_is_warned_of(self) -> None:
        made = config(GOOD + "notify: {webhooks: [{url_file: a}, {url: 'http://hooks.lan/SECRET'}]}\n")
        assert made.warnings == (
            f"{FILE}:2:42: notify.webhooks[1].url: the address begins with http://, so what is sent there can be read on its "
            "way; use https:// where the receiver has it",
        )

    @pytest.mark.parametrize(
        ("written", "told"),
        [
            ("{check_ins: https://a/SECRET}", "21: notify.check_ins: found text: write a list, for example [{url_file: /etc/rotator/check-in, every: 1h}]"),
            ("{check_ins: [https://a/SECRET]}", "22: notify.check_ins[0]: found text: write keys and values below it, each on its own line"),
            ("{check_ins: [{}]}", "22: notify.check_ins[0]: there is no address; add url_file: with a file that holds it, or url:"),
            ("{check_ins: [{url: 'https://SECRET', url_file: a}]}", "22: notify.check_ins[0]: url and url_file stand both here; remove one, so that it is clear which address counts"),
            ("{check_ins: [{url: SECRET}]}", "28: notify.check_ins[0].url: the address names no valid host; an example is https://hooks.example.org/rotator"),
            ("{check_ins: [{url: 'https://[SECRET'}]}", "28: notify.check_ins[0].url: the address cannot be read; an example is https://hooks.example.org/rotator"),
            ("{check_ins: [{url: 'ftp://SECRET'}]}", "28: notify.check_ins[0].url: the address does not begin with https:// or http://; an example is https://hooks.example.org/rotator"),
            ("{check_ins: [{url_file: a, every: 0s}]}", "43: notify.check_ins[0].every: found the text '0s': write a time from 1s to 31d"),
            ("{webhooks: [{url_file: a, every: 1h}]}", "35: notify.webhooks[0].every: there is no such key; remove it (known here: url_file, url, secret_file)"),
            ("{webhooks: [{url: 'https://a', secret: SECRET}]}", "40: notify.webhooks[0].secret: secrets do not belong in this file; save the secret in a file of mode 0600 and name it as secret_file"),
            ("{webhooks: [{url_file: 'https://SECRET'}]}", "32: notify.webhooks[0].url_file: found an address: write the path of a file that holds it"),
            (r'{webhooks: [{url_file: "SECRET\n"}]}', "32: notify.webhooks[0].url_file: found line breaks or other characters that do not print: write the path of a file"),
            (f"{{webhooks: [{{url: 'https://SECRET{'x' * 2048}'}}]}}", "27: notify.webhooks[0].url: holds 2062 characters; write at most 2048"),
            ("{webhooks: [{url: [SECRET]}]}", "27: notify.webhooks[0].url: found a list: write text, for example https://hooks.example.org/rotator"),
            ("{apprise: [{url: SECRET}]}", "26: notify.apprise[0].url: the address does not begin with a scheme; an example is ntfys://ntfy.example.org/backups"),
            ("{'https://SECRET': 1}", "10: notify.'…': secrets do not belong in this file; save the address in a file of mode 0600 and name it as url_file"),
            ("{url: SECRET}", "10: notify.url: there is no such key here; it belongs under check_ins:"),
            ("{webhook: []}", "10: notify.webhook: there is no such key; did you mean webhooks?"),
            ("{remind_every: never}", "24: notify.remind_every: found the text 'never': write a whole number and its unit (ms, s, m, h or d), such as 90s, 15m or 6h"),
        ],
    )  # fmt: skip
    def test_what_can_be_no_receiver_is_refused_and_not_repeated(self, written: str, told: str) -> None:
        found = problem(f"notify: {written}\n{GOOD}")
        assert found == f"1:{told}"

    def test_a_key_of_the_top_is_sent_to_its_section(self) -> None:
        assert problem(GOOD + "listen: a\n").endswith("listen: there is no such key here; it belongs under web:")
        assert problem(GOOD + "remind_every: 1h\n").endswith("it belongs under notify:")
