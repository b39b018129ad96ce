# SPDX-License-Identifier: Apache-2.0
"""The table of published figures that `iodrome run` ends in."""

import io

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iodrome import quantities
from iodrome.truth import Comparison, Score

_PIPE_COLUMNS = 110


def show(score: Score) -> None:
    """Prints to the standard output; a pipe gets plain text of a fixed width."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_content(score))
    else:
        print(render(score))


def render(score: Score) -> str:
    """The table as plain text, of a fixed width."""
    sink = io.StringIO()
    Console(file=sink, width=_PIPE_COLUMNS, highlight=False).print(_content(score))
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines())


def _content(score: Score) -> Group:
    lines: list[RenderableType] = [_table(score), Text(), Text(_sum(score), "bold")]
    lines += [Text(f"! {row}: its design did not race", "yellow") for row in score.missing]
    return Group(*(Padding(line, (0, 0, 0, 1)) for line in lines))


def _table(score: Score) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("published figure")
    table.add_column("design", no_wrap=True)
    for title in ("published", "simulated", "error"):
        table.add_column(title, justify="right", no_wrap=True)
    scenario = ""
    for each in score.comparisons:
        if each.scenario != scenario:
            table.add_row(Text(each.scenario, "dim"))
            scenario = each.scenario
        table.add_row(f"  {each.row}", each.design, _text(each, each.published),
                      _text(each, each.simulated), quantities.percent(each.error))  # fmt: skip
    return table


def _text(each: Comparison, value: float) -> str:
    return quantities.duration(value) if each.unit == "ns" else quantities.scaled(value, "/s")


def _sum(score: Score) -> str:
    figures = len(score.comparisons)
    fitted = len(score.fitted)
    return (
        f"{figures} published figure{'s' * (figures != 1)}: median error "
        f"{score.median_error:.1%}, worst {score.worst_error:.1%}; "
        f"{fitted} parameter{'s' * (fitted != 1)} fitted."
    ).replace("%", " %")
