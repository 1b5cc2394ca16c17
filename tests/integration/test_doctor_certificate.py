"""What `rotator doctor` says of a real certificate, over real TLS."""

from __future__ import annotations

import argparse
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest

from rotator.cli.doctor import api
from rotator.cli.doctor.chart import Chart, Finding, Status, examined
from rotator.config.settings import ApiSettings, Config, Timing
from tests.builders import policy
from tests.components import needs_component
from tests.hostile import Hostile

pytestmark = pytest.mark.component


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, good for 30 days, and its key, in one file."""
    folder = tmp_path_factory.mktemp("certificate")
    key, file = folder / "key.pem", folder / "certificate.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    names = [
        "-subj",
        "/CN=rotator test",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(file),
    ]
    subprocess.run([needs_component("openssl"), *words, *names], check=True, capture_output=True, timeout=60)
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture
def server(certificate: Path) -> Iterator[Hostile]:
    """Ends every connection after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Hostile(lambda _: None, context) as server:
        yield server


def found(url: str, now: datetime) -> Finding:
    settings = ApiSettings(url, None, timedelta(seconds=5), 4)
    timing = Timing(timedelta(seconds=15), timedelta(minutes=60))
    chart = Chart(argparse.Namespace(), {}, 0, lambda: now, Config(Path("c"), settings, timing, (policy(),)))
    chart.reachable = True
    (finding,) = examined(api.certificate, chart)
    return finding


def test_tells_how_long_it_is_valid(server: Hostile, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    now = datetime.now(UTC)
    good = found(server.url, now)
    assert good.status is Status.OK
    assert good.text.startswith(("valid for 30 days, until ", "valid for 29 days, until "))
    assert found(server.url, now + timedelta(days=20)).status is Status.WARN


def test_one_that_nobody_vouches_for_fails(server: Hostile) -> None:
    refused = found(server.url, datetime.now(UTC))
    assert refused.status is Status.FAIL
    assert refused.text.startswith("127.0.0.1: cannot be verified: self-signed certificate")
    assert "certifi" in refused.remedy


def test_a_server_without_tls_fails(certificate: Path) -> None:
    with Hostile(lambda peer: peer.send(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        refused = found(server.url.replace("http://", "https://"), datetime.now(UTC))
    assert refused.status is Status.FAIL
    assert "speaks no TLS" in refused.text
