# SPDX-License-Identifier: Apache-2.0
"""The charts as Vega-Lite specifications; a chart is {variant name: specification}."""

from iodrome.result import CONTEXTS, STAGES, Result

_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
DESIGN_COLOURS = 8  # style variables --design-0 … --design-7
# Stages that pass outside the machine's CPUs, and waiting for the sender: no design changes them
# directly.
_OUTSIDE = ("arrival", "device", "network")

# A Vega expression: the percentile of 1 / (1 - p).
_RANK = "{0} == 1 ? 'min' : 'p' + format(100 - 100 / {0}, '.7~g')"

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


def charts(result: Result) -> dict[str, dict[str, dict]]:
    """Every chart that the data allows."""
    made = {
        "latency": latency(result),
        "stages": stages(result),
        "cpu": cpu(result),
    }
    return {name: variants for name, variants in made.items() if variants}


def colour(result: Result, design: str) -> str:
    return f"var(--design-{result.designs.index(design) % DESIGN_COLOURS})"


def _design_scale(result: Result) -> dict:
    return {"domain": result.designs, "range": [colour(result, name) for name in result.designs]}


def _log_ticks(low: float, high: float) -> list[float]:
    ticks = [m * 10**e for e in range(-3, 10) for m in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside if len(inside) <= 9 else [tick for tick in inside if str(tick).strip("0.") == "1"]


def latency(result: Result) -> dict[str, dict]:
    """Latency by percentile, both axes logarithmic: a straight line is an exponential tail."""
    rows = []
    for run in result.runs:
        for percentile, ns in run.get("latency_curve", []):
            rank = float(percentile)
            if rank < 100 and ns > 0:
                rows.append(
                    {
                        "design": run["design"],
                        "odds": round(1 / (1 - rank / 100), 6),
                        "us": ns / 1000,
                    }
                )
    if not rows:
        return {}
    values = [row["us"] for row in rows]
    low, high = min(values) / 1.15, max(values) * 1.15
    x = {
        "field": "odds",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [1, max(row["odds"] for row in rows)], "nice": False},
        "axis": {
            "title": "percentile of requests",
            "values": [1, 2, 10, 100, 1e3, 1e4, 1e5],
            "labelExpr": _RANK.format("datum.value"),
            "grid": True,
        },
    }
    y = {
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
    hue = {
        "field": "design",
        "type": "nominal",
        "scale": _design_scale(result),
        "legend": None,
    }
    tooltip = [{"field": "percentile", "type": "nominal"}] + [
        {"field": name, "type": "quantitative", "format": ",.2f", "title": f"{name} (µs)"}
        for name in result.designs
    ]
    hover = {
        "name": "hover",
        "select": {
            "type": "point",
            "fields": ["odds"],
            "nearest": True,
            "on": "pointermove",
            "clear": "pointerout",
        },
    }
    shown = {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0}
    spec = _spec(rows, 340)
    spec["params"] = [{"name": "hidden", "value": []}]
    spec["transform"] = [{"filter": "indexof(hidden, datum.design) < 0"}]
    spec["encoding"] = {"x": x}
    spec["layer"] = [
        {
            "mark": {"type": "line", "strokeWidth": 2.25, "interpolate": "monotone"},
            "encoding": {"y": y, "color": hue},
        },
        {
            "transform": [
                {"pivot": "design", "value": "us", "groupby": ["odds"]},
                {"calculate": _RANK.format("datum.odds"), "as": "percentile"},
            ],
            "mark": {"type": "rule", "stroke": "var(--muted)", "strokeWidth": 1},
            "encoding": {"opacity": shown, "tooltip": tooltip},
            "params": [hover],
        },
        {
            "mark": {"type": "point", "filled": True, "size": 55},
            "encoding": {"y": y, "color": hue, "opacity": shown},
        },
    ]
    return {"": spec}


def stages(result: Result) -> dict[str, dict]:
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


def cpu(result: Result) -> dict[str, dict]:
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


def _bars(result, order, variants, axis, share_axis, kind) -> dict[str, dict]:
    made = {}
    for name, (rows, share) in variants.items():
        used = [part for part in order if any(r["us"] for r in rows if r["part"] == part)]
        if used:
            kept = [{**row, "order": used.index(row["part"])} for row in rows if row["part"] in used]
            made[name] = _bar(result, kept, used, share, share_axis if share else axis, kind)
    return made


def _bar(result, rows, used, share, axis, kind) -> dict:
    spec = _spec(rows, 46 * len(result.runs) + 8)
    spec["mark"] = {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.75}
    coloured = [
        {"test": f"datum.value === '{name}'", "value": colour(result, name)}
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


def _spec(rows: list[dict], height) -> dict:
    return {
        "$schema": _SCHEMA,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": rows},
    }
