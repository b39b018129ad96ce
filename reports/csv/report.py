# SPDX-License-Identifier: Apache-2.0
"""A row per design."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from iodrome.metrics import row_of
from iodrome.result import Result


def render(result: Result, command: str | None = None) -> str:
    """A header and a row per design. Units: in the names, times in ns."""
    facts = {"machine": result.data.get("machine"), "seed": result.data.get("seed")}
    rows = [{**facts, **row_of(run)} for run in result.runs]
    return text(list(rows[0]), ([row[key] for key in rows[0]] for row in rows))


def text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under a header, as RFC 4180 has them but for line ends: `\\n`."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return sink.getvalue()
