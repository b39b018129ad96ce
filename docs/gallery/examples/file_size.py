# SPDX-License-Identifier: Apache-2.0
"""For files of which size does it pay to send a whole chain at once?"""

import iodrome as io

rows = []
for kib in (1, 4, 16, 64, 256, 1024):
    serve = io.chain().open("/page", size=f"{kib} KiB").stat().sendfile().close()
    result = io.run(serve.issued(clients=8, repeat=100), ["sync", "io_uring", "task_chain"])
    for run in result.runs:
        busy = sum(ns for name, ns in run["cpu_ns"].items() if name != "idle")
        rows.append({"design": run.design, "kib": kib, "us": busy / 1000 / run["requests"]})
chart = {
    "mark": {"type": "line", "point": True},
    "encoding": {
        "x": {
            "field": "kib",
            "type": "quantitative",
            "scale": {"type": "log", "base": 2},
            "axis": {"title": "file size, KiB", "values": [1, 4, 16, 64, 256, 1024]},
        },
        "y": {
            "field": "us",
            "type": "quantitative",
            "scale": {"type": "log"},
            "axis": {"title": "CPU time per request, µs", "format": "~g"},
        },
        "color": {"field": "design", "type": "nominal"},
    },
}
