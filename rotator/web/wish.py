"""What a visitor wants to see, read from the address and written into links; anything odd means the usual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

Choice = TypeVar("Choice", bound=StrEnum)

_LONGEST_TEXT = 100
_MOST_FIELDS = 20


class Group(StrEnum):
    """Servers by what they need."""

    ATTENTION = "attention"
    PROGRESS = "progress"
    UNSEEN = "unseen"
    OK = "ok"


class Sort(StrEnum):
    """What the list goes by; each begins with what is worth looking at."""

    PROBLEMS = "problems"
    NAME = "name"
    AGE = "age"
    NEXT = "next"


@dataclass(frozen=True, slots=True)
class Wish:
    """`group` None is all of them; `page` counts from 1."""

    text: str = ""
    group: Group | None = None
    sort: Sort = Sort.PROBLEMS
    backwards: bool = False
    page: int = 1

    def sorted_by(self, sort: str) -> str:
        """The link that sorts by it; the other way round if that is what it is sorted by."""
        wanted = Sort(sort)
        return _link(replace(self, sort=wanted, backwards=wanted is self.sort and not self.backwards, page=1))

    def showing(self, group: str) -> str:
        """The link that shows one group, or all."""
        return _link(replace(self, group=Group(group) if group else None, page=1))

    def turned_to(self, page: int) -> str:
        """The link to another page."""
        return _link(replace(self, page=page))

    def direction(self, sort: str) -> str:
        """What `aria-sort` says of a column."""
        if self.sort != sort:
            return "none"
        return "descending" if self.backwards else "ascending"


def wish_of(query: str) -> Wish:
    """What the query of an address asks for."""
    try:
        fields = dict(parse_qsl(query, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return Wish()
    sort = fields.get("sort", "")
    page = fields.get("page", "")
    return Wish(
        text=fields.get("q", "").strip()[:_LONGEST_TEXT],
        group=_member(Group, fields.get("show", "")),
        sort=_member(Sort, sort.removeprefix("-")) or Sort.PROBLEMS,
        backwards=sort.startswith("-"),
        page=max(int(page), 1) if page.isascii() and page.isdecimal() and len(page) <= 6 else 1,
    )


def _member(choices: type[Choice], text: str) -> Choice | None:
    return choices(text) if text in {*choices} else None


def _link(wish: Wish) -> str:
    sort = ("-" if wish.backwards else "") + wish.sort
    fields = {
        "q": wish.text,
        "show": wish.group or "",
        "sort": "" if sort == Sort.PROBLEMS else sort,
        "page": str(wish.page) if wish.page > 1 else "",
    }
    return "?" + urlencode({name: value for name, value in fields.items() if value})
