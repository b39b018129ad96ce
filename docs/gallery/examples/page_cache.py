# SPDX-License-Identifier: Apache-2.0
"""How much page cache do random reads of a 32 MiB file need?"""

import iodrome as io

rows = []
reads = io.fio_job("reads", rw="randread", norandommap=True, bs="4k", size="32m",
                   iodepth=8, io_size="128m")  # fmt: skip
for mib in range(4, 44, 4):
    capacity = {"page_cache.capacity": f"{mib} MiB", "page_cache.readahead": "4 KiB"}
    for run in io.run(reads, ["sync", "io_uring"], set=capacity, keep_requests=False).runs:
        rows.append({"design": run.design, "mib": mib, "us": run.latency.mean / 1000})
chart = {
    "mark": {"type": "line", "point": True},
    "encoding": {
        "x": {"field": "mib", "type": "quantitative", "title": "page cache, MiB"},
        "y": {"field": "us", "type": "quantitative", "title": "mean latency, µs"},
        "color": {"field": "design", "type": "nominal"},
    },
}
