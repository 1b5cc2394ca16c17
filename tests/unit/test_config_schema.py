"""The JSON Schema of the configuration: valid draft-07, checked in, complete, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from rotator.config import json_schema, load
from rotator.config.resolve import parse
from rotator.config.yaml_tree import read_yaml
from rotator.errors import ConfigError

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "config.example.yaml"
GOOD = "servers: [{id: 1, name: a, schedule: daily}]\n"


def server(line: str) -> str:
    return f"defaults: {{schedule: daily}}\nservers: [{{id: 1, name: a, {line}}}]\n"


ACCEPTED = [
    GOOD,
    "api:\ntiming:\ndefaults:\npolicies:\n" + GOOD,
    "api: {url: 'http://127.0.0.1:8080/api/', timeout: 1s, parallel: 64, token_file: x}\n" + GOOD,
    "api: {url: 'http://[::1]/'}\n" + GOOD,
    "timing: {poll_interval: 200ms, stuck_after: 1d}\n" + GOOD,
    "policies: {a: {keep: 2}}\n" + server("policy: a"),
    server("keep: 1"),
    server("keep: {last: 2, daily: 1, weekly: 1, hourly: 0}"),
    server("min_keep: 2, prefix: a, adopt: [a*, '?1'], description: '', grace: none, splay: 0s, enabled: false"),
    server("grace: 2h, timezone: Europe/Paris"),
    server("max_age: 36h"),
    server("max_age: auto, hooks: {}"),
    server("hooks: {before: [a, b c], after: [d], timeout: 10m, after_when: requested}"),
    server("hooks: {shell: true, before: a | b, after: c}"),
    server("hooks: {after: [a], shell: false}"),
    "web:\nnotify:\n" + GOOD,
    "web: {listen: '[::1]:9187', hosts: [a.b]}\n" + GOOD,
    "web: {listen: /run/a.sock, token_file: t}\n" + GOOD,
    "notify: {remind_every: 1h, check_ins: [{url_file: a, every: 5m}], webhooks: [{url: 'http://a', secret_file: s}]}\n"
    + GOOD,
    "notify: {apprise: [{url: 'mailto://a'}, {url_file: b}]}\n" + GOOD,
    "servers: [{id: 1b4e28ba-2fa1, name: a, schedule: 0 3 * * *}]\n",
]
REFUSED = [
    "",
    "[]",
    "servers: []",
    "api: {}",
    "extra: 1\n" + GOOD,
    "servers: [{name: a, schedule: daily}]",
    "servers: [{id: 1, schedule: daily}]",
    "servers: [{id: 0, name: a, schedule: daily}]",
    "servers: [{id: -a, name: a, schedule: daily}]",
    "servers: [{id: 1, name: '', schedule: daily}]",
    "api: {url: 'http://admin.vps.org'}\n" + GOOD,
    "api: {url: 'https://a@b'}\n" + GOOD,
    "api: {url: 'https://a/?b'}\n" + GOOD,
    "api: {parallel: 0}\n" + GOOD,
    "api: {timeout: 30}\n" + GOOD,
    "api: {token: x}\n" + GOOD,
    "timing: {poll_interval: 1.5s}\n" + GOOD,
    "policies: {a: }\n" + GOOD,
    "policies: {a: {id: 1}}\n" + GOOD,
    server("keep: 0"),
    server("keep: 6"),
    server("keep: '4'"),
    server("keep: true"),
    server("keep: {last: -1}"),
    server("keep: {biweekly: 1}"),
    server("keep: [1]"),
    server("min_keep: 0"),
    server("prefix: -a"),
    server("prefix: a b"),
    server("adopt: a*"),
    server("adopt: ['*']"),
    server(f"adopt: [{'a,' * 21}]"),
    server("enabled: 1"),
    server("grace: soon"),
    server("grace: ~"),
    server("splay: none"),
    server("schedule: ''"),
    server("max_age: none"),
    server("hooks: ~"),
    server("hooks: [a]"),
    server("hooks: {timeout: 5s}"),
    server("hooks: {before: a}"),
    server("hooks: {before: []}"),
    server("hooks: {before: [1]}"),
    server("hooks: {before: [a], shell: true}"),
    server("hooks: {before: [a], after_when: done}"),
    server("hooks: {befor: [a]}"),
    "web: {}\n" + GOOD,
    "web: {listen: 9187}\n" + GOOD,
    "web: {listen: ':9187'}\n" + GOOD,
    "web: {listen: '/s', hosts: ['https://a']}\n" + GOOD,
    "notify: {check_ins: {}}\n" + GOOD,
    "notify: {check_ins: [{every: 1h}]}\n" + GOOD,
    "notify: {check_ins: [{url: 'https://a', url_file: b}]}\n" + GOOD,
    "notify: {webhooks: [{url: 'ftp://a'}]}\n" + GOOD,
    "notify: {webhooks: [{url: 'https://a', secret: b}]}\n" + GOOD,
    "notify: {apprise: [{url: a}]}\n" + GOOD,
    server(f"description: {'x' * 256}"),
]


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    return Draft7Validator(json_schema())


def is_loaded(text: str) -> bool:
    try:
        parse(text, Path("c.yaml"))
    except ConfigError:
        return False
    return True


def test_the_schema_is_draft_07() -> None:
    schema = json_schema()
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)
    assert not {"$defs", "prefixItems"} & set(_keys(schema))


def test_the_checked_in_copy_is_the_schema() -> None:
    # Mend with: rotator schema > docs/config.schema.json
    assert json.loads((TOP / "docs/config.schema.json").read_text()) == json_schema()


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_is_loaded_is_valid(validator: Draft7Validator, text: str) -> None:
    assert is_loaded(text)
    assert validator.is_valid(read_yaml(text)[0].value)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_is_not_valid(validator: Draft7Validator, text: str) -> None:
    assert not is_loaded(text)
    assert not validator.is_valid(read_yaml(text)[0].value)


def test_every_key_has_a_description_and_an_example() -> None:
    for name, section in json_schema()["definitions"].items():
        for key, value in section["properties"].items():
            assert value["description"].endswith("."), f"{name}.{key}"
            assert value["examples"], f"{name}.{key}"


def test_every_default_and_example_is_valid_itself() -> None:
    schema = json_schema()
    for section in schema["definitions"].values():
        for key, value in section["properties"].items():
            check = Draft7Validator({"definitions": schema["definitions"], **value})
            for sample in [*value["examples"], *([value["default"]] if "default" in value else [])]:
                assert check.is_valid(sample), (key, sample)


class TestExample:
    """The file that users copy."""

    def test_it_loads_without_a_warning(self, validator: Draft7Validator) -> None:
        made = load(EXAMPLE)
        assert [policy.server for policy in made.policies] == [
            "web-server-01",
            "db-server-01",
            "mail-server-01",
            "shop-server-01",
            "wiki-server-01",
        ]
        assert made.warnings == ()
        assert validator.is_valid(read_yaml(EXAMPLE.read_text())[0].value)

    def test_it_tells_editors_where_the_schema_is(self) -> None:
        first = EXAMPLE.read_text().splitlines()[0]
        assert first == "# yaml-language-server: $schema=docs/config.schema.json"
        assert (TOP / first.partition("$schema=")[2]).is_file()

    def test_it_shows_every_key(self) -> None:
        text = EXAMPLE.read_text()
        schema = json_schema()
        keys = {*schema["properties"], *(key for each in schema["definitions"].values() for key in each["properties"])}
        assert {key for key in keys if f" {key}:" not in text and f"\n{key}:" not in text} == set()

    def test_it_loads_with_every_comment_that_is_a_setting_made_one(self) -> None:
        lines = (_uncommented(line) for line in EXAMPLE.read_text().splitlines())
        made = parse("\n".join(lines), EXAMPLE)
        assert len(made.policies) == 5
        assert [policy.server for policy in made.policies if policy.hooks] == ["db-server-01"]
        assert made.web
        assert made.notify
        assert made.notify.apprise

    def test_it_runs_no_hook_and_tells_nobody_as_it_is(self) -> None:
        made = load(EXAMPLE)
        assert not any(policy.hooks for policy in made.policies)
        assert (made.web, made.notify) == (None, None)


def _uncommented(line: str) -> str:
    body = line.lstrip(" ")
    key = body.removeprefix("# ").lstrip(" -").partition(":")[0]
    is_setting = body.startswith("# ") and key.isidentifier()
    return line.replace("# ", "", 1) if is_setting else line


def _keys(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [*part, *(key for value in part.values() for key in _keys(value))]
    return [key for item in part for key in _keys(item)] if isinstance(part, list) else []
