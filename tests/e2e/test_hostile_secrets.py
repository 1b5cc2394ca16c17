"""The installed script, a hostile environment and hostile answers: where the token goes, and what a terminal shows."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.components import needs_component
from tests.e2e.ill_meant import EMPTY, Api, body, configured, drip, listed, row
from tests.e2e.program import TOKEN, Program
from tests.e2e.watched import places_of_the_token, watched
from tests.hostile import Hostile, Peer, answering, http, speaking_tls, wrong_certificate

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def test_every_variable_and_file_that_other_clients_obey_is_ignored(rotator: Program, home: Path) -> None:
    """Proxies, a netrc and bundles of certificates: the API alone gets the token, as the one Authorization."""
    (home / ".netrc").write_text("machine 127.0.0.1 login eve password wrong\ndefault login eve password wrong\n")
    (home / ".netrc").chmod(0o600)
    with Hostile(Api()) as server, Hostile(answering(http(200, EMPTY))) as proxy:
        config = configured(home, server.url)
        rotator.environment |= {name: proxy.url for upper in PROXIES for name in (upper, upper.lower())}
        rotator.environment |= {"NETRC": str(home / ".netrc"), "no_proxy": "", "NO_PROXY": "example.org"}
        rotator.environment |= dict.fromkeys(BUNDLES, str(home / "no-such-file"))
        seen = watched(rotator, home, "once", "-c", str(config))
        assert seen.ran.code == 0, seen.told
        assert (proxy.connections, bytes(proxy.received)) == (0, b"")
        for request in server.requests:
            assert request.lower().count(b"\r\nauthorization:") == 1
            assert b"\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n" in request


@pytest.mark.component
@pytest.mark.parametrize(("name", "days"), [("IP:127.0.0.1", 2), ("DNS:example.org", 2), ("IP:127.0.0.1", -1)])
def test_a_wrong_certificate_is_refused_even_if_the_environment_vouches_for_it(
    rotator: Program, home: Path, tmp_path: Path, name: str, days: int
) -> None:
    certificate = wrong_certificate(needs_component("openssl"), tmp_path, name, days)
    rotator.environment |= dict.fromkeys(BUNDLES, str(certificate))
    with Hostile(Api(), speaking_tls(certificate)) as server:
        seen = watched(rotator, home, "once", "-c", str(configured(home, server.url)))
        assert seen.ran.code == 69
        assert "certificate cannot be verified: check api.url" in seen.told
        assert not server.received
        assert server.connections == 1, "nothing gets better by trying again"


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_no_redirect_of_a_change_is_followed_anywhere(rotator: Program, home: Path, method: str) -> None:
    """To another port of this host, the same path: as like the API as a stranger can be."""
    with Hostile(answering(http(200, EMPTY))) as stranger:
        api = Api(**{method: http(308, b"", {"Location": f"{stranger.url}/snapshots/"})})
        if method == "DELETE":
            api.rows += [row(number, name=f"mine-{number}") for number in range(5)]
        with Hostile(api) as server:
            config = configured(home, server.url)
            config.write_text(config.read_text().replace('"schedule"', '"adopt": ["mine-?"], "schedule"'))
            running = rotator.start("once", "-c", str(config))
            running.wait_for(
                "pass_finished"
            )  # what became of a create is looked up for ten seconds, which this need not see
            ended = running.end(None if method == "DELETE" else signal.SIGTERM)
            sent = [request for request in server.requests if request.startswith(method.encode())]
        assert ended.code == (69 if method == "DELETE" else 1)
        assert len(sent) == 1
        assert "fix api.url" in ended.err + " ".join(ended.out.split())
        assert (stranger.connections, bytes(stranger.received)) == (0, b"")
        assert not places_of_the_token(home)


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\0\u202e"


@pytest.mark.parametrize("command", ["once", "plan", "status", "check --online", "prune"])
def test_nothing_in_an_answer_moves_the_cursor_of_a_terminal(rotator: Program, home: Path, command: str) -> None:
    rows = [row(number, name=f"mine-{EVIL}", status=EVIL, description=EVIL) for number in (1, 2)]
    for each in rows:
        each["server"]["name"] = EVIL
    with Hostile(lambda peer: behave(peer)) as server:
        api = Api()
        api.rows += rows
        listed_servers = listed({"id": 12345, "name": EVIL, "status": EVIL}, {"id": 1, "name": EVIL, "status": EVIL})
        account = {"account": {"email": EVIL}, "token": {"name": EVIL, "permissions": [EVIL]}}

        def behave(peer: Peer) -> None:
            while True:
                request = peer.request()
                if b"/servers/" in request:
                    peer.send(listed_servers)
                elif b"/account/" in request:
                    peer.send(http(200, json.dumps(account).encode()))
                else:
                    peer.send(http(400, EVIL.encode()) if request.startswith(b"POST") else listed(*api.rows))

        ran = rotator.on_terminal(*command.split(), "-c", configured(home, server.url), env={"NO_COLOR": "1"})
    # But rotator's own line of progress, which it erases.
    unsafe = {char for char in ran.out.replace("\r\n", "").replace("\r\x1b[K", "") if not char.isprintable()}
    assert not unsafe, ascii(ran.out)
    assert "\\x1b" in ran.out or command == "prune", ascii(ran.out)


def test_a_hundred_thousand_snapshots_of_others_cost_bounded_memory(rotator: Program, home: Path) -> None:
    many = listed(*(row(number, 10_000 + number // 5) for number in range(100_000)))
    with Hostile(answering(many)) as server:
        seen = watched(rotator, home, "plan", "-c", str(configured(home, server.url, 12_345, 29_000)))
    assert seen.ran.code == 1, seen.told  # five foreign snapshots leave no room
    assert seen.told.count("by-hand") >= 2
    assert seen.peak < 400 * 2**20  # it was 165 MiB
    assert seen.seconds < 30


def test_a_list_of_unknown_servers_is_no_list_of_ours(rotator: Program, home: Path) -> None:
    """Ten thousand rows for a server that was asked for, none of them its own."""
    with Hostile(answering(listed(*(row(number, f"unknown-{number}") for number in range(10_000))))) as server:
        seen = watched(rotator, home, "once", "-c", str(configured(home, server.url)))
        assert {request[:4] for request in server.requests} == {b"GET "}
    assert seen.ran.code == 1
    assert "rows of other servers came" in seen.told
    assert len(seen.ran.out) < 2_000


def test_the_daemon_that_meets_a_drip_leaves_in_time_when_told(rotator: Program, home: Path) -> None:
    with Hostile(drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")) as server:
        daemon = rotator.start("run", "-c", str(configured(home, server.url)))
        daemon.wait_for("api_retry")
        ended = daemon.end(seconds=10)
    assert ended.code == 0
    assert ended.events[-1] == "daemon_stopped"


def test_the_daemon_that_is_told_its_own_token_says_what_is_wrong_without_it(rotator: Program, home: Path) -> None:
    with Hostile(body(b'{"Authorization": "Bearer %b"}' % TOKEN.encode())) as server:
        daemon = rotator.start("run", "-c", str(configured(home, server.url)))
        failed = daemon.wait_for("rotation_failed")
        ended = daemon.end(seconds=10)
    assert ended.code == 0
    assert "is api.url right?" in failed["reason"]
    assert TOKEN not in ended.out + ended.err
    assert not places_of_the_token(home)
