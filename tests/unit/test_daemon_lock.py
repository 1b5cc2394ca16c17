"""One instance per configuration: where the lock file lies, who holds it, and what is said where there can be none."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rotator.daemon.lock import InstanceLock, default_lock_file
from rotator.errors import Exit, LockError, LockPlaceError
from tests.components import needs_root

REMEDY = "name a writable place with --lock-file"


@contextmanager
def held_by_another_process(path: Path) -> Iterator[int]:
    """A process that holds the lock of `path`; gives its id."""
    program = (
        "import sys; from pathlib import Path; from rotator.daemon.lock import InstanceLock\n"
        f"with InstanceLock(Path({str(path)!r})): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        yield holder.pid
        holder.kill()


@contextmanager
def held_elsewhere(path: Path) -> Iterator[None]:
    """Asserts that the file of this name is locked."""
    with path.open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    yield


class TestDefaultPlace:
    @pytest.mark.parametrize(
        ("environ", "uid", "folder"),
        [
            ({"RUNTIME_DIRECTORY": "/run/rotator"}, 1000, "/run/rotator"),
            ({"RUNTIME_DIRECTORY": "/run/a:/run/b"}, 0, "/run/a"),
            ({"STATE_DIRECTORY": "/var/lib/rotator"}, 1000, "/var/lib/rotator"),
            ({"RUNTIME_DIRECTORY": "", "STATE_DIRECTORY": "/var/lib/rotator"}, 0, "/var/lib/rotator"),
            ({"RUNTIME_DIRECTORY": "/run/a", "STATE_DIRECTORY": "/var/lib/a"}, 0, "/run/a"),
            ({}, 0, "/run/rotator"),
            ({"XDG_RUNTIME_DIR": "/run/user/0", "HOME": "/root"}, 0, "/run/rotator"),
            ({"RUNTIME_DIRECTORY": ":", "STATE_DIRECTORY": "state"}, 0, "/run/rotator"),
        ],
    )
    def test_is_the_first_runtime_or_state_directory(self, environ: dict[str, str], uid: int, folder: str) -> None:
        assert default_lock_file(Path("/etc/rotator/config.yaml"), environ, uid).parent == Path(folder)

    def test_cron_and_shell_of_a_user_meet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A login shell has variables that cron has not."""
        me = pwd.getpwuid(os.getuid())
        monkeypatch.setattr(pwd, "getpwuid", lambda _uid: me)
        config = Path("/etc/rotator/config.yaml")
        shell = default_lock_file(config, {"XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/elsewhere"}, 1000)
        assert shell == default_lock_file(config, {}, 1000)
        assert shell.parent == Path(me.pw_dir) / ".local/state/rotator"

    def test_user_without_a_home_is_told_to_name_a_place(self) -> None:
        with pytest.raises(LockPlaceError, match=r"user 987654 has no home directory .* --lock-file"):
            default_lock_file(Path("/etc/rotator/config.yaml"), {}, 987654)

    def test_service_cron_and_shell_of_root_meet(self) -> None:
        config = Path("/etc/rotator/config.yaml")
        service = default_lock_file(config, {"RUNTIME_DIRECTORY": "/run/rotator"}, 990)
        assert service == default_lock_file(config, {"HOME": "/root"}, 0)

    def test_is_named_after_the_configuration_however_that_is_written(self, tmp_path: Path) -> None:
        config = tmp_path / "config.yaml"
        config.touch()
        (tmp_path / "link.yaml").symlink_to(config)
        (tmp_path / "sub").mkdir()
        names = {
            default_lock_file(path, {}, 0)
            for path in (config, tmp_path / "link.yaml", tmp_path / "sub" / ".." / "config.yaml")
        }
        assert len(names) == 1
        assert names.pop().name.startswith("config-")

    def test_two_configurations_of_one_name_do_not_meet(self) -> None:
        assert default_lock_file(Path("/a/config.yaml"), {}, 0) != default_lock_file(Path("/b/config.yaml"), {}, 0)


class TestHolding:
    def test_holder_leaves_its_process_id(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "lock"
        with InstanceLock(path):
            assert path.read_text() == f"{os.getpid()}\n"

    def test_second_instance_is_refused_and_told_who_the_first_is(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        with held_by_another_process(path) as pid:
            with pytest.raises(LockError, match=rf"another rotator \(process {pid}\) runs .* stop it first") as caught:
                InstanceLock(path).__enter__()
            assert caught.value.exit_code is Exit.BUSY

    def test_killed_holder_leaves_nothing_behind(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        with held_by_another_process(path):
            pass
        with InstanceLock(path):
            assert path.read_text() == f"{os.getpid()}\n"

    @pytest.mark.parametrize("content", ["servers: []\n", "s3cr3t-token", "12 34\n"])
    def test_file_with_other_content_is_left_as_it_is(self, tmp_path: Path, content: str) -> None:
        """`--lock-file` may name the wrong file."""
        path = tmp_path / "precious"
        path.write_text(content)
        with pytest.raises(LockPlaceError, match="is another file with content; name another --lock-file"):
            InstanceLock(path).__enter__()
        assert path.read_text() == content

    def test_a_file_that_was_removed_while_it_was_being_locked_is_not_held(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """systemd removes a service's runtime directory; whoever locks what is gone holds nothing."""
        path, lock, flock = tmp_path / "lock", InstanceLock(tmp_path / "lock"), fcntl.flock
        replaced: list[Path] = []

        def replacing(fd: int, operation: int) -> None:
            flock(fd, operation)
            if not replaced:
                replaced.append(path)
                path.unlink()

        monkeypatch.setattr(fcntl, "flock", replacing)
        with lock, held_elsewhere(path):
            assert path.read_text() == f"{os.getpid()}\n"

    def test_lock_is_free_after_use(self, tmp_path: Path) -> None:
        for _ in range(2):
            with InstanceLock(tmp_path / "lock"):
                pass

    def test_lock_is_free_after_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError), InstanceLock(tmp_path / "lock"):
            raise ZeroDivisionError
        with InstanceLock(tmp_path / "lock"):
            pass

    @pytest.mark.parametrize("content", ["", "gone\n", "rm -rf /"])
    def test_file_that_names_no_process_is_not_quoted(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "lock"
        with path.open("w") as other:
            other.write(content)
            other.flush()
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(LockError, match=r"^another rotator runs with this configuration"):
                InstanceLock(path).__enter__()


class TestPlace:
    """Root may write everywhere, so what cannot be written is made of what is no directory, or is told by a stub."""

    @pytest.mark.parametrize("below", ["file/lock", "file/folder/lock"])
    def test_nowhere_to_put_it_is_told_with_the_remedy(self, tmp_path: Path, below: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(LockPlaceError, match=REMEDY) as caught:
            InstanceLock(tmp_path / below).__enter__()
        assert str(tmp_path / below) in str(caught.value)
        assert caught.value.exit_code is Exit.CONFIG

    def test_directory_can_be_locked_as_well(self, tmp_path: Path) -> None:
        with InstanceLock(tmp_path), pytest.raises(LockError, match=r"^another rotator runs"):
            InstanceLock(tmp_path).__enter__()

    def test_symbolic_link_is_not_followed(self, tmp_path: Path) -> None:
        """In a folder that others may write to, a link would let them have any file of ours truncated."""
        victim = tmp_path / "victim"
        victim.write_text("precious")
        (tmp_path / "lock").symlink_to(victim)
        with pytest.raises(LockPlaceError, match=REMEDY):
            InstanceLock(tmp_path / "lock").__enter__()
        assert victim.read_text() == "precious"

    def test_file_that_may_only_be_read_is_locked_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "lock"
        path.write_text("4711\n")
        read_only(monkeypatch, errno.EROFS)
        with InstanceLock(path), pytest.raises(LockError, match=r"process 4711"):
            InstanceLock(path).__enter__()
        assert path.read_text() == "4711\n"

    def test_read_only_folder_without_the_file_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        read_only(monkeypatch, errno.EACCES)
        with pytest.raises(LockPlaceError, match=f"Permission denied; {REMEDY}"):
            InstanceLock(tmp_path / "lock").__enter__()

    def test_what_root_makes_belongs_to_whom_the_directory_belongs_to(self, tmp_path: Path) -> None:
        needs_root()
        os.chown(tmp_path, 12345, 12346)
        for _ in range(2):  # the second time it is there already
            with InstanceLock(tmp_path / "lock"):
                found = (tmp_path / "lock").stat()
                assert (found.st_uid, found.st_gid) == (12345, 12346)

    def test_file_system_without_locks_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def flock(_fd: int, _operation: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", flock)
        with pytest.raises(LockPlaceError, match=f"No locks available; {REMEDY}"):
            InstanceLock(tmp_path / "lock").__enter__()


def read_only(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """From now on nothing can be opened for writing, as on a file system that is mounted read-only."""
    real = os.open

    def opened(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise OSError(code, os.strerror(code))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)
