"""Optional packages that are not installed: whoever configured what needs them is told the command to install them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.account import Account
from tests.e2e.page import Page, free_port
from tests.e2e.program import Program, until

EVERYTHING = ("waitress", "jinja2", "markupsafe", "prometheus_client", "apprise")

BLOCKER = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing!r} else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Without if each is PathFinder else each for each in sys.meta_path]
"""


def without(home: Path, *packages: str) -> dict[str, str]:
    """An environment in which these packages are not installed."""
    place = home / "without"
    place.mkdir()
    (place / "sitecustomize.py").write_text(BLOCKER.format(missing=packages))
    return {"PYTHONPATH": str(place)}


def test_a_page_without_what_serves_it(rotator: Program, account: Account) -> None:
    account.configure(web={"listen": f"127.0.0.1:{free_port()}"})
    ran = rotator("run", "-c", account.path, env=without(account.home, "waitress"))
    assert ran.code == 78
    assert "web: the status page needs one more package, waitress: pip install 'vps-rotator[web]'" in ran.err
    assert "Traceback" not in ran.err
    assert account.sandbox.requests.total() == 0


def test_metrics_without_the_page_say_how_to_have_it(rotator: Program, account: Account) -> None:
    account.plant(0)
    page = Page(free_port())
    account.configure(web={"listen": page.listen})
    daemon = rotator.start("run", "-c", account.path, env=without(account.home, "jinja2", "markupsafe"))
    page.wait_for("/readyz", 200)
    assert 'rotator_server_healthy{server="web-server-01"} 1.0' in page.get("/metrics").text
    html = page.get("/")
    assert html.status == 404
    assert "pip install 'vps-rotator[web]'" in html.text
    assert daemon.end().code == 0


def test_a_page_without_metrics_says_how_to_have_them(rotator: Program, account: Account) -> None:
    account.plant(0)
    page = Page(free_port())
    account.configure(web={"listen": page.listen})
    daemon = rotator.start("run", "-c", account.path, env=without(account.home, "prometheus_client"))
    until("it is there", page.is_there)
    page.wait_for("/readyz", 200)
    assert "web-server-01" in page.get("/").text
    metrics = page.get("/metrics")
    assert metrics.status == 404
    assert "pip install 'vps-rotator[metrics]'" in metrics.text
    assert daemon.end().code == 0


def test_a_file_of_metrics_without_the_package(rotator: Program, account: Account) -> None:
    ran = rotator("once", "--metrics-file", "rotator.prom", env=without(account.home, "prometheus_client"))
    assert ran.code == 78
    assert "--metrics-file: metrics need one more package: pip install 'vps-rotator[metrics]'" in ran.err
    assert account.sandbox.requests.total() == 0


@pytest.mark.parametrize("command", ["run", "once"])
def test_apprise_without_the_package(rotator: Program, account: Account, command: str) -> None:
    account.configure(notify={"apprise": [{"url": "json://127.0.0.1:9/"}]})
    ran = rotator(command, "-c", account.path, env=without(account.home, "apprise"))
    assert ran.code == 78
    assert "notify.apprise: the package apprise is not installed" in ran.err
    assert "pip install 'vps-rotator[apprise]'" in ran.err
    assert "Traceback" not in ran.err
    assert account.created == 0


def test_the_core_needs_none_of_them(rotator: Program, account: Account) -> None:
    environment = without(account.home, *EVERYTHING)
    account.configure(notify={"check_ins": [{"url": "http://127.0.0.1:9/ping"}]})
    for arguments in (["check"], ["plan"], ["schema"], ["--help"]):
        assert rotator(*arguments, env=environment).code == 0
    account.configure()
    assert rotator("once", env=environment).code == 0
    daemon = rotator.start("run", env=environment)
    daemon.wait_for("daemon_started")
    assert daemon.end().code == 0
