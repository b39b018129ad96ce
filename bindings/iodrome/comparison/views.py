# SPDX-License-Identifier: Apache-2.0
"""A comparison as text, Markdown and HTML: the same rows in three dresses."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iodrome import quantities
from iodrome.comparison import Change, Comparison, Pair
from iodrome.verdict import signed

if TYPE_CHECKING:
    from rich.console import RenderableType

_HEADS = ("metric", "old", "new", "change", "95 % interval", "verdict")
_PIPE_COLUMNS = 110
_MOST_PARAMETERS = 6
_SMALLEST_SHARE = 0.005  # of the CPUs' time, to be worth a word
_STYLES = {"faster": "green", "slower": "red", "cannot tell": "yellow"}


def show(comparison: Comparison) -> None:
    """Prints to the standard output; a pipe gets plain text of a fixed width."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_content(comparison))
    else:
        print(text(comparison))


def text(comparison: Comparison) -> str:
    """For a terminal or a pipe, without colours."""
    sink = io.StringIO()
    Console(file=sink, width=_PIPE_COLUMNS, highlight=False).print(_content(comparison))
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines())


def markdown(comparison: Comparison) -> str:
    """For a pull request: a table per design."""
    lines = [f"### {_heading(comparison)}", ""]
    lines += [f"- {line}" for line in _preface(comparison)]
    for pair in comparison.pairs:
        lines += ["", f"#### {pair.title}", ""]
        if not pair.identical:
            lines.append("| " + " | ".join(_HEADS) + " |")
            lines.append("|---|---:|---:|---:|---:|---|")
            for change in pair.changes:
                cells = _cells(change)
                strong = f"**{cells[-1]}**" if cells[-1] in ("faster", "slower") else cells[-1]
                lines.append("| " + " | ".join([*cells[:-1], strong]) + " |")
            lines.append("")
        lines += [f"- {line}" for line in _remarks(pair)]
    return "\n".join(lines) + "\n"


def html(comparison: Comparison) -> str:
    """For a notebook's cell."""
    right = ' style="text-align: right"'
    parts = [f"<div><b>{escape(_heading(comparison))}</b></div>"]
    parts += [f"<div>{escape(line)}</div>" for line in _preface(comparison)]
    for pair in comparison.pairs:
        parts.append(f"<div><b>{escape(pair.title)}</b></div>")
        if not pair.identical:
            head = "".join(f"<th{right}>{escape(name)}</th>" for name in _HEADS)
            rows = "".join(
                "<tr>" + "".join(f"<td{right}>{escape(cell)}</td>" for cell in _cells(change))
                + "</tr>" for change in pair.changes
            )  # fmt: skip
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
        parts += [f"<div>{escape(line)}</div>" for line in _remarks(pair)]
    return "".join(parts)


def _content(comparison: Comparison) -> RenderableType:
    lines: list[RenderableType] = [Text(_heading(comparison), "bold")]
    lines += [Text(line, "yellow") for line in _preface(comparison)]
    for pair in comparison.pairs:
        lines += [Text(), Text(pair.title, "bold")]
        if not pair.identical:
            lines.append(_table(pair))
        lines += [Text(line) for line in _remarks(pair)]
    return Group(*(Padding(line, (0, 0, 0, 1)) for line in lines))


def _table(pair: Pair) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in _HEADS:
        left = name in ("metric", "verdict")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for change in pair.changes:
        *cells, verdict = _cells(change)
        table.add_row(*cells, Text(verdict, _STYLES.get(verdict, "")))
    return table


def _cells(change: Change) -> list[str]:
    read = change.metric.text
    relative = change.relative
    if relative is not None:
        moved = quantities.percent(relative)
    else:
        moved = "=" if change.old == change.new else "from 0"
    return [
        change.metric.label, read(change.old), read(change.new), moved, _span(change),
        change.verdict,
    ]  # fmt: skip


def _span(change: Change) -> str:
    interval = change.interval
    if interval is None:
        return "none"
    if not change.old:
        return f"{signed(interval.low)} … {signed(interval.high)}"
    return " … ".join(quantities.percent(end / change.old) for end in (interval.low, interval.high))


def _heading(comparison: Comparison) -> str:
    old, new = comparison.old.data, comparison.new.data
    sides = [f"{side.get('scenario')} on {side.get('machine')}, seed {side.get('seed')}"
             for side in (old, new)]  # fmt: skip
    return sides[0] if sides[0] == sides[1] else " → ".join(sides)


def _preface(comparison: Comparison) -> list[str]:
    lines = [f"! {caution}" for caution in comparison.cautions]
    changed = [f"{key} {old} → {new}" for key, old, new in comparison.parameters]
    if changed:
        more = len(changed) - _MOST_PARAMETERS
        tail = f"; and {more} more" if more > 0 else ""
        lines.append(f"Parameters that differ: {'; '.join(changed[:_MOST_PARAMETERS])}{tail}")
    return lines


def _remarks(pair: Pair) -> list[str]:
    if pair.identical:
        return [f"Identical: every event of both runs (fingerprint {pair.old['fingerprint']})."]
    lines = []
    if pair.moved:
        share = pair.moved.share
        part = "" if share is None else f", {share * 100:.0f} % of the mean's change"
        moved = f"{pair.moved.stage} {signed(pair.moved.change)} per request"
        lines.append(f"Moved most: {moved}{part}")
    shares = [
        f"{name} {quantities.three_digits(old * 100)} → {quantities.three_digits(new * 100)} %"
        for name, (old, new) in pair.cpu_shares.items()
        if max(old, new) >= _SMALLEST_SHARE and old != new
    ]
    if shares:
        lines.append(f"CPU time by context: {', '.join(shares)}")
    sources: dict[str, list[str]] = {}
    for change in pair.changes:
        source = change.interval.source if change.interval else f"none: {change.why_no_interval}"
        sources.setdefault(source, []).append(change.metric.label)
    known = [f"{', '.join(labels)} from {source}" if not source.startswith("none") else
             f"{', '.join(labels)} {source}" for source, labels in sources.items()]  # fmt: skip
    lines.append(f"Intervals: {'; '.join(known)}")
    return lines + [f"! {caution}" for caution in pair.cautions]
