"""The percentages that `rotator simulate` and `rotator sandbox` take, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.cli import run
from rotator.cli.percent import share
from rotator.errors import UsageError


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("servers: [{id: 12345, name: web-server-01, schedule: daily}]")


@pytest.mark.parametrize(
    ("text", "part"),
    [("0", 0), ("0%", 0), ("0.05%", 0.0005), ("1", 0.01), ("5%", 0.05), ("5", 0.05), ("33.333333%", 0.33333333),
        ("100", 1), ("100.0%", 1)],
)  # fmt: skip
def test_a_percentage_is_read_with_its_sign_and_from_one_on_without(text: str, part: float) -> None:
    assert share("--fail", text) == pytest.approx(part)


@pytest.mark.parametrize(
    "text",
    ["", "%", "5%%", "-1%", "-0", "+5%", "101%", "100.1%", "0_5%", "1e-3", "1e1%", "0x5%", "nan", "nan%", "inf",
        "-inf%", "Infinity", " 5%", "5 %", ".5%", "5.%", "0,5%", "much", "\N{ARABIC-INDIC DIGIT FIVE}%",
        "\N{FULLWIDTH DIGIT FIVE}%"],
)  # fmt: skip
@pytest.mark.parametrize(("command", "option"), [("simulate", "--fail"), ("sandbox", "--fail-rate")])
def test_what_is_none_is_refused(command: str, option: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, f"{option}={text}"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"rotator: {option} {text}: give a percentage from 0% to 100%, such as 5% or 0.25%")
    assert said.out == ""


@pytest.mark.parametrize("text", ["5%\n", "5\n", "\n5%"])
def test_so_is_one_with_the_end_of_a_line(text: str) -> None:
    with pytest.raises(UsageError, match="give a percentage"):
        share("--fail", text)


@pytest.mark.parametrize(
    ("text", "either"),
    [("0.05", "5% or 0.05%"), ("0.29", "29% or 0.29%"), ("0.000001", "0.0001% or 0.000001%"),
        ("0.999999", "99.9999% or 0.999999%")],
)  # fmt: skip
@pytest.mark.parametrize(("command", "option"), [("simulate", "--fail"), ("sandbox", "--fail-rate")])
def test_one_that_may_be_meant_as_a_share_is_refused(
    command: str, option: str, text: str, either: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, option, text]) == 2
    assert capsys.readouterr() == ("", f"rotator: {option} {text}: write {either}\n")
