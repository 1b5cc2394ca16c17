"""What addresses of the configuration must look like; no message repeats one, because it may hold a secret."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_PLACE = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-~]+")
_LONGEST_SOCKET = 107
"""Bytes that the kernel takes as the path of a Unix socket."""


def api_url(value: str) -> str:
    """An address the token may be sent to, without a trailing slash (S10)."""
    example = "an example is https://admin.vps.org/api/v1"
    scheme, host = _read(value, example)
    if "@" in urlsplit(value).netloc:
        raise ValueError("the address holds a user name or password; remove it, the token is all the API wants")
    if "?" in value or "#" in value:
        raise ValueError("the address holds a query or fragment; remove everything from '?' or '#' on")
    if scheme != "https" and not (scheme == "http" and is_loopback(host)):
        raise ValueError("the token would travel in the clear; use https:// (http:// goes to this machine only)")
    return value.rstrip("/")


def http_address(value: str) -> str:
    """An address that something may be sent to over HTTP."""
    example = "an example is https://hooks.example.org/rotator"
    scheme, _ = _read(value, example)
    if scheme not in ("http", "https"):
        raise ValueError(f"the address does not begin with https:// or http://; {example}")
    return value


def any_address(value: str) -> str:
    """An address of whatever kind: a scheme and what follows it."""
    if not _SCHEME.fullmatch(value):
        raise ValueError("the address does not begin with a scheme; an example is ntfys://ntfy.example.org/backups")
    return value


def in_the_clear(address: str) -> bool:
    """Whether what is sent to a good `address` can be read on its way."""
    parts = urlsplit(address)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def host_name(value: str) -> str:
    """A name as a browser asks for it, in small letters."""
    if not re.fullmatch(HOST_NAME, value):
        raise ValueError("this is no name of a host; write the name alone, such as status.example.org")
    return value.lower()


def listen(value: str) -> str:
    """Where to listen: `HOST:PORT`, `[IPV6]:PORT` or the absolute path of a Unix socket."""
    if value.startswith("/"):
        return _socket_path(value)
    match = _PLACE.fullmatch(value)
    if not match:
        raise ValueError("write HOST:PORT, [IPV6]:PORT or the absolute path of a Unix socket, such as 127.0.0.1:9187")
    if not (_is_v6(match["v6"]) if match["host"] is None else _HOST.fullmatch(match["host"])):
        raise ValueError("this names no address to listen on; 127.0.0.1 is this machine, 0.0.0.0 and [::] everything")
    if int(match["port"]) > 65535:
        raise ValueError("there is no such port; write one from 1 to 65535")
    return value


def is_private(place: str) -> bool:
    """Whether only this machine can reach what listens at a good `place`."""
    match = _PLACE.fullmatch(place)
    return match is None or is_loopback(match["host"] or match["v6"])


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, and surely so: a name may be anything."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


def _read(value: str, example: str) -> tuple[str, str]:
    """Scheme and host of an address."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"the address cannot be read; {example}") from None
    if not value.isascii() or not value.isprintable() or " " in value or not _HOST.fullmatch(host) or port == 0:
        raise ValueError(f"the address names no valid host; {example}")
    return parts.scheme, host


def _socket_path(value: str) -> str:
    if not value.isprintable() or value.endswith("/"):
        raise ValueError("this is no path of a socket; an example is /run/rotator/web.sock")
    if len(value.encode()) > _LONGEST_SOCKET:
        raise ValueError(f"the path of a socket has at most {_LONGEST_SOCKET} bytes; write a shorter one")
    return value


def _is_v6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
