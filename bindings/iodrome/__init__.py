# SPDX-License-Identifier: Apache-2.0
"""Race asynchronous-I/O kernel designs on a simulated machine.

    import iodrome as io
    result = io.run("access.log.gz", designs=["sync", "io_uring"], seed=7)
    result                                             # the table
    result.runs["io_uring"].latency.quantile(0.999)    # ns
    result.report("out.html")                          # one page, offline
"""

from importlib import import_module
from typing import Any

# Nothing heavy is imported before it is used: `iodrome --help` must answer at once.
_HOMES = {
    "Client": "iodrome.simulator",
    "Comparison": "iodrome.comparison",
    "InputError": "iodrome.simulator",
    "Latency": "iodrome.latency",
    "ModelError": "iodrome.simulator",
    "OPS": "iodrome.requests",
    "Requests": "iodrome.requests",
    "Result": "iodrome.result",
    "Run": "iodrome.result",
    "Runs": "iodrome.result",
    "StopToken": "iodrome.simulator",
    "Stopped": "iodrome.simulator",
    "Sweep": "iodrome.sweeps",
    "access_log": "iodrome.builders",
    "chain": "iodrome.chains",
    "close": "iodrome.operations",
    "compare": "iodrome.comparison",
    "designs": "iodrome.catalogue",
    "fio_job": "iodrome.builders",
    "machine": "iodrome.builders",
    "machines": "iodrome.catalogue",
    "open": "iodrome.operations",
    "parameters": "iodrome.catalogue",
    "read": "iodrome.operations",
    "run": "iodrome.simulator",
    "send": "iodrome.operations",
    "sleep": "iodrome.operations",
    "stat": "iodrome.operations",
    "sweep": "iodrome.sweeps",
    "version": "iodrome.simulator",
    "workload": "iodrome.operations",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'iodrome' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # found without a detour the next time
    return value


def __dir__() -> list[str]:
    return __all__
