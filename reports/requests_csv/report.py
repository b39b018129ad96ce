# SPDX-License-Identifier: Apache-2.0
"""A row per request."""

from __future__ import annotations

from collections.abc import Iterator

from iodrome.reports.csv.report import text
from iodrome.requests import OPS
from iodrome.result import Result

NEEDS_REQUESTS = True


def render(result: Result, command: str | None = None) -> str:
    """Errors: ValueError if the rows were not kept."""
    names = list(result.runs[0].requests.columns)
    return text(["design", *names], _rows(result))


def _rows(result: Result) -> Iterator[list[object]]:
    for run in result.runs:
        columns = run.requests.columns
        plain = [column.tolist() for column in columns.values()]
        place = list(columns).index("op")
        plain[place] = [OPS[op] for op in plain[place]]
        for row in zip(*plain, strict=True):
            yield [run.design, *row]
