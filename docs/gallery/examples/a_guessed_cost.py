# SPDX-License-Identifier: Apache-2.0
"""Does the order of the designs hang on what a context switch costs?"""

import iodrome as io

serve = io.chain().open("/page", size="16 KiB").stat().sendfile().close()
load = serve.issued(clients=64, repeat=50, interval="1 ms")
rows = []
for us in (0.25, 0.5, 1, 2, 4, 8):
    cost = {"costs.context_switch": f"{us} us"}
    for run in io.run(load, ["sync", "io_uring", "task_chain"], set=cost).runs:
        rows.append({"design": run.design, "switch": us, "us": run.latency.quantile(0.99) / 1000})
chart = {
    "mark": {"type": "line", "point": True},
    "encoding": {
        "x": {
            "field": "switch",
            "type": "quantitative",
            "scale": {"type": "log", "base": 2},
            "axis": {"title": "cost of a context switch, µs", "values": [0.25, 0.5, 1, 2, 4, 8]},
        },
        "y": {
            "field": "us",
            "type": "quantitative",
            "title": "99th percentile of latency, µs",
        },
        "color": {"field": "design", "type": "nominal"},
    },
}
