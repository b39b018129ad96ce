# SPDX-License-Identifier: Apache-2.0
"""A row per request, as Parquet."""

from __future__ import annotations

import io

from iodrome.requests import OPS
from iodrome.result import Result

NEEDS_REQUESTS = True


def render(result: Result, command: str | None = None) -> bytes:
    """Errors: ValueError if the rows were not kept; ImportError without pyarrow."""
    import pyarrow
    from pyarrow import parquet

    tables = []
    for run in result.runs:
        columns = run.requests.columns
        arrays = {
            "design": pyarrow.DictionaryArray.from_arrays(
                pyarrow.array([0] * len(run.requests), pyarrow.int32()), [run.design]
            ).cast(pyarrow.string()),
            **{name: pyarrow.array(column) for name, column in columns.items()},
            "op": pyarrow.array([OPS[op] for op in columns["op"].tolist()], pyarrow.string()),
        }
        tables.append(pyarrow.table(arrays))
    sink = io.BytesIO()
    facts = {key: str(result.data.get(key)) for key in ("scenario", "machine", "seed")}
    table = pyarrow.concat_tables(tables).replace_schema_metadata({**facts, "time_unit": "ps"})
    parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()
