"""Any file at all gives settings or a ConfigError, in bounded time; what is accepted keeps what the design promises."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rotator.config import Config, Token, load, read_token
from rotator.config.file_schema import ConfigFile
from rotator.config.hook_schema import HookRules
from rotator.config.outlet_schema import AppriseRules, CheckInRules, Notify, Web, WebhookRules
from rotator.config.resolve import parse
from rotator.config.schema import Api, Rules, Server, Tiers, Times
from rotator.config.yaml_errors import UnreadableYamlError
from rotator.config.yaml_tree import read_yaml
from rotator.errors import ConfigError, CredentialsError
from rotator.model import CAP
from rotator.slots import timezone_of

MODELS = (
    Api,
    ConfigFile,
    Rules,
    Server,
    Tiers,
    Times,
    HookRules,
    Web,
    Notify,
    CheckInRules,
    WebhookRules,
    AppriseRules,
)
KEYS = sorted({key for model in MODELS for key in model.model_fields})
WORDS = [
    "daily",
    "every 6 hours",
    "0 3 * * *",
    "13:30",
    "010",
    "yes",
    "none",
    "30m",
    "nightly",
    "UTC",
    "a*",
    "https://a",
    "127.0.0.1:80",
    "0.0.0.0:80",
    "/a",
    "<<",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 8),
    st.integers(),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner),
    max_leaves=20,
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "schedule": st.sampled_from(["daily", "every 10 minutes", "every monday at 04:30", "7 * * * *", "13:30"]),
        "timezone": st.sampled_from(["UTC", "Europe/Paris", "Mars"]),
        "keep": st.integers(0, 6) | st.dictionaries(st.sampled_from(list(Tiers.model_fields)), st.integers(0, 3)),
        "min_keep": st.integers(0, 5),
        "prefix": st.sampled_from(["rotator", "a-b", "x" * 40, "-"]),
        "adopt": st.lists(st.sampled_from(["nightly-*", "?a", "*"]), max_size=2),
        "grace": st.sampled_from(["none", "2h", "1s"]),
        "splay": st.sampled_from(["0s", "30m", "2d"]),
        "enabled": st.booleans(),
    },
)
servers = st.builds(
    lambda own, id_, name, policy: {**own, "id": id_, "name": name, **policy},
    rules,
    st.integers(0, 4) | st.sampled_from(["1", "a-1", "01"]),
    st.sampled_from(["a", "b", "c", "2", ""]),
    st.fixed_dictionaries({}, optional={"policy": st.sampled_from(["p", "q", "r"])}),
)
files = st.fixed_dictionaries(
    {"servers": st.lists(servers, max_size=4)},
    optional={"defaults": rules, "policies": st.dictionaries(st.sampled_from(["p", "q"]), rules)},
)

PROBLEM = re.compile(r"c\.yaml:[0-9]+:[0-9]+: .+")


def outcome(text: str) -> Config | ConfigError:
    try:
        return parse(text, Path("c.yaml"))
    except ConfigError as error:
        refusal = error
    assert [problem for problem in refusal.problems if not PROBLEM.fullmatch(problem)] == []
    return refusal


@given(st.text() | st.text(alphabet="[]{}:-,#&*!|>'\"%@`? \t\na0<~"))
def test_any_text_gives_settings_or_a_config_error(text: str) -> None:
    start = time.monotonic()
    outcome(text)
    assert time.monotonic() - start < 5


@given(st.binary(max_size=200))
def test_any_bytes_give_settings_or_a_config_error(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    told: tuple[str, ...] = ()
    try:
        load(path)
    except ConfigError as error:
        told = error.problems
    assert all(problem.startswith(f"{path}:") for problem in told)


@given(st.dictionaries(st.sampled_from(KEYS), values) | values)
def test_any_structure_gives_settings_or_a_config_error(value: object) -> None:
    outcome(json.dumps(value, ensure_ascii=False))


@given(
    st.sampled_from(["web", "notify"]),
    st.dictionaries(st.sampled_from([*Web.model_fields, *Notify.model_fields]), values),
    st.lists(st.dictionaries(st.sampled_from([*CheckInRules.model_fields, *WebhookRules.model_fields]), scalars)),
)
def test_any_page_and_any_receivers_give_settings_or_a_config_error(
    section: str, content: dict[str, Any], outlets: list[Any]
) -> None:
    servers = [{"id": 1, "name": "a", "schedule": "daily"}]
    outcome(json.dumps({"servers": servers, section: content}, ensure_ascii=False))
    everyone = {"check_ins": outlets, "webhooks": outlets, "apprise": outlets}
    outcome(json.dumps({"servers": servers, "notify": everyone}, ensure_ascii=False))


@given(
    st.sampled_from(["before", "after"]),
    st.dictionaries(st.sampled_from(list(HookRules.model_fields)), values),
    values | st.lists(st.text(max_size=5)),
)
def test_any_hooks_give_settings_or_a_config_error(key: str, content: dict[str, Any], command: object) -> None:
    servers = [{"id": 1, "name": "a", "schedule": "daily", "hooks": {**content, key: command}}]
    outcome(json.dumps({"servers": servers}, ensure_ascii=False))


@given(values, rules, st.sampled_from(sorted(Server.model_fields)))
def test_any_value_of_any_key_gives_settings_or_a_config_error(value: object, own: dict[str, Any], key: str) -> None:
    outcome(
        json.dumps({"servers": [{"id": 1, "name": "a", "schedule": "daily", **own, key: value}]}, ensure_ascii=False)
    )


@given(files)
def test_accepted_settings_keep_the_cap_the_floor_and_unique_names(value: dict[str, Any]) -> None:
    made = outcome(json.dumps(value))
    if isinstance(made, ConfigError):
        return
    for policy in made.policies:
        assert 1 <= policy.min_keep <= policy.keep.total <= CAP
        assert len(policy.prefix) + len("-20261123T020000Z") <= 63
        timezone_of(policy.schedule.timezone)
    everyone = [(each.server_id, each.server) for each in made.policies]
    everyone += [(each.id, each.name) for each in made.disabled]
    assert len(everyone) == len(value["servers"])
    assert len({id_ for id_, _ in everyone}) == len({name for _, name in everyone}) == len(everyone)


@given(st.text())
def test_quoted_text_is_read_as_it_is(text: str) -> None:
    try:
        root, blemishes = read_yaml(json.dumps([text]))
    except UnreadableYamlError:
        # JSON writes what is outside of the first plane as two escapes, which YAML does not join.
        assert any(ord(char) > 0xFFFF for char in text)
    else:
        assert root.value == [text]
        assert blemishes == ()


@given(st.text())
def test_any_token_is_taken_whole_or_refused_without_showing_it(text: str) -> None:
    secret = f"S3CRET{text}"
    try:
        token = read_token(None, None, {"ROTATOR_API_TOKEN": secret})
    except CredentialsError as error:
        shown = str(error)
    else:
        assert token == Token(secret, "ROTATOR_API_TOKEN")
        shown = repr(token)
    assert "S3CRET" not in shown
