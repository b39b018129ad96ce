# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of the gallery: runs the examples and draws what they found.

    python docs/gallery/make.py [NAME...]

An example is a script that leaves `rows`, a list of dicts, and `chart`, the mark and encoding of a
Vega-Lite specification. Same build, same vl-convert: same bytes. Works without a network.
"""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert

import iodrome as io
from iodrome.reports.html import charts

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
PICTURES = HERE / "pictures"
WIDTH, HEIGHT = 620, 260
MADE_WITH = f"vl-convert {version('vl-convert-python')}"
_STYLE = Path(charts.__file__).with_name("style.css")
_NUMBER = re.compile(r"-?\d+\.\d{3,}(?=[^<>]*>)")  # of attributes, not of texts
_ARIA = re.compile(r' (?:aria-\w+|role|class|pointer-events)="[^"]*"')


def names() -> list[str]:
    """The examples. Order: by name."""
    return sorted(file.stem for file in EXAMPLES.glob("*.py"))


def light(text: str) -> str:
    """The value of the first style variable in a text: the page's light scheme."""
    (name,) = re.findall(r"var\((--[\w-]+)\)", text)
    found = re.search(rf"{name}: (#\w+);", _STYLE.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def stamp(rows: list[dict[str, Any]]) -> str:
    """What a picture says of the data and the tool that it was made from."""
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    return f"<!-- rows {digest[:16]}, {MADE_WITH} -->"


def specification(rows: list[dict[str, Any]], chart: dict[str, Any]) -> dict[str, Any]:
    """The whole Vega-Lite specification: designs have the colours that they have on the pages."""
    colours = {name.name: light(charts.colour(name.name)) for name in io.designs()}
    used = [name for name in colours if any(row.get("design") == name for row in rows)]
    hue = chart["encoding"].get("color", {})
    if hue.get("field") == "design":
        hue = {**hue, "scale": {"domain": used, "range": [colours[name] for name in used]}}
    elif hue.get("field") == "stage":
        stages = list(dict.fromkeys(row["stage"] for row in rows))
        tints = [light(f"var(--stage-{name})") for name in stages]
        hue = {**hue, "scale": {"domain": stages, "range": tints}}
    encoding = {**chart["encoding"], **({"color": {"title": None, **hue}} if hue else {})}
    return {
        "$schema": charts.SCHEMA,
        "width": WIDTH,
        "height": HEIGHT,
        "background": "white",
        "padding": 12,
        "data": {"values": rows},
        **chart,
        "encoding": encoding,
        "config": {
            "view": {"stroke": None},
            "axis": {"gridColor": "#e9ecf0", "domainColor": "#d5dae1", "tickColor": "#d5dae1",
                     "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
            "legend": {"orient": "top", "labelFontSize": 12},
            "line": {"strokeWidth": 2.25},
        },
    }  # fmt: skip


def run(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Runs an example: its rows and its chart. Errors: what the example raises."""
    left = runpy.run_path(str(EXAMPLES / f"{name}.py"))
    return left["rows"], left["chart"]


def draw(rows: list[dict[str, Any]], chart: dict[str, Any]) -> str:
    """The picture as SVG, without labels of its parts, to a hundredth of a pixel."""
    svg = _ARIA.sub("", vl_convert.vegalite_to_svg(specification(rows, chart)))
    return _NUMBER.sub(lambda number: f"{float(number[0]):.2f}", svg) + stamp(rows) + "\n"


def main(wanted: list[str]) -> None:
    """Makes the named pictures, or all."""
    PICTURES.mkdir(exist_ok=True)
    for name in wanted or names():
        picture = PICTURES / f"{name}.svg"
        picture.write_text(draw(*run(name)), encoding="utf-8")
        print(f"{picture.name}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
