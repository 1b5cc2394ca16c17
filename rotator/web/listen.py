"""Where the page listens: reads the setting, opens the socket; knows nothing of what is served there."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from rotator.config.addresses import is_loopback
from rotator.errors import ConfigError

_PLACE = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")
_BACKLOG = 64
_SOCKET_MODE = 0o660


@dataclass(frozen=True, slots=True)
class Place:
    """A TCP address, or with `path` a Unix socket. Port 0 is any that is free."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it: a Unix socket or a loopback address."""
        return self.path is not None or is_loopback(self.host)

    def excludes(self, other: Place) -> bool:
        """Whether nobody may be able to listen at both at a time; TCP addresses of one port can include each other."""
        if self.path or other.path:
            return self.path == other.path
        return self.port == other.port != 0

    def __str__(self) -> str:
        return str(self.path) if self.path else f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def place_of(listen: str) -> Place:
    """The place that `web.listen` names; a ConfigError for anything else."""
    if listen.startswith("/"):
        return Place(path=Path(listen))
    match = _PLACE.fullmatch(listen)
    if match is None or int(match["port"]) > 65535:
        raise _unusable(listen, "that is no address; write 127.0.0.1:9187, or the absolute path of a Unix socket")
    return Place(match["v6"] or match["host"], int(match["port"]))


@dataclass(frozen=True, slots=True)
class Listener:
    """An open socket; of a Unix socket also its file, and by what that is known again."""

    socket: socket.socket
    file: tuple[Path, tuple[int, int]] | None = None

    def close(self) -> None:
        """Stop listening; a Unix socket's file goes with it, unless it is another's by now."""
        self.socket.close()
        if self.file:
            path, mark = self.file
            with contextlib.suppress(OSError):
                if _mark(path) == mark:
                    path.unlink()


def listener_at(place: Place) -> Listener:
    """Listens there; a ConfigError with the remedy where that cannot be."""
    if place.path is None:
        return Listener(_tcp_socket(place))
    opened = _unix_socket(place.path)
    return Listener(opened, (place.path, _mark(place.path)))


def _tcp_socket(place: Place) -> socket.socket:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _unusable(place, f"the host is not known ({error.strerror}); write an address of this machine") from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _unusable(place, _tcp_reason(error)) from None
    return listener


def _tcp_reason(error: OSError) -> str:
    known = {
        errno.EADDRINUSE: "another program listens there; stop it, or choose another port",
        errno.EADDRNOTAVAIL: "this machine does not have that address; write one of its own, such as 127.0.0.1:9187",
        errno.EACCES: "this user may not listen there; choose a port from 1024 on",
    }
    return known.get(error.errno or 0, f"cannot listen there ({error.strerror}); choose another address")


def _unix_socket(path: Path) -> socket.socket:
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(_SOCKET_MODE)  # nobody can connect before it listens
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = "the path is too long" if error.errno is None else error.strerror
        remedy = "name a path in a folder that exists and that rotator's user may write to"
        raise _unusable(path, f"cannot make the socket there ({reason}); {remedy}") from None
    return listener


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens on any more, left by a process that was killed."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise _unusable(path, "there is something else than a socket; remove it, or name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass  # it is somebody's: busy, or not ours to ask
    raise _unusable(path, "another program listens there; stop it, or name another path")


def _mark(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _unusable(place: Place | Path | str, reason: str) -> ConfigError:
    return ConfigError((f"web.listen: {place}: {reason}",))
