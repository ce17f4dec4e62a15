"""The charts as Vega-Lite specifications. Colours are the theme's CSS variables: light, dark and paper need no second chart.

A specification carries figures that were computed elsewhere and texts that are already in the page's language.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from django.utils.translation import gettext as _

from sync_server.dashboard import words
from sync_server.dashboard.asked import Scale
from sync_server.results.figures import Distribution, Share
from sync_server.results.selectors import CourtPage, Hour, Week

Spec = dict[str, Any]

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
INK: Final = "var(--ink)"
PAPER: Final = "var(--paper)"
QUIET: Final = "var(--quiet)"
MIDDLE_SHARE: Final = 0.5
"""Where a diverging bar is hung up: in the middle of its middle point."""
ROOM_FOR_TEXT: Final = 0.07
"""A part narrower than this share carries no number: it would not fit."""
ROW: Final = 104
BAR: Final = 40
"""Heights of a period's row and of the bar in it, in px: above the bar stand its name and share, below it how many answers."""
HOUR_WIDTH: Final = 34
"""Px that an hour's whole label needs."""
LABEL: Final = "width > 640 ? replace(datum.label, '\\n', ' ') : split(datum.label, '\\n')"
"""Two lines where columns are narrow."""
DAYS_PADDING: Final = {"left": 0, "top": 6, "right": 16, "bottom": 0}
"""Right of the last Monday there is room for its own label."""


def hue(place: int) -> str:
    return f"var(--scale-{place})"


def _hues(points: int) -> Spec:
    """The scale's colours by place; a scale of another length takes those nearest to its own ends."""
    picked = [1 + round(4 * place / max(points - 1, 1)) for place in range(points)]
    return {"domain": list(range(1, points + 1)), "range": [hue(place) for place in picked]}


def _on_hues(points: int) -> Spec:
    spec = _hues(points)
    return {"domain": spec["domain"], "range": [color.replace("--scale", "--on-scale") for color in spec["range"]]}


def _spec(values: Sequence[dict[str, Any]], height: int, **rest: Any) -> Spec:
    return {"$schema": SCHEMA, "data": {"values": list(values)}, "width": "container", "height": height, **rest}


def _whisker(low: str, high: str, along: str, across: Spec, *, size: int = 7, aside: int = 0) -> list[Spec]:
    """An interval as a line with ends, in ink on a rim of paper, so that it reads on every hue; `aside` px off its bar's middle."""
    off = {"yOffset" if along == "x" else "xOffset": aside}
    ends: list[dict[str, Any]] = [
        {"mark": {"type": "tick", "color": INK, "thickness": 1.5, "size": size, **off}, "at": end} for end in (low, high)
    ]
    other = "y" if along == "x" else "x"
    line = {along: {"field": low, "type": "quantitative"}, f"{along}2": {"field": high}, other: across}
    return [
        {"mark": {"type": "rule", "color": PAPER, "strokeWidth": 4, **off}, "encoding": line},
        {"mark": {"type": "rule", "color": INK, "strokeWidth": 1.5, **off}, "encoding": line},
        *(
            {
                "mark": end["mark"] | {"orient": "vertical" if along == "x" else "horizontal"},
                "encoding": {along: {"field": end["at"], "type": "quantitative"}, other: across},
            }
            for end in ends
        ),
    ]


def _middle(along: str, channel: Spec) -> Spec:
    """Where diverging bars hang: a hairline that shows between them. `channel` is the bars' own scale."""
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": "var(--edge)", "strokeWidth": 1},
        "encoding": {along: {"datum": 0, **channel}},
    }


def two_lines(text: str) -> str:
    """The text broken once, as near to its middle as a space allows, for a narrow label."""
    gaps = [place for place, letter in enumerate(text) if letter == " "]
    if not gaps or len(text) < 8:
        return text
    gap = min(gaps, key=lambda place: abs(place - len(text) / 2))
    return f"{text[:gap]}\n{text[gap + 1 :]}"


def columns(distribution: Distribution, scale: Scale) -> Spec:
    """The distribution as five columns with their numbers above and their Wilson intervals drawn."""
    values = [
        {
            "place": place,
            "word": two_lines(word),
            "share": figure.share,
            "low": figure.low,
            "high": figure.high,
            "percent": words.percent(figure.share),
            "n": words.number(figure.k),
            "tip": f"{word}: {words.share(figure)}, {words.answers(figure.k)}",
        }
        for place, (word, figure) in enumerate(zip(scale.words, distribution.shares, strict=True), start=1)
    ]
    top = max(figure.high for figure in distribution.shares)
    x: Spec = {
        "field": "word",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": {
            "labelAngle": 0,
            "labelExpr": LABEL,
            "labelFontSize": 14,
            "labelPadding": 10,
            "labelColor": INK,
        },
        "scale": {"paddingInner": 0.28, "paddingOuter": 0.14},
    }
    y: Spec = {
        "field": "share",
        "type": "quantitative",
        "title": None,
        "axis": None,
        "scale": {"domain": [0, top * 1.02], "nice": False},
    }
    color: Spec = {"field": "place", "type": "ordinal", "scale": _hues(len(values)), "legend": None}
    return _spec(
        values,
        320,
        padding={"top": 40, "left": 0, "right": 0, "bottom": 0},
        layer=[
            {
                "mark": {"type": "bar", "stroke": INK, "strokeWidth": 1},
                "encoding": {"x": x, "y": y, "color": color, "tooltip": {"field": "tip"}},
            },
            *_whisker("low", "high", "y", x, size=16),
            {
                "mark": {"type": "text", "dy": -26, "fontSize": 20, "fontWeight": 600, "color": INK},
                "encoding": {"x": x, "y": {"field": "high", "type": "quantitative"}, "text": {"field": "percent"}},
            },
            {
                "mark": {"type": "text", "dy": -9, "fontSize": 13, "color": QUIET},
                "encoding": {"x": x, "y": {"field": "high", "type": "quantitative"}, "text": {"field": "n"}},
            },
        ],
    )


def _diverging(key: dict[str, Any], distribution: Distribution, scale: Scale) -> list[dict[str, Any]]:
    """The parts of one bar around the middle of its middle point, as values with their edges."""
    edge = -_left_of_middle(distribution.shares)
    parts = []
    for place, (word, figure) in enumerate(zip(scale.words, distribution.shares, strict=True), start=1):
        parts.append(
            {
                **key,
                "place": place,
                "from": edge,
                "to": edge + figure.share,
                "centre": edge + figure.share / 2,
                "text": words.number(figure.share * 100) if figure.share >= ROOM_FOR_TEXT else "",
                "tip": f"{key['label']} · {word}: {words.share(figure)}",
            }
        )
        edge += figure.share
    return parts


def _left_of_middle(shares: Sequence[Share]) -> float:
    """How much of a bar lies left of its zero."""
    half, odd = divmod(len(shares), 2)
    return sum(figure.share for figure in shares[:half]) + (shares[half].share * MIDDLE_SHARE if odd else 0.0)


def _interval(key: dict[str, Any], distribution: Distribution) -> dict[str, Any]:
    """Where the interval of the two best points lies on a diverging bar: its end, give or take."""
    top = distribution.top_two
    assert top is not None  # the caller has asked whether there are answers enough
    end = 1 - _left_of_middle(distribution.shares)
    return {
        **key,
        "end": end,
        "low": end - (top.share - top.low),
        "high": end + (top.high - top.share),
        "said": f"{words.percent(top.share)} ({words.interval(top.low, top.high)})",
        "n": words.answers(distribution.n),
    }


def comparison(rows: Sequence[tuple[str, Distribution]], scale: Scale) -> Spec:
    """Periods as diverging bars, one under the other, with the share of good and very good and its interval at the end."""
    bars = [(label, distribution) for label, distribution in rows if distribution.enough]
    parts = [part for label, distribution in bars for part in _diverging({"label": label}, distribution, scale)]
    marks = [_interval({"label": label}, distribution) for label, distribution in bars]
    y: Spec = {
        "field": "label",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": None,
        "scale": {"paddingInner": 1 - BAR / ROW, "paddingOuter": (1 - BAR / ROW) / 2},
    }
    reach = max(mark["high"] for mark in marks)
    left = min(part["from"] for part in parts)
    domain = [left - 0.01, max(reach, 0.01) + 0.01]
    quantitative: Spec = {"type": "quantitative", "axis": None, "title": None, "scale": {"domain": domain, "nice": False}}
    color: Spec = {"field": "place", "type": "ordinal", "scale": _hues(len(scale.points)), "legend": None}
    return _spec(
        parts,
        ROW * len(bars),
        layer=[
            {
                # Where the bars hang: a short tick above and below each, behind it.
                "data": {"values": marks},
                "mark": {"type": "tick", "orient": "vertical", "color": "var(--edge)", "thickness": 1, "size": 50},
                "encoding": {"y": y, "x": {"datum": 0, **quantitative}},
            },
            {
                "mark": {"type": "bar", "stroke": INK, "strokeWidth": 1},
                "encoding": {
                    "y": y,
                    "x": {"field": "from", **quantitative},
                    "x2": {"field": "to"},
                    "color": color,
                    "tooltip": {"field": "tip"},
                },
            },
            {
                "mark": {"type": "text", "fontSize": 14, "fontWeight": 600},
                "encoding": {
                    "y": y,
                    "x": {"field": "centre", **quantitative},
                    "text": {"field": "text"},
                    "color": {"field": "place", "type": "ordinal", "scale": _on_hues(len(scale.points)), "legend": None},
                },
            },
            {"data": {"values": marks}, "layer": _whisker("low", "high", "x", y, size=9, aside=28)},
            {
                "data": {"values": marks},
                "mark": {"type": "text", "align": "left", "dy": -32, "fontSize": 15, "fontWeight": 600, "color": INK},
                "encoding": {"y": y, "x": {"datum": domain[0]}, "text": {"field": "label"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "text", "align": "right", "dy": -32, "fontSize": 15, "color": INK},
                "encoding": {"y": y, "x": {"datum": domain[1]}, "text": {"field": "said"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "text", "align": "left", "dy": 33, "fontSize": 13, "color": QUIET},
                "encoding": {"y": y, "x": {"datum": domain[0]}, "text": {"field": "n"}},
            },
        ],
        resolve={"scale": {"color": "independent"}},
    )


def hours(rows: Sequence[Hour], scale: Scale) -> Spec:
    """The hours of the day as diverging columns; an hour with too few answers shows only how many."""
    parts: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for row in rows:
        key = {"label": words.hour(row.hour)}
        labels.append({**key, "n": words.number(row.distribution.n)})
        if row.distribution.enough:
            parts += _diverging(key, row.distribution, scale)
            marks.append(_interval(key, row.distribution))
    # "14:00" where there is room for it, "14" where there isn't.
    short = f"width < {HOUR_WIDTH * len(labels)} ? split(datum.label, ':')[0] : datum.label"
    low = min((part["from"] for part in parts), default=-0.5)
    high = max((mark["high"] for mark in marks), default=0.5)
    x: Spec = {
        "field": "label",
        "type": "ordinal",
        "sort": [label["label"] for label in labels],
        "title": None,
        "axis": {
            "domain": False,
            "labelAngle": 0,
            "labelExpr": short,
            "labelColor": INK,
            "labelOverlap": "parity",
            "labelPadding": 26,
        },
        "scale": {"domain": [label["label"] for label in labels], "paddingInner": 0.25, "paddingOuter": 0.1},
    }
    scale_y: Spec = {"domain": [low - 0.02, high + 0.02], "nice": False}
    axis: Spec = {"type": "quantitative", "axis": None, "title": None, "scale": scale_y}
    color: Spec = {"field": "place", "type": "ordinal", "scale": _hues(len(scale.points)), "legend": None}
    return _spec(
        parts,
        300,
        layer=[
            _middle("y", axis),
            {
                "mark": {"type": "bar", "stroke": INK, "strokeWidth": 1},
                "encoding": {
                    "x": x,
                    "y": {"field": "from", **axis},
                    "y2": {"field": "to"},
                    "color": color,
                    "tooltip": {"field": "tip"},
                },
            },
            {"data": {"values": marks}, "layer": _whisker("low", "high", "y", x, size=9)},
            {
                "data": {"values": labels},
                "mark": {"type": "text", "baseline": "top", "dy": 8, "color": QUIET, "fontSize": 13},
                "encoding": {"x": x, "y": {"datum": low - 0.02}, "text": {"field": "n"}},
            },
        ],
    )


def trend(weeks: Sequence[Week]) -> Spec:
    """The share of good and very good in each calendar week with its interval, standing over the middle of its days."""
    values: list[dict[str, Any]] = []
    for week in weeks:
        top = week.distribution.top_two if week.distribution.enough else None
        value: dict[str, Any] = {"day": words.short_day(_middle_of(week)), "share": None, "low": None, "high": None}
        if top is not None:
            value |= {"share": top.share, "low": top.low, "high": top.high}
            value["tip"] = f"{words.days(week.days.first, week.days.last)}: {words.share(top)}, {words.answers(top.n)}"
        value["open"] = week is weeks[-1]
        values.append(value)
    drawn = [value for value in values if value["share"] is not None]
    x = _days_axis(weeks, labels=False)
    low = min((value["low"] for value in drawn), default=0.0)
    high = max((value["high"] for value in drawn), default=1.0)
    y_scale: Spec = {"domain": [max(0.0, low - 0.05), min(1.0, high + 0.05)], "nice": True}
    y: Spec = {"type": "quantitative", "title": None, "scale": y_scale, "axis": _left_axis("round(datum.value * 100) + ' %'")}
    point: Spec = {"type": "point", "filled": True, "size": 80, "opacity": 1, "strokeWidth": 2, "stroke": "var(--accent)"}
    return _spec(
        values,
        220,
        padding=DAYS_PADDING,
        layer=[
            {
                "mark": {"type": "line", "color": "var(--accent)", "strokeWidth": 1.5, "invalid": "break-paths-show-domains"},
                "encoding": {"x": x, "y": {"field": "share", **y}},
            },
            {"data": {"values": drawn}, "layer": _whisker("low", "high", "y", x, size=9)},
            *(
                {
                    "data": {"values": [value for value in drawn if value["open"] is still_open]},
                    "mark": {**point, "color": fill},
                    "encoding": {"x": x, "y": {"field": "share", **y}, "tooltip": {"field": "tip"}},
                }
                for still_open, fill in ((False, "var(--accent)"), (True, PAPER))
            ),
        ],
    )


def volume(page: CourtPage) -> Spec:
    """How many answers each day brought."""
    values: list[dict[str, Any]] = [
        {"day": words.short_day(day.day), "n": day.answers, "tip": f"{words.day(day.day)}: {words.answers(day.answers)}"}
        for day in page.days
    ]
    most = max(value["n"] for value in values)
    return _spec(
        values,
        72,
        padding=DAYS_PADDING,
        mark={"type": "bar", "color": "var(--bar)"},
        encoding={
            "x": _days_axis(page.weeks, labels=True),
            "y": {
                "field": "n",
                "type": "quantitative",
                "title": None,
                "scale": {"domain": [0, max(most, 1)], "nice": False},
                "axis": _left_axis("format(datum.value, 'd')") | {"values": [0, most] if most else [0]},
            },
            "tooltip": {"field": "tip"},
        },
    )


def _left_axis(label: str) -> Spec:
    """A left axis of one width on both charts of a pair, so that their days stand under one another."""
    return {"labelExpr": label, "minExtent": 44, "maxExtent": 44, "tickCount": 4, "grid": True}


def _middle_of(week: Week) -> date:
    return list(week.days.days())[len(week.days) // 2]


def _days_axis(weeks: Sequence[Week], *, labels: bool) -> Spec:
    """Every day of the weeks; the Monday of every other week is named, counted back from the week under way."""
    names = [words.short_day(day) for week in weeks for day in week.days.days()]
    mondays = [words.short_day(week.monday) for week in weeks][::-1][::2][::-1]
    axis: Spec = {"values": mondays, "labelAngle": 0, "labelOverlap": False, "ticks": labels, "labels": labels, "domain": labels}
    scale: Spec = {"domain": names, "type": "band", "paddingInner": 0.2, "paddingOuter": 0.1}
    return {"field": "day", "type": "ordinal", "sort": None, "title": None, "axis": axis, "scale": scale}


def choices(distribution: Distribution, scale: Scale) -> Spec:
    """An unordered item: how often each option was chosen, most often first, with the intervals."""
    pairs = sorted(zip(scale.words, distribution.shares, strict=True), key=lambda pair: -pair[1].k)
    values: list[dict[str, Any]] = [
        {
            "word": word,
            "share": figure.share,
            "low": figure.low,
            "high": figure.high,
            "said": f"{words.percent(figure.share)} ({words.interval(figure.low, figure.high)})",
            "tip": f"{word}: {words.share(figure)}, {words.answers(figure.k)}",
        }
        for word, figure in pairs
    ]
    top = max(value["high"] for value in values)
    y: Spec = {
        "field": "word",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": None,
        "scale": {"paddingInner": 0.62, "paddingOuter": 0.4},
    }
    x: Spec = {
        "field": "share",
        "type": "quantitative",
        "title": None,
        "axis": None,
        "scale": {"domain": [0, top * 1.02], "nice": False},
    }
    return _spec(
        values,
        62 * len(values),
        layer=[
            {
                "mark": {"type": "bar", "color": "var(--bar)", "stroke": INK, "strokeWidth": 1},
                "encoding": {"y": y, "x": x, "tooltip": {"field": "tip"}},
            },
            *_whisker("low", "high", "x", y, size=12),
            {
                "mark": {"type": "text", "align": "left", "dy": -24, "fontSize": 15, "color": INK},
                "encoding": {"y": y, "x": {"datum": 0}, "text": {"field": "word"}},
            },
            {
                "mark": {"type": "text", "align": "right", "dy": -24, "fontSize": 15, "color": INK},
                "encoding": {"y": y, "x": {"datum": top * 1.02}, "text": {"field": "said"}},
            },
        ],
    )


def spoken(title: str, sentence: str) -> str:
    """What a screen reader says in a chart's place. The figures are in the table beneath it."""
    return _("%(title)s. %(sentence)s The figures are in the table below the chart.") % {
        "title": title,
        "sentence": sentence,
    }
