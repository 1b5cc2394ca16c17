"""Where the state is kept, and whether that place can be relied on; knows nothing of what is in the file."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rotator.config.files import stem
from rotator.state.fault import Fault, FaultKind, StateError

SYSTEM = Path("/var/lib/rotator")

SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database; whoever can write one of them can write the database."""


def default_state_dir(environ: Mapping[str, str], uid: int) -> Path:
    """The directory of systemd, else the system's for root, else one in the user's home.

    Who has no home uses the system's directory, which somebody has to make for them.
    """
    given = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given.startswith("/"):
        return Path(given)
    if uid == 0:
        return SYSTEM
    configured = environ.get("XDG_STATE_HOME", "")
    if configured.startswith("/"):
        return Path(configured) / "rotator"
    try:
        return Path(pwd.getpwuid(uid).pw_dir) / ".local/state/rotator"
    except KeyError:
        return SYSTEM


def state_name(config: Path) -> str:
    """The file name of a configuration's state, so that two configurations do not meet in one file."""
    return f"{stem(config)}.db"


def make_directory(path: Path) -> None:
    """Make the directory of the file, for this user only; StateError where there can be none."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(_no_place(path, error)) from None


def prepare(path: Path, uid: int) -> bool:
    """Make an empty file where there is none (then True); StateError where it cannot be used.

    What root makes in another user's directory belongs to that user: systemd's service goes on with it.
    """
    require_trust(path, uid)
    try:
        return _made(path, path.parent.stat(), uid)
    except OSError as error:
        raise StateError(_no_place(path, error)) from None


def _no_place(path: Path, error: OSError) -> Fault:
    remedy = "make the directory writable for this user, or name another by --state-dir"
    return Fault(FaultKind.NO_PLACE, f"state {path}: {error.strerror}; {remedy}")


def _made(path: Path, directory: os.stat_result, uid: int) -> bool:
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
    except FileExistsError:
        return False
    try:
        if uid == 0 and directory.st_uid != 0:
            os.fchown(fd, directory.st_uid, directory.st_gid)
    finally:
        os.close(fd)
    return True


def require_trust(path: Path, uid: int) -> None:
    """StateError if somebody else may write there: what is in it would be theirs, and root would write where they like.

    Root may name a directory of another user, and then relies on that user.
    """
    directory = path.parent.stat()
    owners = {0, uid} | ({directory.st_uid} if uid == 0 else set())
    for each in (path.parent, path, *(Path(f"{path}{end}") for end in SIDE_FILES)):
        with suppress(FileNotFoundError):
            found = directory if each == path.parent else each.lstat()
            objection = _objection(found, owners, uid, is_directory=each == path.parent)
            if objection:
                raise StateError(Fault(FaultKind.UNTRUSTED, f"state {path}: {each} {objection}"))


def _objection(found: os.stat_result, owners: set[int], uid: int, *, is_directory: bool) -> str | None:
    if not (stat.S_ISDIR if is_directory else stat.S_ISREG)(found.st_mode):
        return f"is no {'directory' if is_directory else 'regular file'}: remove it, or name another by --state-dir"
    if found.st_uid not in owners:
        return f"belongs to user {found.st_uid}, not to this one: name a directory of rotator's own by --state-dir"
    others = found.st_mode & (0o002 if _is_private(found.st_gid, uid) else 0o022)
    if others:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        return f"may be written by other users (mode {mode}): chmod go-w it, or name a directory of rotator's own"
    return None


def _is_private(gid: int, uid: int) -> bool:
    """Whether this is the user's own group: the same number, and nobody else in it."""
    if gid != uid:
        return False
    try:
        members = grp.getgrgid(gid).gr_mem
    except KeyError:
        return True  # a number without a name, as in a container
    return not members or members == [_name(uid)]


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def may_command(path: Path, uid: int) -> bool:
    """Whether commands that were written down there may be run: never those of another user with root's rights."""
    try:
        return all(each.stat().st_uid in {0, uid} for each in (path.parent, path))
    except OSError:
        return False
