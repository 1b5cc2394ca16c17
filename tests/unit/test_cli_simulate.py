"""`rotator simulate` in this process: what it refuses, what it shows of few servers and of many, a broken rule."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.cli import run
from rotator.cli.progress import Days
from rotator.engine import engine
from rotator.model import Cause
from rotator.simulate.settings import Settings
from rotator.simulate.words import span
from tests.unit.test_simulate import deletes_the_newest

FROM = ("--from", "2026-11-23")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(
        "servers: [{id: 12345, name: web-server-01, schedule: every day at 02:00},"
        " {id: 12346, name: db-server-01, schedule: hourly, keep: 5}]"
    )
    return path


@pytest.fixture
def fleet(config: Path) -> Path:
    servers = [f"{{id: {number}, name: web-{number:04}, policy: nightly}}" for number in range(1, 40)]
    servers.append("{id: 99, name: hourly, schedule: hourly}")
    config.write_text(f"policies: {{nightly: {{schedule: daily, keep: 4}}}}\nservers: [{', '.join(servers)}]")
    return config


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--days 0", "--days 0: give a whole number from 1 to 3660"),
        ("--days 9x", "--days 9x: give a whole number"),
        ("--days 99999", "--days 99999: give a whole number from 1 to 3660"),
        ("--from 2026-13-01", "--from 2026-13-01: no such day; write 2027-03-01, or 2027-03-01T14:00 (UTC)"),
        ("--from soon", "--from soon: no such day; write 2027-03-01"),
        ("--from 0001-01-01", "--from 0001-01-01: give a date from 1990-01-01 to before 2100-01-01"),
        ("--fail 101%", "--fail 101%: give a percentage from 0% to 100%"),
        ("--fail much", "--fail much: give a percentage"),
        ("--fail 0.05", "--fail 0.05: write 5% or 0.05%"),
        ("--foreign 6", "--foreign 6: give a whole number from 0 to 5"),
        ("--seed x", "--seed x: give a whole number from 0 to"),
        ("--create-time 0s", "--create-time 0s: give a time from 1s to 7d"),
        ("--create-time 5", "--create-time 5: found the text '5': write a whole number and its unit"),
        ("--outage 12h", "--outage 12h: write how long it lasts and when, such as 12h@day9"),
        ("--outage 12h@day0", "--outage 12h@day0: write how long"),
        ("--outage soon@day9", "--outage soon@day9: found the text 'soon'"),
        ("--outage 0s@day9", "--outage 0s@day9: it lasts no time"),
        ("--outage 12h@day91", "--outage 12h@day91: the simulation is over by then; give a longer one with --days"),
        ("--outage 12h@day9T25:00", "such as 12h@day9 or 12h@day9T14:00"),
        ("--server nobody", "--server nobody: no enabled server"),
        ("--svg picture.png", "--svg picture.png: the file is replaced, so its name has to end in .svg"),
        ("--svg nowhere/a.svg", "--svg nowhere/a.svg: its folder is not there"),
        ("--svg folder.svg", "--svg folder.svg: this is a folder; name a file in it"),
        ("--svg .", "--svg .: this is a folder; name a file in it"),
        ("--svg notes.svg", "--svg notes.svg: this file is no picture, and is not replaced; name another file"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(
    options: str, words: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "folder.svg").mkdir()
    (config.parent / "notes.svg").write_text("what I have to buy")
    assert run(["simulate", *shlex.split(options)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"rotator: {words}") or words in said.err
    assert said.out == ""


def test_a_configuration_without_servers_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("servers: [{id: 1, name: web, schedule: daily, enabled: false}]")
    assert run(["simulate"]) == 2
    assert "config.yaml: no server is enabled, so there is nothing to simulate" in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "full.svg").symlink_to("/dev/full")
    assert run(["simulate", "--days", "1", "--svg", "full.svg"]) == 2
    assert "--svg full.svg: " in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert run(["simulate", *FROM, "--svg", "a.svg"]) == 2
    assert capsys.readouterr() == ("", "rotator: --svg a.svg: its folder cannot be written; name another one\n")


def test_a_terminal_is_told_the_day_after_two_seconds_and_once_a_second(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    begun = datetime(2026, 11, 23, tzinfo=UTC)
    times = iter([0.0, 1.9, 2.0, 2.0, 2.9, 3.1, 3.1])
    with Days(Settings(begun, 90), is_logged=False, monotonic=lambda: next(times)) as days:
        for day in (0, 11, 12, 13):
            days.show(begun + timedelta(days=day))
    assert capsys.readouterr().err == "\r\x1b[Kday 12 of 90\r\x1b[Kday 14 of 90\r\x1b[K"
    with Days(Settings(begun, 90), is_logged=True, monotonic=lambda: 9.0) as days:
        days.show(begun)
    assert capsys.readouterr().err == ""


def test_a_picture_is_replaced_and_so_is_an_empty_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = config.parent / "a.svg"
    picture.touch()
    for days in ("1", "2"):
        assert run(["simulate", *FROM, "--days", days, "--svg", "a.svg"]) == 0
        assert capsys.readouterr().out.endswith("\nPicture: a.svg, 2 servers\n")
        assert f"{days} day" in picture.read_text(encoding="utf-8")
    assert run(["simulate", *FROM, "--days", "1", "--svg", "a.svg", "--json"]) == 0
    assert "Picture" not in capsys.readouterr().out


def test_a_picture_is_replaced_in_one_step_where_its_link_leads(config: Path) -> None:
    folder = config.parent / "elsewhere"
    folder.mkdir()
    (folder / "real.svg").write_text("<svg>old</svg>")
    (folder / "real.svg").chmod(0o640)
    (config.parent / "a.svg").symlink_to("elsewhere/real.svg")
    with (folder / "real.svg").open() as reader:
        assert run(["simulate", *FROM, "--days", "1", "--svg", "a.svg"]) == 0
        assert reader.read() == "<svg>old</svg>", "whoever reads meanwhile sees the whole old picture"
    assert (config.parent / "a.svg").is_symlink()
    assert (folder / "real.svg").stat().st_mode & 0o777 == 0o640
    assert (folder / "real.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
    assert [each.name for each in folder.iterdir()] == ["real.svg"]


def test_an_old_picture_stays_when_drawing_a_new_one_breaks_off(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_off(*_: object) -> Iterator[str]:
        yield "<svg>"
        raise OSError(28, "No space left on device")

    picture = config.parent / "a.svg"
    picture.write_text("<svg>old</svg>")
    monkeypatch.setattr("rotator.simulate.timeline.timeline", breaks_off)
    assert run(["simulate", *FROM, "--days", "1", "--svg", "a.svg"]) == 2
    assert picture.read_text() == "<svg>old</svg>"
    assert sorted(each.name for each in config.parent.iterdir()) == ["a.svg", "config.yaml"]


def test_a_link_that_leads_nowhere_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, target in (("gone.svg", "nowhere.svg"), ("round.svg", "round.svg")):
        (config.parent / name).symlink_to(target)
        assert run(["simulate", *FROM, "--svg", name]) == 2
        assert f"--svg {name}: this link leads to no file" in capsys.readouterr().err


def test_few_servers_are_shown_in_full(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--days", "20", "--fail", "5%", "--outage", "12h@day9", "--foreign", "1")
    assert run(["simulate", *FROM, *options]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 servers, 20 days: 2026-11-23 00:00 to 2026-12-13 00:00 UTC\n  * a snapshot takes 5m; 5% ")
    assert "  * outage: 12h from 2026-12-01 00:00:00Z (day 9)\n" in out
    assert "    outage          day 9: 1 slot caught up, 12 missed; gap 13h 7m\n" in out
    assert "  ! squeezed: keep: 5 wants 5 places, but only 4 are left" in out
    assert "a keep of 3 in all" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_servers_without_restore_points_are_shown(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", *FROM, "--days", "2", "--outage", "9d@day1", "--server", "12345"]) == 0
    out = capsys.readouterr().out
    assert "restore points  none on the last day" in out
    assert "oldest reach    none" in out
    assert "0 on time, 2 missed, 1 open at the end" in out
    assert "before the first restore point" in " ".join(out.split())
    assert "    longest gap     the whole 2 days: there never was a restore point\n" in out
    assert "  * outage: 2d from 2026-11-23 00:00:00Z (day 1), to the end of the simulation\n" in out
    [never, *_] = [line for line in out.splitlines() if line.startswith("  ! ")]
    assert never == "  ! never protected: it had no restore point on any day"
    assert run(["simulate", *FROM, "--days", "2", "--outage", "9d@day1", "--server", "12345", "--json"]) == 0
    [server] = json.loads(capsys.readouterr().out)["servers"]
    assert server["notices"][0]["kind"] == "never_protected"


def test_a_short_simulation_says_that_the_reach_still_grows(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", *FROM, "--days", "2", "--server", "web-server-01"]) == 0
    assert "oldest reach    still growing" in capsys.readouterr().out


def test_many_servers_are_a_table_with_the_worst_first(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", *FROM, "--days", "10", "--fail", "10%", "--create-time", "20m"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [nightly] = [line.split() for line in lines if line.startswith("nightly")]
    assert nightly[:3] == ["nightly", "39", "4"]
    worst = lines[[line[:5] for line in lines].index("WORST") + 1 :][:10]
    gaps = [line[37:47].strip() for line in worst]
    assert worst[0].startswith("hourly")  # the only one that missed slots
    assert worst[0].split()[-1] > "0" == worst[1].split()[-1]
    assert gaps[1].startswith(("24h", "25h", "26h", "27h", "28h", "29h"))
    assert any(line.startswith("  ! failed, 1 server") or "! failed, " in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_json_has_every_server_and_is_the_same_each_time(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for _ in range(2):
        assert run(["simulate", *FROM, "--days", "3", "--fail", "30%", "--json"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    found = json.loads(texts[0])
    assert len(found["servers"]) == 40
    assert found["broken_rule"] is None
    assert found["servers"][39]["deletes"][Cause.FAILED] == found["servers"][39]["failed_snapshots"] > 0


def test_the_log_has_the_times_of_the_simulation(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", *FROM, "--days", "1", "--server", "12345", "--log-level", "debug"]) == 0
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [completed, *_] = [line for line in logged if line["event"] == "snapshot_completed"]
    assert completed["timestamp"] == "2026-11-23T00:05:00.000000Z"


class TestBrokenRule:
    OPTIONS = (*FROM, "--days", "30", "--fail", "1%", "--outage", "1h@day2", "--outage", "3h@day20", "--seed", "4")

    @pytest.fixture(autouse=True)
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine, "plan", deletes_the_newest)

    def test_is_told_with_a_command_that_shows_it_again(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["simulate", *self.OPTIONS]) == 1
        told = capsys.readouterr().out
        assert " ".join(told.split()).startswith(
            "! S5 policy: delete rotator-20261123T020000Z: it is the newest, at 2026-11-23 02:05:00Z, on db-server-01"
        )
        replay = told.splitlines()[-1].strip()
        assert replay == (
            "rotator simulate -c config.yaml --from 2026-11-23T00:00:00Z --days 1 --fail 1% --foreign 0 --seed 4 "
            "--create-time 5m --server 12346"
        )
        assert run(shlex.split(replay)[1:]) == 1
        assert capsys.readouterr().out == told

    def test_is_told_as_json(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["simulate", *self.OPTIONS, "--server", "web-server-01", "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert found["broken_rule"]["call"] == "S5 policy: delete rotator-20261124T020000Z: it is the newest"
        assert found["broken_rule"]["server"] == "web-server-01"
        assert "--days 2 --fail 1% --outage 1h@day2 --foreign" in found["broken_rule"]["replay"]
        assert (found["servers"], found["calls"]) == ([], None)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(minutes=65), "65m"),
        (timedelta(hours=2), "2h"),
        (timedelta(hours=47, minutes=5), "47h 5m"),
        (timedelta(days=2), "2d"),
        (timedelta(days=3, hours=4, minutes=9), "3d 4h"),
        (None, "-"),
    ],
)
def test_lengths_of_time_are_written_to_their_second_unit(length: timedelta | None, text: str) -> None:
    assert span(length) == text
