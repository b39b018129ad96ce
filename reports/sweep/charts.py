# SPDX-License-Identifier: Apache-2.0
"""Small multiples as Vega-Lite specifications, one per metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iodrome.metrics import METRIC
from iodrome.reports.html.charts import SCHEMA, Spec, design_scale

if TYPE_CHECKING:
    from iodrome.sweeps import Sweep

# Metric, factor to the unit shown, unit.
_SHOWN = (("p99", 1e-3, "µs"), ("mean", 1e-3, "µs"), ("requests_per_s", 1, "requests/s"),
          ("cpu", 1e-3, "µs of CPU per request"))  # fmt: skip
_PANELS = 3  # side by side
_WIDTH = {1: 960, 2: 440, 3: 280}


def charts(sweep: Sweep) -> dict[str, Spec]:
    """A specification per metric that every row has."""
    rows = sweep.rows()
    made = {}
    for key, factor, unit in _SHOWN:
        if all(row[key] is not None for row in rows):
            label = METRIC[key].label
            made[label] = _chart(sweep, rows, key, factor, f"{label}, {unit}")
    return made


def number(text: str) -> float | None:
    """The value as a number, or None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _x(sweep: Sweep) -> Spec:
    key = sweep.keys[0]
    values = list(dict.fromkeys(dict(point.varied)[key] for point in sweep.points))
    numbers = [number(value) for value in values]
    title = {"title": key}
    if len(values) < 2 or None in numbers:
        return {"field": "x", "type": "ordinal", "sort": values, "axis": {**title, "labelAngle": 0}}
    known = [value for value in numbers if value is not None]
    wide = min(known) > 0 and max(known) / min(known) >= 16
    scale: Spec = {"type": "linear", "nice": False, "zero": False}
    if wide:
        scale = {"type": "log", "nice": False}
    return {
        "field": "x",
        "type": "quantitative",
        "scale": scale,
        "axis": {**title, "values": known if len(known) <= 12 else None, "format": "~s"},
    }


def _rows(sweep: Sweep, rows: list[dict[str, Any]], key: str, factor: float) -> list[Spec]:
    found = []
    for row in rows:
        value = row[sweep.keys[0]]
        plain = number(value)
        entry: Spec = {"x": value if plain is None else plain, "design": row["design"]}
        entry["y"] = round(row[key] * factor, 6)
        labels = [f"{name} = {row[name]}" for name in sweep.keys[1:]]
        if labels:
            entry["column"] = labels[0]
        if len(labels) > 1:
            entry["row"] = ", ".join(labels[1:])
        found.append(entry)
    return found


def _chart(sweep: Sweep, rows: list[dict[str, Any]], key: str, factor: float, title: str) -> Spec:
    designs = list(dict.fromkeys(row["design"] for row in rows))
    x = _x(sweep)
    if x["type"] == "ordinal":
        data = [{**row, "x": str(row["x"])} for row in _rows(sweep, rows, key, factor)]
    else:
        data = _rows(sweep, rows, key, factor)
    axis = {"title": title, "labelExpr": "format(datum.value, datum.value < 1e4 ? '~g' : '~s')"}
    highest, lowest = max(row["y"] for row in data), min(row["y"] for row in data)
    kind = "log" if lowest > 0 and highest / lowest > 20 else "linear"
    scale: Spec = {"type": kind} if kind == "log" else {"type": kind, "zero": True}
    y = {"type": "quantitative", "scale": scale, "axis": axis}
    hue = {"field": "design", "type": "nominal", "scale": design_scale(designs), "legend": None}
    band = {
        "mark": {"type": "area", "opacity": 0.18},
        "encoding": {
            "x": x,
            "y": {**y, "field": "y", "aggregate": "min"},
            "y2": {"field": "y", "aggregate": "max"},
            "color": hue,
        },
    }
    line = {
        "mark": {"type": "line", "strokeWidth": 2.25, "point": {"size": 36, "filled": True}},
        "encoding": {
            "x": x,
            "y": {**y, "field": "y", "aggregate": "median"},
            "color": hue,
            "tooltip": [
                {"field": "design", "type": "nominal"},
                {"field": "x", "type": x["type"], "title": sweep.keys[0]},
                {"field": "y", "aggregate": "median", "format": ",.4~g", "title": title},
            ],
        },
    }
    spec: Spec = {"$schema": SCHEMA, "data": {"values": data}}
    return {**spec, **_panels(sweep, data, {"layer": [band, line], "height": 220})}


def _panels(sweep: Sweep, data: list[Spec], unit: Spec) -> Spec:
    columns = len({row.get("column") for row in data})
    header = {"title": None, "labelColor": "var(--text)", "labelFontSize": 12}
    if len(sweep.keys) == 1:
        return {**unit, "width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
    width = _WIDTH[min(columns, _PANELS)]
    if len(sweep.keys) == 2:
        facet: Spec = {"field": "column", "type": "nominal", "sort": None, "header": header}
        return {"facet": facet, "columns": _PANELS, "spec": {**unit, "width": width}}
    facet = {
        place: {"field": place, "type": "nominal", "sort": None, "header": header}
        for place in ("row", "column")
    }
    return {"facet": facet, "spec": {**unit, "width": width}}
