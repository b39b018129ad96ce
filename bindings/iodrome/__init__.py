# SPDX-License-Identifier: Apache-2.0
"""Race asynchronous-I/O kernel designs on a simulated machine.

    import iodrome
    result = iodrome.run("access.log.gz", designs=["sync", "io_uring"], seed=7)
    result                      # the table
    result.report("out.html")   # one page, offline
"""

from importlib import import_module

# Nothing heavy is imported before it is used: `iodrome --help` must answer at once.
_HOMES = {
    "InputError": "iodrome.simulator",
    "ModelError": "iodrome.simulator",
    "Result": "iodrome.result",
    "designs": "iodrome.simulator",
    "machines": "iodrome.simulator",
    "run": "iodrome.simulator",
    "version": "iodrome.simulator",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'iodrome' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__():
    return __all__
