# SPDX-License-Identifier: Apache-2.0
"""Which design serves a recorded web log with the shortest tail?"""

from pathlib import Path

import iodrome as io

log = Path(__file__).parents[3] / "scenarios" / "traces" / "web.log.gz"
designs = ["sync", "io_uring", "linux_aio", "task_chain"]
result = io.run(log, designs, driver="free", keep_requests=False)
rows = [
    {"design": run.design, "odds": 1 / (1 - float(percent) / 100), "ms": ns / 1e6}
    for run in result.runs
    for percent, ns in run["latency_curve"]
    if float(percent) < 100
]
percent = "'p' + format(100 - 100 / datum.value, '.6~g')"
chart = {
    "mark": "line",
    "encoding": {
        "x": {
            "field": "odds",
            "type": "quantitative",
            "scale": {"type": "log", "nice": False},
            "axis": {"title": "requests", "values": [2, 10, 100, 1e3, 1e4], "labelExpr": percent},
        },
        "y": {
            "field": "ms",
            "type": "quantitative",
            "scale": {"type": "log"},
            "axis": {"title": "latency, ms", "format": "~g"},
        },
        "color": {"field": "design", "type": "nominal"},
    },
}
