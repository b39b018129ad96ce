# SPDX-License-Identifier: Apache-2.0
"""A sweep as one self-contained page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from iodrome.metrics import METRICS
from iodrome.reports.html import charts as race_charts
from iodrome.reports.html import report as race_page
from iodrome.reports.sweep import charts, table

if TYPE_CHECKING:
    from iodrome.sweeps import Sweep


def render(sweep: Sweep) -> str:
    """The page as text."""
    drawn = {"sweep": charts.charts(sweep)}
    rows = table.grouped(sweep)
    designs = list(dict.fromkeys(row["design"] for row in rows))
    first = sweep.results[0]
    template = race_page.environment(Path(__file__).parent).get_template("page.html.j2")
    return template.render(
        scenario=first["scenario"],
        machine=", ".join(dict.fromkeys(result["machine"] for result in sweep.results)),
        seeds=sorted({point.seed for point in sweep.points}),
        keys=[key for key in sweep.keys if key != "design"],
        rows=rows,
        numbers={value: charts.number(value) for row in rows for value in _varied(sweep, row)},
        points=len({point.varied for point in sweep.points}),
        designs=designs,
        colours={name: race_charts.colour(name) for name in designs},
        metrics=METRICS,
        charts=drawn,
        chart_json=race_page.inline_json(
            json.dumps({"config": race_charts.CONFIG, "charts": drawn})
        ),
        csv_json=race_page.inline_json(json.dumps(sweep.to_csv())),
        **race_page.parts(),
    )


def _varied(sweep: Sweep, row: dict[str, object]) -> list[str]:
    return [str(row[key]) for key in sweep.keys]
