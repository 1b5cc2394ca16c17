"""Who may ask: the Host names of DNS rebinding's defence, and the bearer token; knows nothing of the answers."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable

from rotator.errors import ConfigError
from rotator.web.listen import Place


class Gate:
    """Judges one request by its headers. Beyond this machine a token is needed (raises ConfigError without)."""

    def __init__(self, place: Place, hosts: Iterable[str] = (), token: str | None = None) -> None:
        if token is None and not place.is_private:
            remedy = "name a file that holds one with web.token_file, or listen on 127.0.0.1 or a Unix socket"
            raise ConfigError((f"web.listen: {place}: other machines can reach this, so it needs a token; {remedy}",))
        self._any_host = place.path is not None
        self._hosts = {name.lower().rstrip(".") for name in (*hosts, place.host, "localhost") if name}
        self._token = None if token is None else f"Bearer {token}".encode()

    def knows(self, host: str) -> bool:
        """Whether a browser may ask for this Host: a name that is ours, or an address, which no name server gave.

        Not the port: through a tunnel it is another one.
        """
        if self._any_host:
            return True
        name = _without_port(host).lower().rstrip(".")
        return name in self._hosts or _is_address(name)

    def opens(self, authorization: str) -> bool:
        """Whether these credentials are the ones wanted; any will do where none are."""
        return self._token is None or hmac.compare_digest(authorization.encode("latin-1", "replace"), self._token)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
