# SPDX-License-Identifier: Apache-2.0
"""Applications written in Python: generators that yield operations.

    def app(client):
        fd = yield io.open("/data")
        for block in range(100):
            yield io.read(fd, "4 KiB", block * 4096, direct=True)
        yield io.close(fd)

    io.run(io.workload(app, files={"/data": "1 MiB"}, clients=8), ["io_uring"])

An operation's value is what the call returns; an error is raised at the yield as OSError. A chain
(`yield io.chain().open("/data").sendfile("64 KiB").close()`) is one request, and yields the list
of its steps' results, errors as negative errno.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Generator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from iodrome import quantities
from iodrome.chains import Chain

if TYPE_CHECKING:
    from iodrome import _core

# Codes of bindings/operation.cpp: chain::Op, and what is no step.
_OPEN, _STAT, _READ, _SEND, _CLOSE, _PAUSE, _CHAIN = 1, 2, 3, 4, 5, -1, -2

# What only a chain given to run() may hold.
_RULES = {
    "after", "clean_up", "jump_to", "loop_to", "memory", "to",
    "on_error", "on_short", "retries", "rounds",
}  # fmt: skip
_YIELDED = ("nop", "open", "stat", "read", "send", "close")

Operation = tuple[Any, ...]
App = Callable[["_core.Client"], Generator[Any, Any, Any]]


def _bytes(value: str | int) -> int:
    return value if type(value) is int else quantities.parse_bytes(value)


def open(path: str) -> Operation:
    """Opens a file for reading; yields its descriptor. Errors: ENOENT, EMFILE, EIO."""
    return (_OPEN, path)


def stat(fd: int) -> Operation:
    """Yields the file's size in bytes. Errors: EBADF."""
    return (_STAT, fd)


def read(fd: int, bytes: str | int, offset: str | int = 0, *, direct: bool = False) -> Operation:
    """Reads from a place in the file; yields the bytes read, fewer at its end.

    `direct`: past the page cache; then bytes and offset are multiples of 512.
    Errors: EBADF, EIO, EINVAL.
    """
    if type(bytes) is int and type(offset) is int:
        return (_READ, fd, bytes, offset, direct)
    return (_READ, fd, _bytes(bytes), _bytes(offset), direct)


def send(fd: int, bytes: str | int, offset: str | int = 0) -> Operation:
    """Sends file bytes to the client's connection; yields the bytes sent. Errors: EBADF, EIO."""
    return (_SEND, fd, _bytes(bytes), _bytes(offset), False)


def close(fd: int) -> Operation:
    """Closes a descriptor. Errors: EBADF."""
    return (_CLOSE, fd)


def sleep(duration: str) -> Operation:
    """Does nothing for a while of simulated time: "20 us". No request, no CPU time."""
    return (_PAUSE, quantities.parse_duration_ps(duration))


@lru_cache(maxsize=1024)
def chain_operation(chain: Chain) -> Operation:
    """A chain as one operation: its steps in order; None is the file it opened."""
    steps: list[Operation] = []
    for step in chain.steps:
        keys: dict[str, Any] = dict(step.keys)
        rules = sorted(keys.keys() & _RULES)
        if step.op == "open" and keys.get("flags"):
            rules = list(keys["flags"])
        if rules or step.op not in _YIELDED:
            what = rules[0] if rules else step.op
            raise ValueError(f"a chain that is yielded is a plain line of calls: drop {what}")
        if step.op == "open":
            steps.append((_OPEN, keys["path"]))
        elif step.op == "nop":
            steps.append((0,))
        elif step.op in ("stat", "close"):
            steps.append((_STAT if step.op == "stat" else _CLOSE, None))
        else:
            code = _READ if step.op == "read" else _SEND
            size, offset = _bytes(keys["bytes"]), _bytes(keys.get("offset", 0))
            steps.append((code, None, size, offset, "direct" in (keys.get("flags") or ())))
    return (_CHAIN, *steps)


class Workload:
    """An application with its files and clients; give it to run()."""

    def __init__(
        self, app: App, files: Mapping[str, str | int], clients: int, check_bytes: bool
    ) -> None:
        if isinstance(clients, bool) or not isinstance(clients, int) or not 1 <= clients <= 65535:
            raise ValueError(f"clients is a number from 1 to 65535, not {clients!r}")
        if not callable(app):
            raise TypeError("the application is a generator function: def app(client): yield …")
        self.app, self.files, self.clients, self.check_bytes = app, files, clients, check_bytes
        self.name: str = getattr(app, "__name__", "app") + ".py"
        try:
            source = inspect.getsource(app)
        except (OSError, TypeError):
            source = ""  # typed into an interpreter, or no function
        self.source = hashlib.sha256(source.encode()).hexdigest()[:16] if source else ""

    def __repr__(self) -> str:
        return f"<Workload {self.name}: {self.clients} clients, {len(self.files)} files>"


def workload(
    app: App,
    *,
    files: Mapping[str, str | int] | None = None,
    clients: int = 1,
    check_bytes: bool = True,
) -> Workload:
    """A generator function as the application of `clients` clients, each with a connection.

    `app(client)` is called once per client and design; `client` has `index`, `clients`, `seed` and
    `now_ps`. For the same answer every time it must not depend on anything else: draw from
    `random.Random(client.seed * 1000 + client.index)`. `files`: sizes by path, laid out cold.
    `check_bytes`: payload really moves and remote clients check it; without, long reads and sends
    are quicker to simulate and take the same simulated time.

    What the application computes takes no simulated time; use sleep() to stand for it.
    Errors: TypeError, ValueError here; in run(), what the generator raises and does not catch.
    """
    return Workload(app, dict(files or {}), clients, check_bytes)
