# SPDX-License-Identifier: Apache-2.0
"""How many look-ups a second does an index give, if a block must be read to find the next?"""

import random

import iodrome as io

BLOCKS, LEVELS, LOOKUPS = 4096, 3, 20


def app(client):
    """Goes down the index again and again: a random block a level."""
    draw = random.Random(client.seed * 1000 + client.index)
    fd = yield io.open("/index")
    for _ in range(LOOKUPS * LEVELS):
        yield io.read(fd, "4 KiB", draw.randrange(BLOCKS) * 4096, direct=True)


rows = []
for clients in (1, 2, 4, 8, 16, 32, 64, 128, 256):
    index = io.workload(app, files={"/index": BLOCKS * 4096}, clients=clients, check_bytes=False)
    for run in io.run(index, ["sync", "io_uring", "task_chain"], seed=7).runs:
        rate = clients * LOOKUPS / run["simulated_ns"] * 1e6
        rows.append({"design": run.design, "clients": clients, "rate": rate})
chart = {
    "mark": {"type": "line", "point": True},
    "encoding": {
        "x": {"field": "clients", "type": "ordinal", "axis": {"labelAngle": 0}},
        "y": {"field": "rate", "type": "quantitative", "title": "look-ups per ms"},
        "color": {"field": "design", "type": "nominal"},
    },
}
