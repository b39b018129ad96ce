# SPDX-License-Identifier: Apache-2.0
"""The charts as Vega-Lite specifications; a chart is {variant name: specification}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iodrome import catalogue
from iodrome.metrics import CONTEXTS, STAGES
from iodrome.result import Result

# A Vega-Lite specification, or a part of one.
Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
DESIGN_COLOURS = 8  # style variables --design-0 … --design-7
# In the order in which they came: pages and pictures that exist show them, so a new one goes last.
_FIRST_DESIGNS = (
    "io_uring", "linux_aio", "sync", "task_chain", "kevent", "epoll_threads", "posix_aio",
    "syslets",
)
# Stages that pass outside the machine's CPUs, and waiting for the sender: no design changes them
# directly.
_OUTSIDE = ("arrival", "device", "network")

CONFIG = {
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "gridColor": "var(--grid)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 12,
        "labelPadding": 6,
    },
    "legend": {
        "labelColor": "var(--text)",
        "labelFontSize": 12,
        "symbolType": "square",
        "symbolSize": 90,
        "symbolStrokeWidth": 0,
        "title": None,
        "orient": "top",
        "direction": "horizontal",
        "columnPadding": 14,
        "rowPadding": 4,
        "offset": 12,
    },
}


def charts(result: Result) -> dict[str, dict[str, Spec]]:
    """Every chart that the data allows."""
    made = {
        "latency": latency(result),
        "stages": stages(result),
        "cpu": cpu(result),
    }
    return {name: variants for name, variants in made.items() if variants}


def colour(design: str) -> str:
    """One colour per design, whatever else is shown: by its place among this build's designs, those
    with a colour of old before the others, then by its letters."""
    later = [each.name for each in catalogue.designs() if each.name not in _FIRST_DESIGNS]
    known = [*_FIRST_DESIGNS, *later]
    place = known.index(design) if design in known else len(known) + sum(design.encode())
    return f"var(--design-{place % DESIGN_COLOURS})"


def design_scale(designs: list[str]) -> Spec:
    """The colour scale of these designs."""
    return {"domain": designs, "range": [colour(name) for name in designs]}


def _log_ticks(low: float, high: float) -> list[float]:
    ticks = [m * 10**e for e in range(-3, 10) for m in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside if len(inside) <= 9 else [tick for tick in inside if str(tick).strip("0.") == "1"]


def latency(result: Result) -> dict[str, Spec]:
    """Latency by percentile, both axes logarithmic: a straight line is an exponential tail."""
    rows = [
        {"design": run["design"], "odds": round(1 / (1 - float(rank) / 100), 6), "us": ns / 1000}
        for run in result.runs
        for rank, ns in run.get("latency_curve", [])
        if float(rank) < 100 and ns > 0
    ]
    if not rows:
        return {}
    y = _latency_axis([row["us"] for row in rows])
    scale = design_scale(result.designs)
    hue = {"field": "design", "type": "nominal", "scale": scale, "legend": None}
    spec = _spec(rows, 340)
    spec["params"] = [{"name": "hidden", "value": []}]
    spec["transform"] = [{"filter": "indexof(hidden, datum.design) < 0"}]
    spec["encoding"] = {"x": _percentile_axis(max(row["odds"] for row in rows))}
    line = {
        "mark": {"type": "line", "strokeWidth": 2.25, "interpolate": "monotone"},
        "encoding": {"y": y, "color": hue},
    }
    spec["layer"] = [line, *_hover_layers(result, y, hue)]
    return {"": spec}


def _percentile_axis(last: float) -> Spec:
    return {
        "field": "odds",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [1, last], "nice": False},
        "axis": {
            "title": "percentile of requests",
            "values": [1, 2, 10, 100, 1e3, 1e4, 1e5],
            "labelExpr": "datum.value == 1 ? 'min' : 'p' + format(100 - 100 / datum.value, '.7~g')",
        },
    }


def _latency_axis(values: list[float]) -> Spec:
    low, high = min(values) / 1.15, max(values) * 1.15
    return {
        "field": "us",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [low, high], "nice": False},
        "axis": {
            "title": "latency",
            "values": _log_ticks(low, high),
            "labelExpr": "datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' s' : "
            "datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + ' ms' : "
            "format(datum.value, '~g') + ' µs'",
        },
    }


def _hover_layers(result: Result, y: Spec, hue: Spec) -> list[Spec]:
    """A rule at the percentile nearest to the pointer, with the figures of every design."""
    # Quantitative, for Vega-Lite reads a nominal field of a `nearest` tooltip from the wrong row.
    tooltip = [{"field": "percentile", "type": "quantitative", "format": ".6~g"}] + [
        {"field": name, "type": "quantitative", "format": ",.2f", "title": f"{name} (µs)"}
        for name in result.designs
    ]
    nearest = {
        "type": "point",
        "fields": ["odds"],
        "nearest": True,
        "on": "pointermove",
        "clear": "pointerout",
    }
    shown = {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0}
    rule = {
        "transform": [
            {"pivot": "design", "value": "us", "groupby": ["odds"]},
            {"calculate": "100 - 100 / datum.odds", "as": "percentile"},
        ],
        "mark": {"type": "rule", "stroke": "var(--muted)", "strokeWidth": 1},
        "encoding": {"opacity": shown, "tooltip": tooltip},
        "params": [{"name": "hover", "select": nearest}],
    }
    points = {
        "mark": {"type": "point", "filled": True, "size": 55},
        "encoding": {"y": y, "color": hue, "opacity": shown},
    }
    return [rule, points]


def stages(result: Result) -> dict[str, Spec]:
    """Where a mean request spends its time, by the stage ledger."""
    rows = []
    for run in result.runs:
        for stage, ns in run.get("stages_ns", {}).items():
            rows.append({"design": run["design"], "part": stage, "us": ns / 1000})
    order = [*STAGES, *sorted({row["part"] for row in rows} - set(STAGES))]
    software = [row for row in rows if row["part"] not in _OUTSIDE]
    return _bars(
        result,
        order,
        {
            "All stages": (rows, False),
            "Software only": (software, False),
            "Share": (rows, True),
        },
        "mean time of a request, µs",
        "share of the mean latency",
        "stage",
    )


def cpu(result: Result) -> dict[str, Spec]:
    """CPU time by context."""
    rows = []
    for run in result.runs:
        for context, ns in run.get("cpu_ns", {}).items():
            if run.get("requests"):
                us = ns / 1000 / run["requests"]
                rows.append({"design": run["design"], "part": context, "us": us})
    order = [*CONTEXTS, *sorted({row["part"] for row in rows} - set(CONTEXTS))]
    busy = [row for row in rows if row["part"] != "idle"]
    return _bars(
        result,
        order,
        {"Per request": (busy, False), "Share of all CPUs": (rows, True)},
        "CPU time per request, µs",
        "share of all CPU time",
        "context",
    )


def _bars(
    result: Result,
    order: list[str],
    variants: Mapping[str, tuple[list[Spec], bool]],
    axis: str,
    share_axis: str,
    kind: str,
) -> dict[str, Spec]:
    made = {}
    for name, (rows, share) in variants.items():
        used = [part for part in order if any(r["us"] for r in rows if r["part"] == part)]
        if used:
            place = {part: index for index, part in enumerate(used)}
            kept = [{**row, "order": place[row["part"]]} for row in rows if row["part"] in place]
            made[name] = _bar(result, kept, used, share, share_axis if share else axis, kind)
    return made


def _bar(
    result: Result, rows: list[Spec], used: list[str], share: bool, axis: str, kind: str
) -> Spec:
    spec = _spec(rows, 46 * len(result.runs) + 8)
    spec["mark"] = {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.75}
    coloured = [
        {"test": f"datum.value === '{name}'", "value": colour(name)}
        for name in result.designs
    ]
    spec["encoding"] = {
        "y": {
            "field": "design",
            "type": "nominal",
            "sort": result.designs,
            "scale": {"paddingInner": 0.36, "paddingOuter": 0.18},
            "axis": {
                "title": None,
                "domain": False,
                "ticks": False,
                "labelFontSize": 13,
                "labelFontWeight": 600,
                "labelColor": {"condition": coloured, "value": "var(--text)"},
            },
        },
        "x": {
            "field": "us",
            "type": "quantitative",
            "stack": "normalize" if share else "zero",
            "axis": {
                "title": axis,
                "labelExpr": f"format(datum.value, '{'.0%' if share else ',.6~r'}')",
                "tickCount": 8,
            },
        },
        "color": {
            "field": "part",
            "type": "nominal",
            "scale": {"domain": used, "range": [f"var(--{kind}-{part})" for part in used]},
            "legend": {"columns": 8},
        },
        "order": {"field": "order", "type": "quantitative"},
        "tooltip": [
            {"field": "design", "type": "nominal"},
            {"field": "part", "type": "nominal", "title": kind},
            {"field": "us", "type": "quantitative", "format": ",.3f", "title": "µs per request"},
        ],
    }
    return spec


def _spec(rows: list[Spec], height: int) -> Spec:
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": rows},
    }
