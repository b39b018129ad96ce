# SPDX-License-Identifier: Apache-2.0
"""The table of `iodrome run`."""

import io

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iodrome import quantities, verdict
from iodrome.metrics import METRIC, TIE, Metric, total
from iodrome.result import Result

_WIDE = ("mean", "p50", "p99", "p99.9", "max", "requests_per_s", "cpu", "context_switches",
         "interrupts")  # fmt: skip
_NARROW = ("mean", "p50", "p99", "p99.9", "cpu", "context_switches")
_NARROW_COLUMNS = 96
_PIPE_COLUMNS = 110


def show(result: Result) -> None:
    """Prints to the standard output; a pipe gets plain text of a fixed width."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_content(result, console.width))
    else:
        print(render(result))


def render(result: Result) -> str:
    """The table as plain text, of a fixed width."""
    sink = io.StringIO()
    Console(file=sink, width=_PIPE_COLUMNS, highlight=False).print(_content(result, _PIPE_COLUMNS))
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines())


def _content(result: Result, width: int) -> Group:
    keys = _WIDE if width >= _NARROW_COLUMNS else _NARROW
    lines: list[RenderableType] = [_heading(result), Text(), _table(result, keys), Text()]
    lines.append(Text(verdict.headline(result), "bold"))
    reason = verdict.reason(result)
    if reason:
        lines.append(Text(reason))
    lines += [Text(f"! {note}", "yellow") for note in verdict.cautions(result)]
    lines += [Text(line, "dim") for line in _providers(result)]
    unmodelled = len(result.data.get("not_modelled", []))
    if unmodelled:
        lines.append(Text(f"{unmodelled} effects are not modelled; the page lists them.", "dim"))
    return Group(*(Padding(line, (0, 0, 0, 1)) for line in lines))


def _providers(result: Result) -> list[str]:
    """A line per design whose run gave providers work."""
    lines = []
    for run in result.runs:
        did = [f"{use['name']} {use['completed']:,}" for use in run.get("providers", [])]
        failed = sum(use["failed"] for use in run.get("providers", []))
        if did:
            more = f"; {failed:,} failed" if failed else ""
            lines.append(f"{run['design']}: jobs by provider: {', '.join(did)}{more}")
    return lines


def _heading(result: Result) -> Text:
    runs = result.runs
    skipped = total(runs[0].get("skipped")) if runs else 0
    text = Text(str(result.data.get("scenario", "")), "bold")
    text.append(f" on {result.data.get('machine')}, seed {result.data.get('seed')}", "not bold")
    if runs:
        text.append(f", {runs[0]['requests']:,} requests per design", "not bold")
    if skipped:
        text.append(f", {skipped:,} lines skipped", "not bold")
    return text


def _table(result: Result, keys: tuple[str, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("design", no_wrap=True)
    for key in keys:
        table.add_column(METRIC[key].label, justify="right", no_wrap=True)
    table.add_column("errors", justify="right")
    columns = {key: [METRIC[key].read(run) for run in result.runs] for key in keys}
    best = {key: _best(METRIC[key].better, columns[key]) for key in keys}
    for row, run in enumerate(result.runs):
        errors = total(run.get("errors"))
        cells = [_cell(METRIC[key], columns[key], row, best[key]) for key in keys]
        table.add_row(Text(run["design"], "bold"), *cells,
                      Text(f"{errors:,}", "red" if errors else ""))  # fmt: skip
    return table


def _best(better: str, values: list[float | None]) -> float | None:
    """The value to mark; none where a column has nothing to tell apart."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or max(known) - min(known) <= TIE * max(map(abs, known)):
        return None
    return max(known) if better == "more" else min(known)


def _cell(metric: Metric, values: list[float | None], row: int, best: float | None) -> Text:
    value = values[row]
    if value is None:
        return Text("—", "dim")
    text = Text(metric.text(value), "green" if value == best else "")
    reference = values[0] if row else None
    if reference is not None:
        text.append("\n" + quantities.change(value, reference), "dim")
    return text
