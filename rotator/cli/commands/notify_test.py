"""`rotator notify-test`: one of each notification through every channel, and what each answered."""

from __future__ import annotations

import argparse
import os
import socket
import time
import uuid
from collections.abc import Iterator

from rotator.cli.account import load_config, start_logging
from rotator.cli.clock import clock
from rotator.cli.words import bullet, painted, write
from rotator.errors import ConfigError, Exit
from rotator.naming import printable
from rotator.notify import Tried, open_outlets, try_all

_HOST = 30
_ROW = f"{{:<9}} {{:<{_HOST}}} {{:<8}} {{:>6}}  {{}}"

_EXAMPLE = """\
notify: is not in the configuration, so nobody is told of anything; an example:
  notify:
    check_ins:
      - url_file: /etc/rotator/check-in
    webhooks:
      - url_file: /etc/rotator/webhook
        secret_file: /etc/rotator/webhook-secret
    apprise:
      - url_file: /etc/rotator/apprise"""


def run(arguments: argparse.Namespace) -> int:
    """Send and show; ConfigError where nobody is configured, or where an address or secret cannot be used."""
    redactor = start_logging(arguments)
    config = load_config(arguments)
    if config.notify is None:
        raise ConfigError((_EXAMPLE,))
    outlets = open_outlets(config.notify, clock, redactor, os.environ)
    write([painted(_ROW.format("CHANNEL", "TO", "WHAT", "TIME", "RESULT"), "bold")])
    failed = 0
    for tried in try_all(outlets, clock(), time.monotonic, lambda: str(uuid.uuid4()), socket.gethostname()):
        write(redactor.clean(line) for line in _lines(tried))
        failed += not tried.answer.ok
    return Exit.PROBLEM if failed else Exit.DONE


def _lines(tried: Tried) -> Iterator[str]:
    """What was sent, and below why it failed if it did; a name too long for its column has a line of its own."""
    host = printable(tried.outlet.host)
    result = "sent" if tried.answer.ok else "failed"
    cells = [tried.what, f"{tried.seconds:.1f} s", result]
    if len(host) > _HOST:
        yield f"{tried.outlet.kind:<9} {host}"
        yield printable(_ROW.format("", "", *cells))
    else:
        yield printable(_ROW.format(tried.outlet.kind, host, *cells))
    if not tried.answer.ok:
        yield bullet("!", tried.answer.words)
