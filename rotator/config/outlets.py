"""What `web` and `notify` become: settings, and what their keys say of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.addresses import in_the_clear, is_private
from rotator.config.files import located
from rotator.config.settings import CheckIn, NotifySettings, Target, Webhook, WebSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rotator.config.draft import Piece
    from rotator.config.outlet_schema import AppriseRules, CheckInRules, Notify, Web, WebhookRules
    from rotator.config.problems import Problems


def web_settings(piece: Piece[Web] | None, folder: Path, problems: Problems) -> WebSettings | None:
    """Where to serve the page, None for nowhere; an address that others reach must have a token."""
    web = piece.value if piece else None
    if piece is None or web is None:
        return None
    listen = piece.good("listen")
    if listen and not is_private(listen) and "token_file" not in (piece.bad | web.model_fields_set):
        problems.add(
            (*piece.loc, "listen"),
            "others can reach this address, and then read the page; name a file with a token as web.token_file, or "
            "listen on 127.0.0.1, [::1] or the path of a Unix socket",
        )
    return WebSettings(web.listen, _file(web.token_file, folder), web.hosts)


def notify_settings(piece: Piece[Notify] | None, folder: Path, problems: Problems) -> NotifySettings | None:
    """Whom to tell, None for nobody."""
    notify = piece.value if piece else None
    if piece is None or notify is None:
        return None
    if not (notify.check_ins or notify.webhooks or notify.apprise):
        if not piece.bad:
            problems.warn(piece.loc, "nobody is named here, so nobody is told; add check_ins, webhooks or apprise")
        return None
    _warn_of_http("check_ins", notify.check_ins, problems)
    _warn_of_http("webhooks", notify.webhooks, problems)
    return NotifySettings(
        notify.remind_every,
        tuple(CheckIn(_target(each, folder), each.every) for each in notify.check_ins),
        tuple(Webhook(_target(each, folder), _file(each.secret_file, folder)) for each in notify.webhooks),
        tuple(_target(each, folder) for each in notify.apprise),
    )


def _warn_of_http(key: str, outlets: Sequence[CheckInRules | WebhookRules], problems: Problems) -> None:
    for index, outlet in enumerate(outlets):
        if in_the_clear(outlet.url):
            problems.warn(
                ("notify", key, index, "url"),
                "the address begins with http://, so what is sent there can be read on its way; use https:// where "
                "the receiver has it",
            )


def _target(rules: CheckInRules | WebhookRules | AppriseRules, folder: Path) -> Target:
    return Target(rules.url, _file(rules.url_file, folder))


def _file(path: str, folder: Path) -> Path | None:
    return located(path, folder) if path else None
