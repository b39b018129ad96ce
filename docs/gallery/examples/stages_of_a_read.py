# SPDX-License-Identifier: Apache-2.0
"""Where is a 4 KiB direct read with 32 in flight, from its start to its end?"""

import iodrome as io
from iodrome.metrics import STAGES

reads = io.fio_job("reads", rw="randread", bs="4k", size="1g", direct=1,
                   iodepth=32, number_ios=5000)  # fmt: skip
designs = ["sync", "io_uring", "linux_aio", "task_chain"]
result = io.run(reads, designs, keep_requests=False)
rows = [
    {"design": run.design, "stage": stage, "place": place, "us": run["stages_ns"][stage] / 1000}
    for run in result.runs
    for place, stage in enumerate(STAGES)
    if any(other["stages_ns"][stage] > 0 for other in result.runs)
]
chart = {
    "mark": "bar",
    "height": 160,
    "encoding": {
        "y": {"field": "design", "type": "nominal", "title": None},
        "x": {"field": "us", "type": "quantitative", "title": "mean time of a read, µs"},
        "color": {"field": "stage", "type": "nominal"},
        "order": {"field": "place"},
    },
}
