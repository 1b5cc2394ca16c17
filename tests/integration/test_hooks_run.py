"""Running commands: real programs that behave, misbehave, hang, shout, multiply and will not die."""

from __future__ import annotations

import gc
import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.engine import Ran
from rotator.hooks import run_hook
from rotator.model import Command

PATH = {"PATH": os.environ["PATH"]}
SOON = timedelta(seconds=20)


def run(*argv: str, **more: object) -> Ran:
    options: dict[str, object] = {"timeout": SOON, "variables": {}, "environ": PATH}
    return run_hook(Command(argv), **(options | more))  # type: ignore[arg-type]


def shell(line: str, **more: object) -> Ran:
    options: dict[str, object] = {"timeout": SOON, "variables": {}, "environ": PATH}
    return run_hook(Command((line,), shell=True), **(options | more))  # type: ignore[arg-type]


def script(folder: Path, text: str) -> tuple[str, str]:
    """A Python program, ready to run."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(text))
    return sys.executable, str(path)


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def pids_in(path: Path, count: int) -> list[int]:
    """The process ids that a program wrote, once there are so many."""
    wait_for(lambda: path.exists() and len(path.read_text().split()) >= count, f"{path} does not fill")
    return [int(word) for word in path.read_text().split()]


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """No test leaves a descriptor open, or a child, dead or alive."""
    gc.collect()  # what an earlier test left to be collected must not be collected in the middle of this one
    before = descriptors(), children()
    yield
    assert (descriptors(), children()) == before


class TestEnds:
    """Commands that end by themselves."""

    def test_a_command_that_exits_with_zero_is_ok_and_its_output_is_kept(self) -> None:
        done = run("sh", "-c", "echo to stdout; echo to stderr >&2")
        assert done.error == ""
        assert done.output == "to stdout\nto stderr"
        assert timedelta(0) < done.duration < timedelta(seconds=10)

    def test_another_exit_status_is_a_failure_in_words(self) -> None:
        done = run("sh", "-c", "echo no such mount; exit 3")
        assert (done.error, done.output) == ("it exited with status 3", "no such mount")

    def test_a_command_that_a_signal_ends_is_a_failure(self) -> None:
        done = run("sh", "-c", "kill -KILL $$")
        assert done.error == "it was ended by SIGKILL"

    def test_a_signal_without_a_name_is_told_by_its_number(self) -> None:
        done = run("sh", "-c", "kill -40 $$")
        assert done.error == "it was ended by signal 40"

    def test_arguments_are_passed_as_they_are_without_a_shell(self) -> None:
        assert run("printf", "%s|", "a b", "$HOME", "`id`", "; false", "*").output == "a b|$HOME|`id`|; false|*|"

    def test_with_shell_the_line_is_for_the_shell(self) -> None:
        done = shell(
            'for i in 1 2; do echo "$ROTATOR_SERVER $i"; done | tr a-z A-Z', variables={"ROTATOR_SERVER": "web"}
        )
        assert (done.error, done.output) == ("", "WEB 1\nWEB 2")

    def test_there_is_nothing_to_read_for_it(self) -> None:
        assert run("cat").error == ""

    def test_it_has_a_session_of_its_own_and_so_no_terminal(self) -> None:
        done = run(sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid() == os.getpgid(0))")
        assert done.output == "True"

    def test_it_works_in_many_threads_at_once(self) -> None:
        results: list[Ran] = []

        def work(number: int) -> None:
            results.append(run("sh", "-c", f"sleep 0.1; echo {number}"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(result.output for result in results) == [str(number) for number in range(8)]
        assert {result.error for result in results} == {""}


class TestEnvironment:
    """What a command inherits."""

    def test_it_gets_the_variables_and_neither_the_token_nor_the_service_s_own_ones(self) -> None:
        secret = {
            "ROTATOR_API_TOKEN": "s3cret",
            "ROTATOR_API_TOKEN_FILE": "/etc/s3cret",
            "CREDENTIALS_DIRECTORY": "/run/credentials",
            "NOTIFY_SOCKET": "/run/notify",
            "WATCHDOG_USEC": "1",
            "WATCHDOG_PID": "1",
            "LISTEN_FDS": "1",
            "LISTEN_PID": "1",
            "LISTEN_FDNAMES": "x",
        }
        done = run(
            "env", environ={**PATH, **secret, "LANG": "C.UTF-8"}, variables={"ROTATOR_SERVER": "web", "LANG": "C"}
        )
        names = dict(line.split("=", 1) for line in done.output.splitlines())
        assert names == {**PATH, "ROTATOR_SERVER": "web", "LANG": "C"}

    def test_a_handled_and_an_ignored_signal_have_their_usual_meaning_again(self) -> None:
        previous = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            done = run("sh", "-c", "kill -TERM $$; echo survived")
        finally:
            signal.signal(signal.SIGTERM, previous)
        assert (done.error, done.output) == ("it was ended by SIGTERM", "")
        assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN  # as Python has it
        ignored = run("sh", "-c", "grep SigIgn /proc/self/status").output
        assert not int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1))

    def test_no_descriptor_of_ours_reaches_it(self, tmp_path: Path) -> None:
        with (tmp_path / "file").open("w") as file:
            os.set_inheritable(file.fileno(), True)
            assert str(tmp_path) not in run("ls", "-l", "/proc/self/fd").output


class TestStart:
    """Commands that cannot be started."""

    def test_a_program_that_is_not_there_is_a_result_in_words(self) -> None:
        done = run("no-such-program-anywhere", environ={"PATH": "/usr/bin:/bin"})
        assert done.error == (
            "no-such-program-anywhere cannot be started: there is no such program in PATH (/usr/bin:/bin); "
            "write its path"
        )
        assert run("/no/such/program").error == (
            "/no/such/program cannot be started: there is no such file; write its whole path"
        )

    @pytest.mark.parametrize(
        ("content", "mode", "words"),
        [
            ("#!/bin/sh\n", 0o644, "this user may not execute it; chmod +x it, or check the folders above it"),
            ("echo x\n", 0o755, "it is neither a program nor a script whose first line names its interpreter"),
            ("#!/no/such/interpreter\n", 0o755, "the interpreter that its first line names is not there"),
        ],
    )
    def test_a_file_that_is_no_program_is_a_result_in_words(
        self, tmp_path: Path, content: str, mode: int, words: str
    ) -> None:
        path = tmp_path / "hook"
        path.write_text(content)
        path.chmod(mode)
        assert run(str(path)).error.startswith(f"{path} cannot be started: {words}")

    def test_a_folder_an_endless_argument_and_a_zero_character_are_results_in_words(self, tmp_path: Path) -> None:
        assert "cannot be started" in run(str(tmp_path)).error
        assert run("true", "x" * (1 << 18)).error == (
            "true cannot be started: its arguments and environment are too long"
        )
        assert run("true", "a\0b").error == (
            "true cannot be started: an argument or variable holds a character that none can hold"
        )
        assert "cannot be started" in run("true", variables={"A": "\ud800"}).error

    def test_a_process_too_many_is_a_result_in_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_args: object, **_options: object) -> None:
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr("subprocess.Popen", refuse)
        assert run("true").error == "true cannot be started: this user may not start more processes now"


class TestOutput:
    """What is kept of what a command writes."""

    def test_ten_megabytes_never_block_it_and_the_end_is_kept(self) -> None:
        done = shell("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo the end")
        assert done.error == ""
        first, rest = done.output.split("\n", 1)
        assert first == "[9,995,913 bytes left out]"
        assert rest.endswith("xxx\nthe end")
        assert len(rest) == 4096 - 1  # without the last line end

    def test_bytes_that_are_no_text_and_control_characters_are_harmless(self) -> None:
        done = run("printf", r"\377\376 ok\033[2J\007 a\tb\r\nlast\n\n")
        assert done.output == "\ufffd\ufffd ok\\x1b[2J\\x07 a    b\nlast"

    def test_a_cut_through_a_character_leaves_no_trace(self) -> None:
        done = run(sys.executable, "-c", "import sys; sys.stdout.buffer.write('é'.encode() * 4000 + b'!')")
        assert done.output.startswith("[3,905 bytes left out]\né")
        assert "\ufffd" not in done.output

    def test_a_flood_is_read_until_the_time_is_up(self) -> None:
        done = run("yes", timeout=timedelta(seconds=0.3))
        assert done.error == "it took longer than 0.3 s and was ended"
        assert done.output.endswith("y\ny")


class TestTime:
    """Commands that have to be ended."""

    def test_a_command_that_takes_too_long_is_ended(self) -> None:
        done = run("sleep", "60", timeout=timedelta(seconds=0.2))
        assert done.error == "it took longer than 0.2 s and was ended"
        assert timedelta(seconds=0.2) <= done.duration < timedelta(seconds=3)

    def test_one_that_cleans_up_and_exits_with_zero_has_failed_all_the_same(self) -> None:
        done = shell("trap 'echo cleaned up; exit 0' TERM; sleep 60 & wait", timeout=timedelta(seconds=0.3))
        assert (done.error, done.output) == ("it took longer than 0.3 s and was ended", "cleaned up")

    def test_what_ignores_sigterm_is_killed_with_the_grandchild_that_holds_its_output(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotator.hooks.run.KILL_AFTER", 0.5)
        pids = tmp_path / "pids"
        program = script(
            tmp_path,
            """\
            import os, signal, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.fork()
            with open(sys.argv[1], "a") as file:
                file.write(f"{os.getpid()}\\n")
            print("started", flush=True)
            time.sleep(60)
            """,
        )
        done = run(*program, str(pids), timeout=timedelta(seconds=1))
        assert (done.error, done.output) == ("it took longer than 1 s and was ended", "started\nstarted")
        assert done.duration < timedelta(seconds=6)
        for pid in pids_in(pids, 2):
            wait_for(lambda pid=pid: not is_alive(pid), f"process {pid} lives on")  # type: ignore[misc]

    def test_a_grandchild_that_closed_its_output_dies_with_the_group_too(self, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        line = f"(trap '' TERM; exec >{tmp_path}/out 2>&1; sleep 61 & echo $! >{pids}; wait) & sleep 60"
        assert "took longer than 0.5 s" in shell(line, timeout=timedelta(seconds=0.5)).error
        (pid,) = pids_in(pids, 1)
        wait_for(lambda: not is_alive(pid), "the grandchild lives on")

    def test_a_command_that_ends_may_leave_a_process_behind_which_does_not_hold_us_up(self, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        done = shell(f"sleep 62 & echo $! >{pids}; echo frozen")
        (pid,) = pids_in(pids, 1)
        try:
            assert (done.error, done.output) == ("", "frozen")
            assert done.duration < timedelta(seconds=5)
            assert is_alive(pid)
        finally:
            os.kill(pid, signal.SIGKILL)

    def test_it_is_ended_soon_after_rotator_is_asked_to_stop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.hooks.run.STOP_GRACE", 0.2)
        stopping = threading.Event()
        timer = threading.Timer(0.2, stopping.set)
        timer.start()
        done = run("sleep", "60", stopping=stopping)
        timer.join()
        assert done.error == "it was ended because rotator stops"
        assert done.duration < timedelta(seconds=5)

    def test_one_that_ends_within_the_grace_is_not_disturbed(self) -> None:
        stopping = threading.Event()
        stopping.set()
        assert run("sleep", "0.1", stopping=stopping).error == ""

    @pytest.mark.filterwarnings("ignore::ResourceWarning")  # it is the point that it runs on
    def test_one_that_nothing_ends_is_left_to_itself_and_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # As a process that waits for a dead disk.
        monkeypatch.setattr("os.killpg", lambda *_: None)
        for patience in ("KILL_AFTER", "_DRAIN", "_DEATH"):
            monkeypatch.setattr(f"rotator.hooks.run.{patience}", 0.05)
        known = children()
        done = run("sleep", "1", timeout=timedelta(seconds=0.1))
        assert done.error == "it could not be ended, not even by SIGKILL, and is left to itself"
        wait_for(lambda: not run("true").error and children() == known, "it is not taken in once it ended")

    def test_a_broken_off_wait_leaves_nothing_running(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pids = tmp_path / "pids"

        def interrupt(*_: object) -> bool:
            pids_in(pids, 1)
            raise KeyboardInterrupt

        monkeypatch.setattr("rotator.hooks.run._is_readable", interrupt)
        with pytest.raises(KeyboardInterrupt):
            shell(f"echo $$ >{pids}; sleep 60")
        (pid,) = pids_in(pids, 1)
        assert not is_alive(pid)


def test_a_hundred_hooks_leave_no_descriptor_thread_or_process() -> None:
    before = threading.active_count(), descriptors()
    for _ in range(100):
        assert run("true").error == ""
    assert (threading.active_count(), descriptors()) == before
