"""Problems of a configuration: what is written, and exactly what the operator reads about it."""

# Each case is one line, as long as what the operator reads.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from rotator.config.resolve import parse
from rotator.errors import ConfigError, Exit

FILE = Path("c.yaml")
GOOD = "servers: [{id: 1, name: web, schedule: daily}]\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(textwrap.dedent(text), FILE)
    assert caught.value.exit_code is Exit.CONFIG
    return list(caught.value.problems)


def problem_with(line: str) -> str:
    """The one problem with a server that has `line` as its own."""
    (found,) = problems(f"defaults: {{schedule: daily}}\nservers:\n  - id: 1\n    name: web\n    {line}\n")
    return found.removeprefix("c.yaml:5:")


def test_every_problem_is_told_in_one_go_in_the_order_of_the_file() -> None:
    assert problems(
        """\
        api:
          url: http://admin.vps.org/api/v1
          timeot: 30s
        defaults:
          timezone: europe/paris
          keep: 010
        policies:
          nightly: {schedule: 13:30, keep: 2, min_keep: 3}
        servers:
          - id: 12345
            name: web
            policy: nightli
            keep: {last: 4, dayly: 3}
          - id: "12345"
            name: web
            policy: nightly
          - id: 7
            name: mail
            schedule: every 7 minutes
            enabled: yes
        """
    ) == [
        "c.yaml:2:8: api.url: the token would travel in the clear; use https:// (http:// goes to this machine only)",
        "c.yaml:3:3: api.timeot: there is no such key; did you mean timeout?",
        "c.yaml:5:13: defaults.timezone: 'europe/paris' is not in the zone database; use 'Europe/Paris'",
        "c.yaml:6:9: defaults.keep: found the text '010': write 10 without the leading zero",
        "c.yaml:8:23: policies.nightly.schedule: '13:30': it is no form of a schedule; use 'every day at 13:30'",
        "c.yaml:8:49: policies.nightly.min_keep: min_keep is 3 and keep is 2 (see policies.nightly.keep); "
        "min_keep must not be more than keep keeps in all",
        "c.yaml:12:13: servers[0].policy: there is no policy 'nightli'; did you mean 'nightly'?",
        "c.yaml:13:21: servers[0].keep.dayly: there is no such key; did you mean daily?",
        "c.yaml:14:9: servers[1].id: 12345 is already the id of the server in line 10; change one",
        "c.yaml:15:11: servers[1].name: 'web' is already the name of the server in line 11; change one",
        "c.yaml:19:15: servers[2].schedule: 'every 7 minutes': 7 does not divide 60; "
        "use 'every 6 minutes' or 'every 10 minutes'",
        "c.yaml:20:14: servers[2].enabled: found the text 'yes': write true",
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("keep: 010", "found the text '010': write 10 without the leading zero"),
        ("keep: 1_0", "found the text '1_0': write 10 without the underscore"),
        ("keep: 0x1F", "found the text '0x1F': write 31, in decimal digits"),
        ("keep: +4", "found the text '+4': write 4 without the plus sign"),
        ("keep: '4'", "found the text '4' in quotes: write 4 without quotes"),
        ("keep: 13:30", "found the text '13:30': write a whole number, in digits only"),
        ("keep: 1.5", "found the text '1.5': write a whole number, in digits only"),
        ("keep: four", "found the text 'four': write a whole number, in digits only"),
        ("keep: '00'", "found the text '00' in quotes: write 0 without the leading zero"),
        (f"keep: {'9' * 19}", f"found the text '{'9' * 19}': write a smaller number"),
        ("keep: true", "found true: write a whole number"),
        ("keep:", "found nothing: write a whole number"),
        ("keep: ~", "found nothing: write a whole number"),
        ("keep: [4]", "found a list: write a whole number, or keys and numbers such as {last: 2, daily: 1, weekly: 1}"),
        ("keep: 0", "found the number 0; write 1 or more"),
        ("keep: 6", "found the number 6; write 5 or less (a server has at most 5 snapshots)"),
        ("keep: -1", "found the number -1; write 1 or more"),
        ("keep: {last: 4, daily: 2}", "the rules keep 6 together; a server has at most 5 snapshots, so keep 5 or less"),
        (
            "keep: {last: 0}",
            "the rules keep nothing; keep at least 1, for example {last: 2, daily: 1, weekly: 1}",
        ),
        ("min_keep: 0", "found the number 0; write 1 or more"),
        ("min_keep: 6", "found the number 6; write 5 or less (a server has at most 5 snapshots)"),
        (
            "min_keep: 5",
            "min_keep is 5 and keep is 4 (see the built-in default); min_keep must not be more than keep keeps in all",
        ),
        ("enabled: yes", "found the text 'yes': write true"),
        ("enabled: on", "found the text 'on': write true"),
        ("enabled: No", "found the text 'No': write false"),
        ("enabled: off", "found the text 'off': write false"),
        ("enabled: True", "found the text 'True': write true"),
        ("enabled: 'true'", "found the text 'true' in quotes: write true"),
        ("enabled: 1", "found the number 1: write true"),
        ("enabled: maybe", "found the text 'maybe': write true or false"),
        ("schedule: 10", "found the number 10: put it in quotes, '10', if it is what you mean; an example is every day at 03:00"),
        ("schedule: ''", "found empty text; write for example every day at 03:00"),
        ("timezone: false", "found false: put it in quotes, 'false', if it is what you mean; an example is Europe/Paris"),
        ("description: {a: b}", "found keys and values: write text, for example before the nightly batch"),
        (r'description: "a\nb"', r"found the text 'a\x0ab': remove line breaks and other characters that do not print"),
        (f"description: {'x' * 256}", "holds 256 characters; write at most 255"),
        ("prefix: a b", "found the text 'a b': write up to 40 letters, digits, '-' and '_', a letter or digit at both ends"),
        (f"prefix: {'a' * 41}", f"found the text '{'a' * 39}…': write up to 40 letters, digits, '-' and '_', a letter or digit at both ends"),
        ("prefix: rotator-", "found the text 'rotator-': write up to 40 letters, digits, '-' and '_', a letter or digit at both ends"),
        ("adopt: nightly-*", "found the text 'nightly-*': write a list, for example [nightly-*]"),
        ("splay: 25h", "found the text '25h': write a time from 0s to 24h"),
        ("grace: 59s", "found the text '59s': write a time from 1m to 366d"),
        ("grace: 1.5h", "found the text '1.5h': write a whole number and its unit (ms, s, m, h or d), such as 90s, 15m or 6h"),
        ("grace: 30", "found the number 30: write a whole number and its unit (ms, s, m, h or d), such as 30s or 30m"),
        ("grace:", "found nothing: write a whole number and its unit (ms, s, m, h or d), such as 90s, 15m or 6h"),
        ("splay: none", "found the text 'none': write a whole number and its unit (ms, s, m, h or d), such as 90s, 15m or 6h"),
        ("splay: 999999999999d", "found the text '999999999999d': that is longer than anything here may be"),
        ("policy: daily", "there is no policy 'daily' under policies (there: none yet); add it or name another"),
    ],
)  # fmt: skip
def test_a_bad_value_is_told_by_what_was_found_and_what_to_write(written: str, told: str) -> None:
    key = written.partition(":")[0]
    assert problem_with(written) == f"{7 + len(key) - (written == f'{key}:')}: servers[0].{key}: {told}"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("retention: 4", "retention: there is no such key; remove it (known here: schedule, timezone, keep, min_keep, "
            "prefix, adopt, description, grace, splay, max_age, hooks, enabled, id, name, policy)"),
        ("time-zone: UTC", "time-zone: there is no such key; did you mean timezone?"),
        ("Keep: 4", "Keep: there is no such key; did you mean keep?"),
        ("stuck_after: 1h", "stuck_after: there is no such key here; it belongs under timing:"),
        ("url: https://x.org", "url: there is no such key here; it belongs under api:"),
        ('"a\\nb": 1', "'a\\x0ab': there is no such key; remove it (known here: schedule, timezone, keep, min_keep, "
            "prefix, adopt, description, grace, splay, max_age, hooks, enabled, id, name, policy)"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_likely_one(written: str, told: str) -> None:
    assert problem_with(written) == f"5: servers[0].{told}"


def test_a_key_of_a_policy_at_the_top_is_sent_to_the_defaults() -> None:
    assert problems(GOOD + "timezone: UTC\n") == [
        "c.yaml:2:1: timezone: there is no such key here; it belongs under defaults:"
    ]


@pytest.mark.parametrize("key", ["token", "api_token", "api-key", "password", "bearer", "Authorization", "secret"])
def test_a_secret_in_the_file_is_refused_and_never_shown(key: str) -> None:
    (told,) = problems(f"{GOOD}api: {{{key}: S3CRET}}\n")
    assert told == (
        f"c.yaml:2:7: api.{key}: secrets do not belong in this file; save the token in a file of mode 0600 "
        "and name it as api.token_file"
    )


@pytest.mark.parametrize("text", ["S3CRET", "api: S3CRET", "servers: S3CRET", "servers: [S3CRET]", "policies: S3CRET"])
def test_a_token_where_keys_belong_is_not_shown(text: str) -> None:
    assert "S3CRET" not in "".join(problems(text))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://admin.vps.org", "the token would travel in the clear; use https:// (http:// goes to this machine only)"),
        ("http://localhost.evil.org", "the token would travel in the clear; use https:// (http:// goes to this machine only)"),
        ("http://[::2]/", "the token would travel in the clear; use https:// (http:// goes to this machine only)"),
        ("ftp://localhost", "the token would travel in the clear; use https:// (http:// goes to this machine only)"),
        ("https://u:S3CRET@vps.org", "the address holds a user name or password; remove it, the token is all the API wants"),
        ("https://vps.org/?t=S3CRET", "the address holds a query or fragment; remove everything from '?' or '#' on"),
        ("https://vps.org/#", "the address holds a query or fragment; remove everything from '?' or '#' on"),
        ("https:///v1", "the address names no valid host; an example is https://admin.vps.org/api/v1"),
        ("https://vps.org/a b", "the address names no valid host; an example is https://admin.vps.org/api/v1"),
        ("https://vps.org:0/", "the address names no valid host; an example is https://admin.vps.org/api/v1"),
        ("https://vps.org:99999/", "the address cannot be read; an example is https://admin.vps.org/api/v1"),
        ("https://[::1/", "the address cannot be read; an example is https://admin.vps.org/api/v1"),
        ("admin.vps.org", "the address names no valid host; an example is https://admin.vps.org/api/v1"),
    ],
)  # fmt: skip
def test_an_address_the_token_must_not_go_to_is_refused_and_not_repeated(url: str, told: str) -> None:
    assert problems(f"{GOOD}api: {{url: '{url}'}}\n") == [f"c.yaml:2:12: api.url: {told}"]


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("api: {parallel: 65}", "17: api.parallel: found the number 65; write 64 or less"),
        ("api: {timeout: 500ms}", "16: api.timeout: found the text '500ms': write a time from 1s to 10m"),
        ("api: {token_file: ''}", "19: api.token_file: found empty text; write for example /etc/rotator/token"),
        ("api: 5", "6: api: found the number 5: write keys and values below it, each on its own line"),
        ("timing: {poll_interval: 99ms}", "25: timing.poll_interval: found the text '99ms': write a time from 100ms to 1h"),
        ("timing: {stuck_after: 59s}", "23: timing.stuck_after: found the text '59s': write a time from 1m to 30d"),
        ("timing: {poll_interval: 30m, stuck_after: 2m}",
            "43: timing.stuck_after: stuck_after is shorter than poll_interval; make it longer"),
        ("policies: [nightly]", "11: policies: found a list: write the name of each policy as a key, its rules below it"),
        ("policies: {nightly: }", "21: policies.nightly: found nothing: write keys and values below it, each on its own line"),
        ("policies: {'': {}}", "16: policies.'': '' is no good name; use up to 64 printable characters"),
        ("policies: {n: {id: 5}}",
            "16: policies.n.id: there is no such key; remove it (known here: schedule, timezone, keep, min_keep, prefix, "
            "adopt, description, grace, splay, max_age, hooks, enabled)"),
    ],
)  # fmt: skip
def test_a_bad_section_is_told(section: str, told: str) -> None:
    assert problems(f"{GOOD}{section}\n") == [f"c.yaml:2:{told}"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", ["c.yaml:1:1: the file is empty; begin with a copy of config.example.yaml"]),
        ("# nothing\n", ["c.yaml:1:1: the file is empty; begin with a copy of config.example.yaml"]),
        ("- a\n", ["c.yaml:1:1: found a list: write keys such as api: and servers: at the left margin"]),
        ("api: {}\n", ["c.yaml:1:1: servers is missing; add servers: with an id and a name for each"]),
        ("servers:\n", ["c.yaml:1:9: servers: found nothing: write a list with at least one server, each with an id and a name"]),
        ("servers: []\n", ["c.yaml:1:10: servers: found an empty list: write a list with at least one server, each with an id and a name"]),
        ("servers: {a: b}\n", ["c.yaml:1:10: servers: found keys and values: write a list with at least one server, each with an id and a name"]),
        ("servers: [foo]\n", ["c.yaml:1:11: servers[0]: found text: write keys and values below it, each on its own line"]),
        ("servers: [{}]\n", [
            "c.yaml:1:11: servers[0]: id is missing; add id: 12345",
            "c.yaml:1:11: servers[0]: name is missing; add name: web-server-01",
            "c.yaml:1:11: servers[0]: schedule is missing; add schedule: every day at 03:00 here, to its policy or to defaults",
        ]),
        ("servers: [{id: 1, name: a}]\n", [
            "c.yaml:1:11: servers[0]: schedule is missing; add schedule: every day at 03:00 here, to its policy or to defaults",
        ]),
    ],
)  # fmt: skip
def test_a_file_without_a_usable_server_is_refused(written: str, told: list[str]) -> None:
    assert problems(written) == told


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("0", "found the number 0: ids start at 1; take it from the control panel"),
        ("-5", "found the number -5: ids start at 1; take it from the control panel"),
        ("'0'", "found the number 0: ids start at 1; take it from the control panel"),
        ("010", "found the text '010': write the number in plain decimal digits, as the control panel shows it"),
        ("1_000", "found the text '1_000': write the number in plain decimal digits, as the control panel shows it"),
        ("0x1F", "found the text '0x1F': write the number in plain decimal digits, as the control panel shows it"),
        ("1e5", "found the text '1e5': write the number in plain decimal digits, as the control panel shows it"),
        ("1.5", "found the text '1.5': write the number in plain decimal digits, as the control panel shows it"),
        ("true", "found true: write the server's number, or an id of letters, digits, '.', '_' and '-'"),
        ("a b", "found the text 'a b': write the server's number, or an id of letters, digits, '.', '_' and '-'"),
        ("[1]", "found a list: write the server's number, or an id of letters, digits, '.', '_' and '-'"),
    ],
)  # fmt: skip
def test_an_id_that_could_be_read_in_two_ways_is_refused(written: str, told: str) -> None:
    assert problems(f"servers:\n  - name: a\n    schedule: daily\n    id: {written}\n") == [
        f"c.yaml:4:9: servers[0].id: {told}"
    ]


def test_items_of_a_list_are_told_one_by_one() -> None:
    assert problems("servers: [{id: 1, name: a, schedule: daily, adopt: ['*', ok-*, 5]}]\n") == [
        "c.yaml:1:53: servers[0].adopt[0]: found the text '*': write letters, digits, '-', '_', '*' and '?', "
        "with at least one letter or digit",
        "c.yaml:1:64: servers[0].adopt[2]: found the number 5: put it in quotes, '5', if it is what you mean; "
        "an example is nightly-*",
    ]
    assert problem_with(f"adopt: [{'a,' * 21}]") == "12: servers[0].adopt: holds 21 items; write at most 20"


def test_a_name_that_is_the_id_of_another_server_is_refused_and_its_own_id_is_not() -> None:
    assert problems(
        """\
        defaults: {schedule: daily}
        servers:
          - {id: 1, name: "2"}
          - {id: 2, name: b}
          - {id: 3, name: "3"}
        """
    ) == ["c.yaml:3:19: servers[0].name: '2' is the id of the server in line 4; give this one another name"]


def test_a_floor_above_keep_is_told_at_the_one_written_nearest_to_the_server() -> None:
    assert problems(
        """\
        defaults: {schedule: daily, min_keep: 3}
        policies: {short: {keep: 2}}
        servers:
          - {id: 1, name: a, policy: short}
          - {id: 2, name: b, policy: short}
          - {id: 3, name: c, policy: short, min_keep: 1}
        """
    ) == [
        "c.yaml:2:26: policies.short.keep: min_keep is 3 and keep is 2 (see defaults.min_keep); "
        "min_keep must not be more than keep keeps in all"
    ]


def test_a_mistake_in_a_policy_brings_no_further_problems_of_the_servers_that_follow_it() -> None:
    assert problems(
        """\
        policies:
          a: 5
          b: {keep: nine, schedule: daily}
          c: {timezone: Nowhere, schedule: daily}
        servers:
          - {id: 1, name: a, policy: a}
          - {id: 2, name: b, policy: b, min_keep: 4}
          - {id: 3, name: c, policy: c}
          - {id: 4, name: d, policy: [c]}
        """
    ) == [
        "c.yaml:2:6: policies.a: found the number 5: write keys and values below it, each on its own line",
        "c.yaml:3:13: policies.b.keep: found the text 'nine': write a whole number, in digits only",
        "c.yaml:4:17: policies.c.timezone: 'Nowhere' is not in the zone database; write Region/City, such as 'Europe/Paris', or 'UTC'",
        "c.yaml:9:30: servers[3].policy: found a list: write text, for example nightly",
    ]


def test_a_bad_schedule_of_a_policy_that_no_server_follows_is_told() -> None:
    (told,) = problems(GOOD + "policies: {later: {schedule: whenever}}\n")
    assert told.startswith("c.yaml:2:30: policies.later.schedule: 'whenever': it is no form of a schedule; use ")


def test_the_names_of_the_policies_are_listed_when_none_is_close() -> None:
    (told,) = problems("policies: {a: {}, b: {}}\nservers: [{id: 1, name: x, policy: zzz}]\n")
    assert told.endswith("there is no policy 'zzz' under policies (there: 'a', 'b'); add it or name another")


def test_text_that_is_not_yaml_is_told_with_its_place() -> None:
    assert problems("servers: [\n---\n") == [
        "c.yaml:2:1: this is not YAML (while parsing a flow node, did not find expected node content; "
        "it begins in line 1); mend the indentation, brackets or quotes here or just above"
    ]


def test_after_a_thousand_problems_the_rest_waits() -> None:
    told = problems("k: 1\nservers:\n" + "  - {id: x y, foo: 1}\n" * 2000 + "api: {timeot: 1}\n")
    assert len(told) == 1001
    assert told[-1] == "c.yaml: there may be more; mend these 1,000 first"


def test_many_problems_of_one_section_are_cut_too() -> None:
    told = problems("servers:\n  - id: 1\n" + "".join(f"    k{n}: 1\n" for n in range(1500)))
    assert len(told) == 1001
    assert len(problems("".join(f"k{n}: 1\n" for n in range(1500)))) == 1001
