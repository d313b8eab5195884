"""Charts of the admin, drawn on the server as SVG: no script, nothing from elsewhere, readable without seeing them.

Every chart is a figure with a caption, the drawing, and the same numbers as a table. Colours are classes
(`series-1`, `series-2`, `axis`, …) that the style sheet sets for the light and the dark theme; series differ by dashes
and by names, too, not by colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH = 480
_NAMES, _NUMBERS = 160, 56  # room for names on the left and for numbers on the right of bars
_ROW, _BAR = 26, 16
_PLOT = (48, 12, WIDTH - 28, 180)  # left, top, right, bottom of the area that columns and lines use
_HEIGHT = 206
_LONGEST_NAME = 23


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart; `url` leads to the records that were counted."""

    name: str
    value: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers that belong together, one for each label of the chart."""

    name: str
    values: Sequence[int]


def bars(title: str, rows: Sequence[Bar], *, of: str) -> SafeString:
    """Horizontal bars, longest name cut; `of` says what the names are."""
    most = max((row.value for row in rows), default=0)
    room = WIDTH - _NAMES - _NUMBERS
    drawn = format_html_join("", "{}", ((_bar(row, place, most, room),) for place, row in enumerate(rows)))
    table = _table([of, "Number"], [(_linked(row.name, row.url), number(row.value)) for row in rows])
    return _figure(title, drawn, max(_ROW * len(rows), _ROW), table)


def columns(title: str, labels: Sequence[str], series: Sequence[Series], *, of: str) -> SafeString:
    """Upright bars; several series stand on top of each other."""
    left, top, right, bottom = _PLOT
    totals = [sum(one.values[place] for one in series) for place in range(len(labels))]
    highest = ceiling(max(totals, default=0))
    step = (right - left) / max(len(labels), 1)
    drawn = []
    floors = [0] * len(labels)
    for index, one in enumerate(series, start=1):
        for place, value in enumerate(one.values):
            if not value:
                continue
            height = (bottom - top) * value / highest
            y = bottom - (bottom - top) * (floors[place] + value) / highest
            floors[place] += value
            drawn.append(
                (
                    f"{left + step * place + step * 0.15:.1f}", f"{y:.1f}", f"{step * 0.7:.1f}", f"{height:.1f}",
                    index, f"{labels[place]}: {number(value)} {one.name}",
                )
            )  # fmt: skip
    shapes = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}" class="series-{}"><title>{}</title></rect>',
        drawn,
    )
    return _plotted(title, labels, series, of, highest, shapes)


def lines(title: str, labels: Sequence[str], series: Sequence[Series], *, of: str) -> SafeString:
    """One line for each series."""
    left, top, right, bottom = _PLOT
    highest = ceiling(max((value for one in series for value in one.values), default=0))
    step = (right - left) / max(len(labels), 1)
    drawn = []
    for index, one in enumerate(series, start=1):
        points = [
            f"{left + step * (place + 0.5):.1f},{bottom - (bottom - top) * value / highest:.1f}"
            for place, value in enumerate(one.values)
        ]
        drawn.append((" ".join(points), index, one.name))
    shapes = format_html_join(
        "", '<polyline points="{}" class="line series-{}"><title>{}</title></polyline>', drawn
    )
    return _plotted(title, labels, series, of, highest, shapes)


def number(value: int) -> str:
    """`12345` as `12,345`."""
    return f"{value:,}"


def ceiling(value: int) -> int:
    """The next round number that is not below `value`: 1, 2, 4, 5, 10, 20 …; the top of an axis."""
    size = 1
    while True:
        for factor in (1, 2, 4, 5):
            if value <= factor * size:
                return factor * size
        size *= 10


# --- Parts -----------------------------------------------------------------------------------------------


def _bar(row: Bar, place: int, most: int, room: int) -> SafeString:
    y = _ROW * place + (_ROW - _BAR) // 2
    width = max(room * row.value / most, 1) if most else 0
    name = row.name if len(row.name) <= _LONGEST_NAME else f"{row.name[: _LONGEST_NAME - 1]}…"
    shown = format_html(
        '<text x="{}" y="{}" text-anchor="end">{}</text><rect x="{}" y="{}" width="{}" height="{}" rx="2" '
        'class="series-1"></rect><text x="{}" y="{}">{}</text><title>{}: {}</title>',
        _NAMES - 8, y + 12, name, _NAMES, y, f"{width:.1f}", _BAR,
        f"{_NAMES + width + 6:.1f}", y + 12, number(row.value), row.name, number(row.value),
    )  # fmt: skip
    return (
        format_html('<a href="{}" tabindex="-1">{}</a>', row.url, shown)
        if row.url
        else format_html("<g>{}</g>", shown)
    )


def _plotted(
    title: str, labels: Sequence[str], series: Sequence[Series], of: str, highest: int, shapes: SafeString
) -> SafeString:
    drawn = format_html("{}{}{}", _axes(highest), shapes, _below(labels))
    rows = [(label, *(number(one.values[place]) for one in series)) for place, label in enumerate(labels)]
    table = _table([of, *(one.name for one in series)], rows)
    return _figure(title, drawn, _HEIGHT, table, [one.name for one in series] if len(series) > 1 else [])


def _axes(highest: int) -> SafeString:
    """Four horizontal lines at most, with their values."""
    left, top, right, bottom = _PLOT
    marks = sorted({0, highest // 2, highest}) if highest > 1 else [0, highest]
    places = [(bottom - (bottom - top) * mark / highest, mark) for mark in marks]
    return format_html_join(
        "",
        '<line x1="{}" y1="{}" x2="{}" y2="{}" class="axis"></line><text x="{}" y="{}" text-anchor="end">{}</text>',
        ((left, f"{y:.1f}", right, f"{y:.1f}", left - 6, f"{y + 4:.1f}", number(mark)) for y, mark in places),
    )


def _below(labels: Sequence[str]) -> SafeString:
    """As many labels as fit beside each other."""
    left, _, right, bottom = _PLOT
    step = (right - left) / max(len(labels), 1)
    every = max(1, -(-len(labels) // 6))
    return format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (f"{left + step * (place + 0.5):.1f}", bottom + 18, label)
            for place, label in enumerate(labels)
            if (len(labels) - 1 - place) % every == 0
        ),
    )


def _linked(name: str, url: str) -> SafeString | str:
    return format_html('<a href="{}">{}</a>', url, name) if url else name


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((text,) for text in headings))
    body = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        ((row[0], format_html_join("", "<td>{}</td>", ((cell,) for cell in row[1:]))) for row in rows),
    )
    return format_html(
        '<details><summary>As a table</summary><table class="plain"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></details>",
        head, body,
    )  # fmt: skip


def _figure(
    title: str, drawn: SafeString, height: int, table: SafeString, names: Sequence[str] = ()
) -> SafeString:
    legend = format_html_join(
        "", '<span class="legend series-{}">{}</span>', ((index, name) for index, name in enumerate(names, 1))
    )
    return format_html(
        '<figure class="drawn"><figcaption>{} {}</figcaption>'
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>{}</figure>',
        title, legend, WIDTH, height, title, drawn, table,
    )  # fmt: skip
