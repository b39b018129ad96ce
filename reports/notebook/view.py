# SPDX-License-Identifier: Apache-2.0
"""A result as the cell of a notebook shows it: the summary table and the verdict, plain HTML."""

from __future__ import annotations

from html import escape

from iodrome import verdict
from iodrome.metrics import METRICS
from iodrome.reports.html import tables
from iodrome.result import Result

_RIGHT = ' style="text-align: right"'


def render(result: Result) -> str:
    """The table and the verdict as HTML for a notebook's cell."""
    heads = "".join(
        f'<th{_RIGHT} title="{escape(metric.help)}">{escape(metric.label)}</th>'
        for metric in METRICS
    )
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(map(_cell, cells))}</tr>"
        for name, cells in zip(result.designs, tables.summary(result), strict=True)
    )
    title = f"{result.data.get('scenario')} on {result.data.get('machine')}"
    notes = [verdict.headline(result), verdict.reason(result), *verdict.cautions(result)]
    lines = "".join(f"<div>{escape(note)}</div>" for note in notes if note)
    return (
        f"<div><b>{escape(title)}</b>, seed {escape(str(result.data.get('seed')))}</div>"
        f"<table><thead><tr><th>design</th>{heads}</tr></thead><tbody>{rows}</tbody></table>{lines}"
    )


def _cell(cell: tables.Cell) -> str:
    text = escape(cell.text)
    if cell.best:
        text = f"<b>{text}</b>"
    change = f"<br><small>{escape(cell.change)}</small>" if cell.change else ""
    return f"<td{_RIGHT}>{text}{change}</td>"
