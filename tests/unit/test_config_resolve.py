"""What a good configuration becomes: built-in values, inheritance, warnings; and which file is loaded."""

# YAML of one line stays one line.
# ruff: noqa: E501

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.config import Config, DisabledServer, find_config, load
from rotator.config.resolve import parse
from rotator.config.rules import duration
from rotator.errors import ConfigError
from rotator.model import Keep, Policy, Schedule
from rotator.planner.words import duration_text
from rotator.slots import splay_of

FILE = Path("/etc/rotator/config.yaml")


def config(text: str) -> Config:
    return parse(textwrap.dedent(text), FILE)


def test_a_server_with_a_schedule_is_enough() -> None:
    made = config("servers: [{id: 12345, name: web, schedule: every day at 03:00}]")
    daily = Schedule("every day at 03:00", "0 3 * * *", "UTC")
    assert made.policies == (Policy(12345, "web", daily),)
    assert made.path == FILE
    assert (made.disabled, made.warnings) == ((), ())
    assert (made.api.url, made.api.token_file, made.api.parallel) == ("https://admin.vps.org/api/v1", None, 8)
    assert (made.api.timeout, made.timing.poll_interval) == (timedelta(seconds=30), timedelta(seconds=15))
    assert made.timing.stuck_after == timedelta(minutes=60)


def test_each_level_overrides_only_what_it_says() -> None:
    made = config(
        """\
        timing: {stuck_after: 2h}
        defaults: {schedule: daily, timezone: Europe/Paris, keep: 3, min_keep: 2, prefix: base, grace: 1h, description: d}
        policies:
          deep: {keep: {last: 2, weekly: 2}, prefix: deep, adopt: [old-*], splay: 30m}
        servers:
          - {id: 1, name: a}
          - {id: 2, name: b, policy: deep}
          - {id: 3, name: c, policy: deep, keep: 4, adopt: [], grace: none, splay: 0s, description: "", timezone: UTC}
        """
    )
    a, b, c = made.policies
    assert [each.name for each in made.policies] == ["", "deep", "deep"]
    assert {each.stuck_after for each in made.policies} == {timedelta(hours=2)}
    assert (a.keep, a.prefix, a.adopt, a.grace, a.splay) == (Keep(last=3), "base", (), timedelta(hours=1), timedelta(0))
    assert (b.keep, b.prefix, b.adopt) == (Keep(last=2, weekly=2), "deep", ("old-*",))
    assert (b.splay, b.grace, b.min_keep) == (splay_of(2, timedelta(minutes=30)), timedelta(hours=1), 2)
    assert (c.keep, c.prefix, c.adopt, c.grace, c.splay) == (Keep(last=4), "deep", (), None, timedelta(0))
    assert (c.description, c.schedule.timezone, b.schedule.timezone) == ("", "UTC", "Europe/Paris")


def test_a_server_that_is_switched_off_is_listed_and_not_rotated() -> None:
    made = config(
        """\
        defaults: {schedule: daily, enabled: false}
        servers: [{id: 1, name: a}, {id: 2, name: b, enabled: true}, {id: 3-f, name: c}]
        """
    )
    assert [each.server for each in made.policies] == ["b"]
    assert made.disabled == (DisabledServer(1, "a"), DisabledServer("3-f", "c"))


@pytest.mark.parametrize(
    ("written", "id_"),
    [("7", 7), ("'7'", 7), ("8e1b-44", "8e1b-44"), ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", "1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
        ("9" * 20, int("9" * 20)), ("web.1", "web.1")],
)  # fmt: skip
def test_an_id_is_one_value_however_it_is_written(written: str, id_: int | str) -> None:
    assert config(f"servers: [{{id: {written}, name: a, schedule: daily}}]").policies[0].server_id == id_


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://admin.vps.org/api/v1/", "https://admin.vps.org/api/v1"),
        ("https://vps.org", "https://vps.org"),
        ("https://vps.org:8443//", "https://vps.org:8443"),
        ("http://localhost:8080/api", "http://localhost:8080/api"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.9.9.9/", "http://127.9.9.9"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_the_token_goes_over_tls_or_to_this_machine(written: str, url: str) -> None:
    assert config(f"api: {{url: '{written}'}}\nservers: [{{id: 1, name: a, schedule: daily}}]").api.url == url


def test_a_relative_token_file_is_relative_to_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    good = "servers: [{id: 1, name: a, schedule: daily}]\napi: {token_file: %s}\n"
    assert config(good % "token").api.token_file == Path("/etc/rotator/token")
    assert config(good % "/run/token").api.token_file == Path("/run/token")
    assert config(good % "~/token").api.token_file == Path("/home/me/token")
    assert config(good % "~nobody-at-all/token").api.token_file == Path("/etc/rotator/~nobody-at-all/token")


def test_sections_whose_keys_are_all_commented_out_are_empty() -> None:
    assert config("api:\ntiming:\ndefaults:\npolicies:\nservers: [{id: 1, name: a, schedule: daily}]").policies


@pytest.mark.parametrize(
    ("written", "span"),
    [("200ms", timedelta(milliseconds=200)), ("15s", timedelta(seconds=15)), ("10m", timedelta(minutes=10)),
        ("6h", timedelta(hours=6)), ("2d", timedelta(days=2)), ("0ms", timedelta(0)), ("90s", timedelta(seconds=90))],
)  # fmt: skip
def test_durations_are_read_and_written_alike(written: str, span: timedelta) -> None:
    assert duration(written) == span
    assert duration(duration_text(span)) == span


def test_what_a_cap_without_room_costs_is_told_once_where_it_is_written() -> None:
    made = config(
        """\
        defaults: {schedule: daily, keep: 5}
        servers: [{id: 1, name: a}, {id: 2, name: b}, {id: 3, name: c, keep: {last: 3, daily: 2}}, {id: 4, name: d, keep: 4}]
        """
    )
    cost = (
        "all the snapshots a server may have: the oldest restore point goes before the new one is complete; "
        "keep 4 or less, and it goes after"
    )
    assert made.warnings == (
        f"{FILE}:1:35: defaults.keep: keep is 5, {cost}",
        f"{FILE}:2:70: servers[2].keep: keep is {{last: 3, daily: 2}}, {cost}",
    )


def test_a_floor_that_forbids_making_room_is_told() -> None:
    (_, told) = config("servers: [{id: 1, name: a, schedule: daily, keep: 5, min_keep: 5}]").warnings
    assert told.endswith(
        "min_keep: min_keep is 5, so nothing may go to make room: the sixth slot and all later ones are blocked; "
        "write 4 or less"
    )


@pytest.mark.parametrize(
    ("schedule", "is_dense"),
    [("every 15 minutes", False), ("every 10 minutes", True), ("*/5 3 * * *", True), ("0,20,40 * * * *", False),
        ("0,50 * * * *", True), ("0-9 4 1 1 *", True), ("* * * * *", True), ("hourly", False), ("0,30 3 29 2 *", False)],
)  # fmt: skip
def test_a_schedule_finer_than_a_snapshot_takes_is_told(schedule: str, is_dense: bool) -> None:
    made = config(f"servers: [{{id: 1, name: a, schedule: '{schedule}'}}]")
    assert [each.partition("comes again within 15 minutes")[1] != "" for each in made.warnings] == [True] * is_dense


def test_a_policy_that_no_server_follows_and_a_file_without_a_server_that_is_on_are_told() -> None:
    made = config("policies:\n  old: {keep: 2}\nservers: [{id: 1, name: a, schedule: daily, enabled: false}]")
    assert made.warnings == (
        f"{FILE}:2:8: policies.old: no server follows this policy",
        f"{FILE}:3:10: servers: every server is switched off, so there is nothing to do",
    )


def test_ten_thousand_servers_load_within_seconds(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    servers = (f"  - id: {n}\n    name: server-{n}\n    policy: nightly\n    keep: 3\n" for n in range(1, 10_001))
    path.write_text("policies:\n  nightly: {schedule: daily}\nservers:\n" + "".join(servers))
    start = time.monotonic()
    assert len(load(path).policies) == 10_000
    assert time.monotonic() - start < 8  # on a busy machine; a quiet one takes one


def test_the_heavy_libraries_are_imported_only_to_load() -> None:
    code = "import sys, rotator.config; print({'pydantic', 'yaml', 'requests', 'structlog'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


class TestFindConfig:
    """Which file is loaded."""

    def test_the_first_place_that_is_named_or_there_counts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        system = tmp_path / "etc.yaml"
        monkeypatch.setattr("rotator.config.files.SYSTEM_CONFIG", system)
        monkeypatch.setenv("HOME", "/home/me")
        environ = {"ROTATOR_CONFIG": "b.yaml"}
        with pytest.raises(ConfigError):
            find_config(None, {"ROTATOR_CONFIG": ""}, tmp_path)
        system.touch()
        assert find_config(None, {}, tmp_path) == system
        (tmp_path / "config.yaml").touch()
        assert find_config(None, {}, tmp_path) == tmp_path / "config.yaml"
        assert find_config(None, environ, tmp_path) == Path("b.yaml")
        assert find_config("~/a.yaml", environ, tmp_path) == Path("/home/me/a.yaml")

    def test_where_it_looked_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.config.files.SYSTEM_CONFIG", tmp_path / "none.yaml")
        with pytest.raises(ConfigError) as caught:
            find_config(None, {}, tmp_path)
        assert str(caught.value) == (
            f"no configuration: looked at --config, ROTATOR_CONFIG, ./config.yaml and {tmp_path}/none.yaml; "
            "copy config.example.yaml to one of the two places and edit it, or name your file with --config"
        )

    def test_a_place_that_may_not_be_looked_at_is_named_rather_than_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: Path) -> bool:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "exists", refuse)
        assert find_config(None, {}, tmp_path) == tmp_path / "config.yaml"
