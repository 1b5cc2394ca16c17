"""Makes the picture of the status page that its document shows: python -m tests.system.picture docs/status-page.png."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

from playwright.sync_api import sync_playwright

from rotator.engine import Report
from tests.components import needs_component
from tests.showcase import LATER, blocked, fine, fleet, running
from tests.system.test_page import ARGUMENTS, serving

NAMES = ("db-01", "mail-01", "shop-01", "web-01")
STATES = (blocked, running, fine, fine)


def main(target: str) -> None:
    policies = tuple(replace(each, server=name) for each, name in zip(fleet(4), NAMES, strict=True))
    with serving(policies, unseen=4) as shown, sync_playwright() as play:
        outcomes = [state(each, LATER) for state, each in zip(STATES, policies, strict=True)]
        shown.board.passed(Report((*outcomes[:3], replace(outcomes[3], done=()))), LATER - timedelta(minutes=1))
        browser = play.chromium.launch(executable_path=needs_component("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1120, "height": 960})
        page.goto(shown.url)
        page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
