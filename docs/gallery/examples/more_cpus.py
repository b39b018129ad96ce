# SPDX-License-Identifier: Apache-2.0
"""From how many CPUs on does each design keep up with the log's load?"""

import tempfile
from pathlib import Path

import iodrome as io

log = Path(__file__).parents[3] / "scenarios" / "traces" / "web.log.gz"
designs = ["sync", "io_uring", "task_chain"]
with tempfile.TemporaryDirectory() as store:
    found = io.sweep(log, {"cpu.count": "1,2,3,4,6,8"}, designs=designs, store=store)
rows = [
    {"design": row["design"], "cpus": int(row["cpu.count"]), "ms": row["p99"] / 1e6}
    for row in found.rows()
]
chart = {
    "mark": {"type": "line", "point": True},
    "encoding": {
        "x": {"field": "cpus", "type": "ordinal", "title": "CPUs", "axis": {"labelAngle": 0}},
        "y": {
            "field": "ms",
            "type": "quantitative",
            "scale": {"type": "log"},
            "title": "99th percentile of latency, ms",
        },
        "color": {"field": "design", "type": "nominal"},
    },
}
