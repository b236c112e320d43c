"""Charts as SVG that follows the page's colours: no script, no style attribute, and a text that says the same."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import accumulate
from math import ceil, log10
from typing import Any

import leather
from markupsafe import Markup

from .chart_data import ChartData, Strand

_WIDTH, _HEIGHT = 480, 230
# Without most of the margin, which leather makes a part of the width.
_VIEW = "12 14 458 204"
_LABELS = 5
_BAR = 0.72
# What the stylesheet says instead.
_PAINT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size")


def line_chart(data: ChartData) -> Markup:
    """Percentages over time."""
    return _drawn(data, _Lines(data.strands), top=100, step=25, unit="%")


def column_chart(data: ChartData) -> Markup:
    """Numbers of each day, one on top of the other."""
    highest = max((sum(value or 0 for value in values) for values in _by_day(data)), default=0)
    step = _step_for(highest)
    return _drawn(data, _Columns(data.strands), top=step * max(1, ceil(highest / step)), step=step)


def _by_day(data: ChartData) -> Iterator[tuple[float | None, ...]]:
    return zip(*(strand.values for strand in data.strands), strict=True)


def _step_for(highest: float) -> int:
    """A round number of which about four reach the top."""
    if highest <= 4:
        return 1
    unit = 10 ** int(log10(highest / 4))
    return int(next(unit * times for times in (1, 2, 5, 10) if unit * times * 4 >= highest))


def _drawn(data: ChartData, shape: _Shape, *, top: int, step: int, unit: str = "") -> Markup:
    count = len(data.days)
    chart = leather.Chart()
    chart.set_x_scale(_Span(-0.5, count - 0.5))
    chart.set_y_scale(_Span(0, top))
    chart.add_x_axis(ticks=_label_places(count), tick_formatter=_day_labels(data.days))
    chart.add_y_axis(ticks=list(range(0, top + 1, step)), tick_formatter=lambda value, *_: f"{value:,}{unit}")
    chart.add_series(leather.Series([(0, 0)]), shape)
    return _rooted(chart.to_svg_group(_WIDTH, _HEIGHT), data)


def _label_places(count: int) -> list[int]:
    """Days with a label, from the last one backwards."""
    step = max(1, ceil(count / _LABELS))
    return sorted(range(count - 1, -1, -step))


def _day_labels(days: Sequence[date]) -> Callable[..., str]:
    return lambda place, *_: f"{days[place].day} {days[place]:%b}"


def _rooted(group: ET.Element, data: ChartData) -> Markup:
    """In a root of our own, which scales, and is an image with a name."""
    root = ET.Element("svg", {"viewBox": _VIEW, "role": "img", "class": "ac-chart"})
    root.set("aria-labelledby", f"{data.name}-title {data.name}-text")
    ET.SubElement(root, "title", id=f"{data.name}-title").text = data.title
    ET.SubElement(root, "desc", id=f"{data.name}-text").text = data.description
    for element in group.iter():
        for name in _PAINT:
            element.attrib.pop(name, None)
        for name in ("x", "y", "x1", "x2", "y1", "y2"):
            if name in element.attrib:
                element.set(name, f"{float(element.attrib[name]):g}")
    root.extend(one for one in group if one.tag != "rect")
    # Every text in it was escaped by the writer of the tree.
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704


class _Span(leather.Scale):  # type: ignore[misc]
    """Numbers from one end to the other, without the room that leather's own scales leave."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def contains(self, value: float) -> bool:
        return self._low <= value <= self._high

    def project(self, value: float, start: float, end: float) -> float:
        return start + (end - start) * (value - self._low) / (self._high - self._low)


class _Shape(leather.Shape):  # type: ignore[misc]
    """Draws every strand at once, so that leather makes no legend of its own: that one is text in the page."""

    def __init__(self, strands: Sequence[Strand]) -> None:
        self._strands = strands

    def validate_series(self, series: Any) -> None:
        """Takes any."""


class _Lines(_Shape):
    def to_svg(self, width: float, height: float, x: _Span, y: _Span, *_: Any) -> ET.Element:
        group = ET.Element("g")
        for strand in self._strands:
            places = [
                f"{x.project(day, 0, width):.1f} {y.project(value, height, 0):.1f}"
                for day, value in enumerate(strand.values)
                if value is not None
            ]
            if places:
                ET.SubElement(group, "path", {"class": f"ac-line ac-tone-{strand.tone}", "d": f"M{'L'.join(places)}"})
        return group


class _Columns(_Shape):
    def to_svg(self, width: float, height: float, x: _Span, y: _Span, *_: Any) -> ET.Element:
        group = ET.Element("g")
        count = len(self._strands[0].values)
        bar = width / count * _BAR
        for day in range(count):
            heights = [strand.values[day] or 0 for strand in self._strands]
            for strand, value, top in zip(self._strands, heights, accumulate(heights), strict=True):
                if value:
                    high, low = y.project(top, height, 0), y.project(top - value, height, 0)
                    place = {"x": x.project(day, 0, width) - bar / 2, "y": high, "width": bar, "height": low - high}
                    numbers = {name: f"{number:.1f}" for name, number in place.items()}
                    ET.SubElement(group, "rect", {"class": f"ac-column ac-tone-{strand.tone}", **numbers})
        return group
