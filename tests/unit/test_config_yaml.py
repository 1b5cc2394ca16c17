"""The YAML that is read: what each scalar is, where it stands, and what is refused before it can do harm."""

# Each case is one line, as long as what the operator reads.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from rotator.config import load, yaml_tree
from rotator.config.resolve import LIMIT, parse
from rotator.config.yaml_errors import UnreadableYamlError
from rotator.config.yaml_tree import read_yaml
from rotator.errors import ConfigError


@pytest.fixture(autouse=True, params=["libyaml", "python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers that PyYAML may come with."""
    kind = str(request.param)
    monkeypatch.setattr(yaml_tree, "_LOADER", {"libyaml": yaml.CSafeLoader, "python": yaml.SafeLoader}[kind])
    return kind


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("4", 4), ("0", 0), ("-3", -3), ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("010", "010"), ("-0", "-0"), ("+1", "+1"), ("1_000", "1_000"), ("0x1F", "0x1F"), ("0o17", "0o17"),
        ("1.5", "1.5"), ("1e3", "1e3"), (".inf", ".inf"), ("13:30", "13:30"), ("2026-11-23", "2026-11-23"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("True", "True"), ("FALSE", "FALSE"),
        ("Null", "Null"), ("=", "="), ("'4'", "4"), ('"true"', "true"), ("'null'", "null"), ("'~'", "~"),
        ("9" * 18, 10**18 - 1), ("9" * 19, "9" * 19), ("\n  |\n  4\n", "4\n"), ("\n  >-\n  true\n", "true"),
    ],
)  # fmt: skip
def test_only_true_false_nothing_and_plain_decimal_numbers_are_not_text(written: str, value: object) -> None:
    root, blemishes = read_yaml(f"a: {written}")
    assert (root.value, blemishes) == ({"a": value}, ())
    assert type(root.at(("a",)).value) is type(value)


def test_each_value_and_key_knows_where_it_stands() -> None:
    root, _ = read_yaml("a:\n  - b: 1\n    c: {d: x}\n")
    assert root.at(("a", 0, "c", "d")).place == (3, 12)
    assert root.key_place(("a", 0, "c")) == (3, 5)
    assert root.at(("a", 0, "nowhere", "at all")).place == (2, 5)
    assert root.key_place(("a", 0, "nowhere")) == (2, 5)


def test_a_few_aliases_are_fine() -> None:
    root, _ = read_yaml("a: &x [1, &y 2]\nb: *x\nc: {d: *x, e: *y}\n")
    assert root.value == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2], "e": 2}}


@pytest.mark.parametrize(
    ("written", "place", "told"),
    [
        ("a: &a [*a]", (1, 8), "*a stands inside what it refers to; write the value out"),
        ("a: [*-old]", (1, 5), "*-old refers to nothing; put text that begins with * in quotes"),
        ("a: 1\n---\nb: 2", (2, 1), "a second document begins here; keep one, without '---' lines between"),
        ("[" * 40, (1, 33), "lists and keys are nested deeper than 32 levels; nothing here needs that"),
        ("%TAG !a! x\n--- 1", (1, 1), "%TAG is not used here; remove the line"),
        ("a:\n\tb: 1", (2, 1), "found a tab; indent with spaces"),
        ("a: b: c", (1, 5), "this is not YAML (mapping values are not allowed{}); mend the indentation, "
            "write a space after each colon, and put text that holds ': ' in quotes"),
        ("ok: ä\na: \x07", (2, 4), "found the character \\x07, which YAML does not allow; remove it"),
    ],
)  # fmt: skip
def test_text_that_cannot_be_read_is_told_with_its_place(
    written: str, place: tuple[int, int], told: str, loader: str
) -> None:
    with pytest.raises(UnreadableYamlError) as caught:
        read_yaml(written)
    assert caught.value.place == place
    assert str(caught.value) == told.format(" in this context" if loader == "libyaml" else " here")


@pytest.mark.parametrize("written", ["a: [1,\n2", "a: 'x", "a: *", "a: @x", "a: {b: 1", "a: b\n c: 1\n d", "? [", "!<"])
def test_broken_syntax_is_an_error_with_a_remedy(written: str) -> None:
    with pytest.raises(UnreadableYamlError, match=r"^this is not YAML \(.*\); \w+"):
        read_yaml(written)


@pytest.mark.parametrize("unfinished", ["a: 1\nb: [1,\n\n", "a: 1\nb: {c: 1,\nd: [2]\n", "a:\n  'b\n\n"])
def test_unfinished_brackets_and_quotes_are_told_with_the_line_they_begin_in(unfinished: str) -> None:
    with pytest.raises(UnreadableYamlError, match="it begins in line 2"):
        read_yaml(unfinished)


@pytest.mark.parametrize(
    ("written", "value", "told"),
    [
        ("a: 1\na: 2", {"a": 1}, ["a: the key stands here twice (first in line 1); remove one"]),
        ("x: [{a: 1, a: {b: 2}}]", {"x": [{"a": 1}]}, ["x.0.a: the key stands here twice (first in line 1); remove one"]),
        ("1: a", {}, [": found a key that is not text; put it in quotes"]),
        ("x:\n  ? [a]\n  : b\n  c: d", {"x": {"c": "d"}}, ["x: found a key that is not text; put it in quotes"]),
        ("a: !!int '5'", {"a": "5"}, ["a: found the tag '!!int'; write the value without it"]),
        ("a: [!foo {b: c}]", {"a": [{"b": "c"}]}, ["a.0: found the tag '!foo'; write the value without it"]),
        ("!x a: b", {"a": "b"}, [": found the tag '!x'; write the value without it"]),
        ("a: &x {b: 1}\nc:\n  <<: *x", {"a": {"b": 1}, "c": {}},
            ["c: merge keys (<<) are not used here; use policies: instead"]),
        ("'<<': 1", {"<<": 1}, []),
        ("? {a: b}\n: {c: !d e}", {}, [": found a key that is not text; put it in quotes",
            "?.c: found the tag '!d'; write the value without it"]),
    ],
)  # fmt: skip
def test_a_mistake_in_form_does_not_hide_the_rest(written: str, value: object, told: list[str]) -> None:
    root, blemishes = read_yaml(written)
    assert root.value == value
    assert [f"{'.'.join(map(str, each.loc))}: {each.message}" for each in blemishes] == told


def test_an_alias_bomb_is_refused_where_it_grows_too_large() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    with pytest.raises(UnreadableYamlError, match=r"more than 500,000 values, aliases expanded") as caught:
        read_yaml(bomb)
    assert caught.value.place[0] == 6


def test_depth_counts_through_aliases() -> None:
    with pytest.raises(UnreadableYamlError, match="nested deeper than 32"):
        read_yaml(f"a: &a {'[' * 20}{']' * 20}\nb: {'[' * 20}*a{']' * 20}\n")


def test_form_and_content_are_reported_together() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("servers: [{id: 1, id: 2, name: a, schedule: daily, keep: 9, name: !s b}]", Path("c.yaml"))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "servers[0].id", "servers[0].keep", "servers[0].name", "servers[0].name",
    ]  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    return problem.removeprefix(f"{path}: ")


class TestFile:
    """What stands at the path, before any of it is parsed."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "config.yaml"

    def test_a_byte_order_mark_is_tolerated(self, path: Path) -> None:
        path.write_bytes(b"\xef\xbb\xbfservers: [{id: 1, name: a, schedule: daily}]\r\n")
        assert load(path).policies[0].server == "a"

    def test_text_that_is_not_utf_8_is_told_with_its_byte(self, path: Path) -> None:
        path.write_bytes(b"servers: \xe9\n")
        assert refusal(path) == "byte 9 is not UTF-8; save the file as UTF-8"

    def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parsed: list[str] = []
        monkeypatch.setattr("rotator.config.resolve.read_yaml", parsed.append)
        path.write_bytes(b"- a\n" * (LIMIT // 4 + 1))
        assert refusal(path).startswith("cannot use this file: it is larger than 4 MiB; ")
        assert parsed == []

    def test_the_largest_file_allowed_is_read(self, path: Path) -> None:
        text = b"servers: [{id: 1, name: a, schedule: daily}]\n"
        path.write_bytes(text + b"#" * (LIMIT - len(text)))
        assert len(load(path).policies) == 1

    def test_what_is_no_file_is_refused_at_once(self, path: Path, tmp_path: Path) -> None:
        assert refusal(path).startswith("cannot use this file: there is no such file; ")
        assert refusal(path / "below").startswith("cannot use this file: there is no such file; ")
        assert refusal(tmp_path).startswith("cannot use this file: it is a directory, not a file; ")
        assert refusal(Path("/dev/zero")).startswith("cannot use this file: it is a pipe, socket or device, ")
        os.mkfifo(path)
        assert refusal(path).startswith("cannot use this file: it is a pipe, socket or device, ")
        assert refusal(Path("a\0b")).startswith("cannot use this file: its name holds a character ")
        assert refusal(tmp_path / ("x" * 300)).startswith("cannot use this file: the name is too long; ")

    def test_links_are_followed(self, path: Path, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("servers: [{id: 1, name: a, schedule: daily}]\n")
        path.symlink_to("real")
        assert load(path).path == path
        (tmp_path / "loop").symlink_to("loop")
        assert "its symbolic links go round in a circle" in refusal(tmp_path / "loop")

    def test_a_file_that_may_not_be_read_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path.write_text("")

        def refuse(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
        assert refusal(path).startswith("cannot use this file: this user may not read it; ")

    def test_a_failing_disk_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path.write_text("")

        def fail(*_: object) -> int:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "open", fail)
        assert refusal(path).startswith("cannot use this file: it cannot be read: Input/output error; ")
