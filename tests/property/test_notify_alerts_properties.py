"""What people are told over any history of troubles: each once, its end once, reminders no more often than wanted."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rotator.notify.alerts import Finding, Key, News, Sight, changes, is_told, key_of
from rotator.notify.memory import ProcessMemory, Told
from tests.conftest import NOW

DAY = timedelta(days=1)
SUBJECTS = ("server:1", "server:2", "account")
TROUBLES = ("failing", "stuck")
KEYS = [(subject, trouble) for subject in SUBJECTS for trouble in TROUBLES]
PATIENCE = {"account": timedelta(minutes=10)}

looks = st.lists(
    st.tuples(
        st.sampled_from([timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=7), DAY]),
        st.frozensets(st.sampled_from(KEYS)),
        st.frozensets(st.sampled_from(SUBJECTS)),
        st.sampled_from(["a", "b", "37 minutes", "38 minutes"]),
    ),
    max_size=25,
)

Look = tuple[timedelta, frozenset[Key], frozenset[str], str]
Told_ = tuple[datetime, News, Key]


def history(looks: list[Look], remind_every: timedelta = DAY) -> tuple[list[Told_], ProcessMemory]:
    """Everything told over these looks: each is (time since the last, what is wrong, who is settled, words)."""
    memory, now, told = ProcessMemory(), NOW, []
    for step, wrong, settled, words in looks:
        now += step
        findings = tuple(Finding(*key, words, PATIENCE.get(key[0], timedelta(0))) for key in sorted(wrong))
        news = changes(memory.alerts().values(), Sight(findings, settled, frozenset(SUBJECTS)), now, remind_every)
        known = Told(memory)
        known.keep(news.save, news.drop)
        for letter in news.letters:
            told += [(now, letter.news, key_of(note)) for note in letter.notes]
            known.keep(letter.save, letter.drop)
    return told, memory


def of(told: list[Told_], key: Key) -> list[tuple[datetime, News]]:
    return [(at, news) for at, news, of_key in told if of_key == key]


@given(looks)
def test_a_trouble_is_told_then_reminded_of_then_its_end_is_told_once(looks: list[Look]) -> None:
    told, _ = history(looks)
    for key in KEYS:
        before = News.CLEARED
        for _, news in of(told, key):
            assert (before is News.CLEARED) == (news is News.RAISED)
            before = news


@given(looks)
def test_a_lasting_trouble_is_told_at_most_once_per_interval(looks: list[Look]) -> None:
    told, _ = history(looks)
    for key in KEYS:
        said = of(told, key)
        for (earlier, _), (later, news) in pairwise(said):
            assert news is not News.REMINDER or later - earlier >= DAY


@given(looks)
def test_what_is_never_wrong_is_never_told(looks: list[Look]) -> None:
    told, _ = history(looks)
    ever = frozenset[Key]().union(*(wrong for _, wrong, _, _ in looks))
    assert {key for _, _, key in told} <= ever


@given(looks)
def test_other_words_are_no_change(looks: list[Look]) -> None:
    same = [(step, wrong, settled, "a") for step, wrong, settled, _ in looks]
    assert history(looks)[0] == history(same)[0]


@given(looks)
def test_trouble_is_told_as_soon_as_it_lasted_long_enough_and_not_before(looks: list[Look]) -> None:
    """Of the account after ten minutes, of a server at once."""
    expected: list[tuple[datetime, Key]] = []
    starts: dict[Key, datetime] = {}
    raised: set[Key] = set()
    now = NOW
    for step, wrong, settled, _ in looks:
        now += step
        for key in KEYS:
            if key in wrong:
                lasted = now - starts.setdefault(key, now)
                if key not in raised and lasted >= PATIENCE.get(key[0], timedelta(0)):
                    raised.add(key)
                    expected.append((now, key))
            elif key[0] in settled:
                starts.pop(key, None)
                raised.discard(key)
    told, _ = history(looks)
    assert sorted((at, key) for at, news, key in told if news is News.RAISED) == sorted(expected)


@given(looks)
def test_what_is_over_and_settled_leaves_nothing_behind(looks: list[Look]) -> None:
    end: Look = (timedelta(minutes=1), frozenset(), frozenset(SUBJECTS), "a")
    told, memory = history([*looks, end, end])
    assert memory.alerts() == {}
    for key in KEYS:
        assert not of(told, key) or of(told, key)[-1][1] is News.CLEARED


@given(looks)
def test_a_subject_that_is_gone_is_dropped_without_a_word(looks: list[Look]) -> None:
    _, memory = history(looks)
    news = changes(memory.alerts().values(), Sight((), frozenset(SUBJECTS), frozenset()), NOW, DAY)
    assert news.letters == ()
    assert memory.alerts().keys() == set(news.drop)
    assert news.save == ()


@given(looks)
def test_what_is_not_known_is_neither_raised_nor_cleared(looks: list[Look]) -> None:
    """As for the servers that a pass left out while the account was in trouble."""
    _, memory = history(looks)
    news = changes(memory.alerts().values(), Sight((), frozenset(), frozenset(SUBJECTS)), NOW + 400 * DAY, DAY)
    assert (news.letters, news.save, news.drop) == ((), (), ())
    assert news.wrong == any(map(is_told, memory.alerts().values()))


def test_a_clock_set_back_tells_once_more_and_then_keeps_quiet() -> None:
    failing, settled = frozenset({KEYS[0]}), frozenset(SUBJECTS)
    looks = [(step, failing, settled, "a") for step in (DAY, -7 * DAY, *[timedelta(minutes=1)] * 20)]
    assert [news for _, news, _ in history(looks)[0]] == [News.RAISED, News.REMINDER]
