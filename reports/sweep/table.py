# SPDX-License-Identifier: Apache-2.0
"""A sweep as a terminal shows it."""

from __future__ import annotations

import io
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from iodrome.metrics import METRIC

if TYPE_CHECKING:
    from iodrome.sweeps import Sweep

_METRICS = ("mean", "p50", "p99", "requests_per_s", "cpu")
_COLUMNS = 110
MOST_ROWS = 60


def render(sweep: Sweep) -> str:
    """Plain text of a fixed width."""
    sink = io.StringIO()
    console = Console(file=sink, width=_COLUMNS, highlight=False)
    rows = grouped(sweep)
    console.print(_table(sweep, rows[:MOST_ROWS]))
    if len(rows) > MOST_ROWS:
        console.print(f"… {len(rows) - MOST_ROWS:,} more rows: to_csv(), to_pandas(), report()")
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines())


def grouped(sweep: Sweep) -> list[dict[str, Any]]:
    """A row per point and design: each metric's median over the seeds."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in sweep.rows():
        groups.setdefault((*(row[key] for key in sweep.keys), row["design"]), []).append(row)
    merged = []
    for rows in groups.values():
        first = dict(rows[0])
        for key in METRIC:
            values = [row[key] for row in rows if row[key] is not None]
            first[key] = median(values) if values else None
        first["errors"] = sum(row["errors"] for row in rows)
        merged.append(first)
    return merged


def _table(sweep: Sweep, rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for key in sweep.keys:
        table.add_column(key, justify="right", no_wrap=True)
    if "design" not in sweep.keys:
        table.add_column("design", no_wrap=True)
    for key in _METRICS:
        table.add_column(METRIC[key].label, justify="right", no_wrap=True)
    table.add_column("errors", justify="right")
    for row in rows:
        cells = [Text(str(row[key])) for key in sweep.keys]
        if "design" not in sweep.keys:
            cells.append(Text(row["design"], "bold"))
        for key in _METRICS:
            value = row[key]
            cells.append(Text("—" if value is None else METRIC[key].text(value)))
        table.add_row(*cells, Text(f"{row['errors']:,}", "red" if row["errors"] else ""))
    return table
