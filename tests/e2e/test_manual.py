"""The completions and the manual page that come with the installed program, in real shells and in `man`."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from tests.components import needs_component
from tests.e2e.program import SCRIPT, Program

SHARE = SCRIPT.parents[1] / "share"
BASH = SHARE / "bash-completion/completions/rotator"
ZSH = SHARE / "zsh/site-functions/_rotator"
FISH = SHARE / "fish/vendor_completions.d/rotator.fish"
PAGE = SHARE / "man/man1/rotator.1"


def out(command: list[str], cwd: Path, **variables: str) -> str:
    """What a command prints; it must end well and complain of nothing."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8", **variables}
    ran = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def bash(line: str, home: Path) -> list[str]:
    """What bash offers for the last word of `line`, asked as it asks itself when Tab is pressed."""
    script = """
        . "$1"; shift
        set -- "$@"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        [[ $(complete -p rotator) =~ -F\\ ([^ ]+) ]]
        "${BASH_REMATCH[1]}" rotator "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    command = [needs_component("bash"), "--norc", "-c", script, "bash", str(BASH), *line.split(" ")]
    return out(command, home).split()


def fish(line: str, home: Path) -> list[str]:
    """What fish offers for the last word of `line`."""
    script = 'source $argv[1]; complete -C "$argv[2]"'
    shown = out([needs_component("fish"), "--no-config", "-c", script, str(FISH), line], home, TERM="dumb")
    return [each.partition("\t")[0] for each in shown.splitlines()]


def zsh(line: str, wanted: str, home: Path) -> str:
    """What a zsh on a terminal shows once Tab is pressed after `line`, as soon as `wanted` is there."""
    program = needs_component("zsh")
    master, slave = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb", "PS1": "ready>"}
    shell = subprocess.Popen([program, "-f", "-i"], cwd=home, env=environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    try:
        _type(master, f"fpath=({ZSH.parent} $fpath); autoload -Uz compinit; compinit -u -D; echo 'is'ready\n")
        _shown(master, "isready\r")
        _type(master, f"{line}\t")
        return _shown(master, wanted)
    finally:
        shell.kill()
        shell.wait(10)
        os.close(master)


def _type(terminal: int, text: str) -> None:
    os.write(terminal, text.encode())


def _shown(terminal: int, wanted: str) -> str:
    os.set_blocking(terminal, False)
    shown, deadline = "", time.monotonic() + 20
    while wanted not in shown:
        assert time.monotonic() < deadline, f"{wanted!r} is not in {shown!r}"
        try:
            shown += os.read(terminal, 65536).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.02)
    return shown


class TestCompletions:
    @pytest.mark.component
    def test_commands_and_options_in_bash(self, home: Path) -> None:
        assert bash("rotator pl", home) == ["plan"]
        assert {"run", "once", "doctor", "notify-test"} <= set(bash("rotator ", home))
        assert bash("rotator once --met", home) == ["--metrics-file"]
        assert bash("rotator run --log-level ", home) == ["debug", "info", "warning", "error"]

    @pytest.mark.component
    def test_files_and_directories_in_bash(self, home: Path) -> None:
        (home / "config.yaml").touch()
        (home / "confidential").mkdir()
        assert "config.yaml" in bash("rotator run -c conf", home)
        assert bash("rotator run --state-dir conf", home) in (["confidential"], ["confidential/"])
        assert bash("rotator once --server conf", home) == []

    @pytest.mark.component
    def test_commands_and_options_in_fish(self, home: Path) -> None:
        assert fish("rotator pl", home) == ["plan"]
        assert fish("rotator once --met", home) == ["--metrics-file"]
        assert sorted(fish("rotator run --log-format ", home)) == ["console", "json"]

    @pytest.mark.component
    def test_commands_and_options_in_zsh(self, home: Path) -> None:
        assert "show what would be done" not in zsh("rotator pl", "plan ", home)
        assert "--metrics-file" in zsh("rotator once --met", "--metrics-file", home)

    @pytest.mark.parametrize("path", [BASH, ZSH, FISH], ids=["bash", "zsh", "fish"])
    def test_every_command_of_the_help_is_known(self, rotator: Program, path: Path) -> None:
        help_lines = rotator("--help").out.partition("commands:\n")[2].splitlines()
        commands = [line.split()[0] for line in help_lines if line.startswith("    ") and line[4] != " "]
        assert len(commands) >= 13
        text = path.read_text(encoding="utf-8")
        assert [command for command in commands if command not in text] == []


@pytest.mark.component
class TestManualPage:
    def test_renders_without_a_warning(self, home: Path) -> None:
        shown = out([needs_component("man"), "--warnings", "-l", str(PAGE)], home, MANWIDTH="80", MANPAGER="cat")
        assert max(map(len, shown.splitlines())) <= 80
        for wanted in ("NAME", "rotator once [--server NAME|ID]... [--now]", "EXIT STATUS", "ROTATOR_API_TOKEN_FILE"):
            assert wanted in shown

    def test_is_found_beside_the_program(self, home: Path) -> None:
        """`man` looks in ../share/man of every directory of the path."""
        variables = {"PATH": f"{SCRIPT.parent}:{os.environ['PATH']}"}
        assert out([needs_component("man"), "-w", "rotator"], home, **variables).strip() == str(PAGE)
