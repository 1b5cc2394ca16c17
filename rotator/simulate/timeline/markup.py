"""SVG elements as text: whatever comes from outside is made printable and escaped here; knows nothing of stories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from rotator.naming import printable


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the picture, drawn from its own top at 0 down to `height`."""

    height: float
    drawn: tuple[str, ...]


def number(value: float) -> str:
    """A coordinate with one decimal at most: finer than any screen, and short."""
    rounded = round(value, 1)
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)


def element(tag: str, *inner: str, **attributes: str | float) -> str:
    """One element around markup that is already made; `class_` and `text_anchor` become `class` and `text-anchor`."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value) if isinstance(value, str) else number(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{''.join(inner)}</{tag}>" if inner else f"<{tag}{written}/>"


def words(text: str, x: float, y: float, style: str = "", **attributes: str | float) -> str:
    """A text on the picture; `y` is the line it stands on."""
    classed = {"class_": style} if style else {}
    return element("text", safe(text), x=x, y=y, **classed, **attributes)


def told(text: str, *shapes: str) -> str:
    """Shapes that say what they are when pointed at, and to who does not see them."""
    return element("g", element("title", safe(text)), *shapes)


def path(steps: Iterable[str], style: str) -> str:
    """One line or area of many steps; nothing for none."""
    drawn = "".join(steps)
    return element("path", d=drawn, class_=style) if drawn else ""


def moved(drawn: Iterable[str], y: float) -> str:
    """The same, lower down."""
    lines = [each + "\n" for each in drawn if each]
    return element("g", "\n", *lines, transform=f"translate(0 {number(y)})") if lines else ""


def stacked(parts: Iterable[Part]) -> Part:
    """The parts below each other."""
    height, drawn = 0.0, []
    for part in parts:
        drawn.append(moved(part.drawn, height))
        height += part.height
    return Part(height, tuple(drawn))


def safe(text: str) -> str:
    """Printable characters only, and none that XML takes for its own."""
    return escape(printable(text))


def width_of(text: str, size: float) -> float:
    """How wide a text may be in common fonts; too much rather than too little, since it is cut or left out by it."""
    return sum(_ems(char) for char in text) * size


def _ems(char: str) -> float:
    if not char.isascii():
        return 1.25
    if char in "MWmw@%":
        return 1.05
    return 0.8 if char.isupper() else 0.62


def cut(text: str, width: float, size: float) -> str:
    """As much of a name as fits; of a longer one the beginning and the end, since slots stand at the end."""
    shown = printable(text)
    if width_of(shown, size) <= width:
        return shown
    keep = len(shown) - 1
    while keep > 2 and width_of(_without_middle(shown, keep), size) > width:
        keep -= 1
    return _without_middle(shown, keep)


def _without_middle(text: str, keep: int) -> str:
    return f"{text[: keep - keep // 2]}…{text[len(text) - keep // 2 :]}"
