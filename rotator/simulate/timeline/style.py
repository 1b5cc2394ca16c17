"""How the picture is coloured: on light and dark screens, and black on white on paper."""

from __future__ import annotations

from dataclasses import astuple, dataclass

_FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif'


@dataclass(frozen=True, slots=True)
class _Palette:
    """The colours of one medium."""

    paper: str
    ink: str
    soft: str
    line: str
    edge: str
    point: str
    wait: str
    bad: str
    odd: str
    outage: str
    curve: str


_LIGHT = _Palette(
    "#fff", "#17202b", "#526072", "#e4e8ee", "#b9c2ce", "#1d8155", "#1a56b0", "#b3261e", "#8a5300", "#c9b08a", "#7a8fa8"
)
_DARK = _Palette(
    "#11151b",
    "#e6ebf2",
    "#9eabbc",
    "#232b36",
    "#465263",
    "#3fb580",
    "#86b6ff",
    "#ff938a",
    "#f0b95c",
    "#6b5a3c",
    "#64778f",
)
_PRINT = _Palette("#fff", "#000", "#333", "#ddd", "#999", "#333", "#000", "#000", "#000", "#999", "#777")

_SHAPES = (
    f"text{{font:11px {_FONT};font-variant-numeric:tabular-nums}}"
    ".head{font-size:13px;font-weight:600}.server{font-size:20px;font-weight:650}.rules{font-size:13px}"
    ".name{text-anchor:end}.side{text-anchor:end}.left{text-anchor:start}.age{text-anchor:end;font-weight:650}.none{text-anchor:middle;font-size:13px}"
    ".theirs{font-style:italic}.tick{text-anchor:middle}"
    ".line,.edge,.base,.leader,.taken,.late,.missed,.wait,.odd,.failed,.cross,.halo,.hatch,.foreign{fill:none;stroke-width:1}"
    ".taken,.cross,.wait{stroke-width:1.3}.late,.missed{stroke-width:1.3}.hatch{stroke-width:1.5}.halo{stroke-width:3.6}"
    ".odd{stroke-dasharray:1 2;stroke-width:2}.failed{stroke-dasharray:3 2}"
)


def style() -> str:
    """The rules of the whole picture; nothing in them is fetched."""
    return (
        f"{_SHAPES}{_colours(_LIGHT)}"
        f"@media screen and (prefers-color-scheme:dark){{{_colours(_DARK)}}}"
        f"@media print{{@page{{size:A4 landscape;margin:10mm}}{_colours(_PRINT)}"
        "svg{width:277mm;height:auto;print-color-adjust:exact;-webkit-print-color-adjust:exact}}"
    )


def _colours(palette: _Palette) -> str:
    paper, ink, soft, line, edge, point, wait, bad, odd, outage, curve = astuple(palette)
    return (
        f"svg{{background:{paper}}}.paper{{fill:{paper}}}text{{fill:{ink}}}.side,.zone,.tick,.stretch,.rules,.none{{fill:{soft}}}"
        f".line{{stroke:{line}}}.edge,.base{{stroke:{edge}}}.leader{{stroke:{soft}}}"
        f".halo{{stroke:{paper}}}.point{{fill:{point}}}.foreign{{stroke:{ink};fill:{paper}}}.wait{{stroke:{wait}}}"
        f".failed,.cross,.missed{{stroke:{bad}}}.odd{{stroke:{odd}}}"
        f".taken{{stroke:{soft}}}.late{{stroke:{odd}}}circle.late,.outage{{fill:{odd}}}.open{{fill:{soft}}}circle.missed{{fill:{paper}}}"
        f".hatch{{stroke:{outage}}}.curve{{fill:{curve}}}"
    )
