"""Plots as SVG text, for figures that go into a page: lines over an axis, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50


@dataclass(frozen=True)
class Line:
    """A line of points (x, y); those of one name share an entry of the legend."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


def line_plot(lines: Sequence[Line], title: str, across: str, up: str) -> str:
    """Return an SVG of the lines, both axes from 0, with a legend."""
    most_x = max(x for line in lines for x, _ in line.points)
    most_y = max(y for line in lines for _, y in line.points)

    def place(x: float, y: float) -> str:
        across, upwards = (WIDTH - LEFT - RIGHT) / most_x, (HEIGHT - TOP - BOTTOM) / most_y
        return f"{LEFT + x * across:.1f},{HEIGHT - BOTTOM - y * upwards:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
        f'<polyline fill="none" stroke="#57606a" points="{place(0, most_y)} {place(0, 0)} {place(most_x, 0)}"/>',
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = place(share * most_x, 0).split(",")[0], place(0, share * most_y).split(",")[1]
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{share * most_x:.0f}</text>')
        parts.append(f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{share * most_y:.0f}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(across)}</text>')
    parts.append(f'<text x="14" y="{TOP - 8}">{escape(up)}</text>')
    for line in lines:
        points = " ".join(place(x, y) for x, y in line.points)
        parts.append(f'<polyline fill="none" stroke="{line.colour}" stroke-width="1.5" points="{points}"/>')
    for row, (name, colour) in enumerate(dict.fromkeys((line.name, line.colour) for line in lines)):
        y = HEIGHT - BOTTOM - 20 - 18 * row
        parts.append(f'<rect x="{WIDTH - 120}" y="{y - 9}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - 102}" y="{y + 2}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
