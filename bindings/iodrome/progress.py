# SPDX-License-Identifier: Apache-2.0
"""What a waiting person sees, on the standard error stream."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from iodrome import quantities

_QUIET_SECONDS = 5.0  # a log gets a line this often, so that a short run leaves none


def _simulated(event: dict[str, Any]) -> str:
    now = event.get("simulated_ns", 0)
    done, wanted = event.get("requests_done", 0), event.get("requests_total", 0)
    if not done or done >= wanted:
        return f"{quantities.duration(now)} simulated"
    return f"{quantities.duration(now)} of ≈ {quantities.duration(now * wanted / done)} simulated"


class View(Protocol):
    """What shows a race while it runs: called with every event that run() tells."""

    def __call__(self, event: dict[str, Any]) -> None: ...
    def close(self) -> None:
        """Leaves the terminal as it was."""


class _Silent:
    def __call__(self, event: dict[str, Any]) -> None:
        pass

    def close(self) -> None:
        pass


class _Lines:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last < _QUIET_SECONDS:
            return
        self._last = now
        total = f" of {event['requests_total']:,}" if event["requests_total"] else ""
        print(
            f"{event['design']} ({event['design_index'] + 1}/{event['design_count']}): "
            f"{event['requests_done']:,}{total} requests, "
            f"{_simulated(event)}",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        pass


class _Bars:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TextColumn("[dim]{task.fields[simulated]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, Any] = {}
        self._bars.start()

    def __call__(self, event: dict[str, Any]) -> None:
        name, wanted = event["design"], max(event["requests_total"], 1)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=wanted, simulated="")
        self._bars.update(
            self._tasks[name],
            completed=event["requests_done"],
            total=wanted,
            simulated=_simulated(event),
        )

    def close(self) -> None:
        self._bars.stop()


def _chosen(quiet: bool) -> View:
    if quiet:
        return _Silent()
    return _Bars() if sys.stderr.isatty() else _Lines()


@contextmanager
def shown(quiet: bool) -> Iterator[View]:
    """Gives a callback for the simulator, and takes the view down however the run ends."""
    view = _chosen(quiet)
    try:
        yield view
    finally:
        view.close()
