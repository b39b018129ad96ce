# SPDX-License-Identifier: Apache-2.0
"""The one place that talks to the extension."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iodrome.builders import InputText, Machine
from iodrome.core import core
from iodrome.operations import Workload
from iodrome.requests import Requests
from iodrome.result import Result
from iodrome.toml_text import as_setting

if TYPE_CHECKING:
    from iodrome._core import StopToken


def __getattr__(name: str) -> Any:
    if name in ("Client", "InputError", "ModelError", "Stopped", "StopToken"):
        return getattr(core(), name)
    raise AttributeError(f"module 'iodrome.simulator' has no attribute {name!r}")


def split_machine(
    machine: str | os.PathLike[str] | Machine | None,
) -> tuple[str | None, dict[str, str]]:
    """A machine's name or file, and what a builder changed about it."""
    if isinstance(machine, Machine):
        return machine.base, dict(machine.changes)
    return None if machine is None else os.fspath(machine), {}


def design_names(designs: Iterable[str] | str | None) -> list[str] | None:
    """One name or several, as a list."""
    if designs is None or isinstance(designs, str):
        return None if designs is None else [designs]
    return list(designs)


def whole_number(what: str, value: object) -> None:
    """Errors: TypeError and ValueError for what is no number from 0 to 2^64 - 1."""
    if type(value) is not int:
        raise TypeError(f"{what} is an integer, not {value!r}")
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{what} is a number from 0 to 2^64 - 1, not {value}")


def run(
    input: str | os.PathLike[str] | InputText | Workload,
    designs: Iterable[str] | str | None = None,
    *,
    kind: str | None = None,
    machine: str | os.PathLike[str] | Machine | None = None,
    seed: int | None = None,
    set: Mapping[str, object] | Iterable[tuple[str, object]] = (),
    skip_bad: int | None = None,
    driver: str = "hosted",
    tlm: bool = False,
    timeline: str | os.PathLike[str] | None = None,
    keep_requests: bool = True,
    progress: Callable[[dict[str, Any]], object] | None = None,
    stop: StopToken | None = None,
) -> Result:
    """Runs every design over the same input on the same machine.

    `input` is a path (a log, job file or scenario) or what a builder made: io.chain(),
    io.fio_job(), io.access_log(), io.workload(). What is left out takes the simulator's default:
    all designs, the machine `server_2026`, seed 1, or what the scenario file says. `set` overrides
    parameters by their dotted names; values are strings with units or integers. With
    `keep_requests` every run has a row per request (about 80 bytes each).

    The interpreter goes on meanwhile. One run happens at a time in a process; a second one waits.
    A signal, such as an interrupt from the keyboard, or `stop.stop()` ends the run within a
    fraction of a second, and nothing of it is kept.

    `timeline` names a file for what happened when, of the kind that its ending says: .pftrace,
    .ftrace or .vcd; see docs/how-to/read-a-timeline.md.

    Errors: InputError (a ValueError) whose text says all that is wrong with the input, with places;
    TypeError for a bare float; Stopped; ModelError (a RuntimeError) for a fault of the simulator
    itself.
    """
    for what, value in (("seed", seed), ("skip_bad", skip_bad)):
        if value is not None:
            whole_number(what, value)
    base, changes = split_machine(machine)
    # What is given for this run is stronger than the machine's own changes.
    given = [(str(key), value) for key, value in (set.items() if isinstance(set, Mapping) else set)]
    overrides = [*changes.items(), *((key, as_setting(key, value)) for key, value in given)]
    workload, content = None, None
    if isinstance(input, str | os.PathLike):
        name = os.fspath(input)
    elif isinstance(input, Workload):
        name = input.name
        workload = core().python_workload(
            input.app, name, input.source, input.files, input.clients, input.check_bytes
        )
    else:
        name, content = input.name, input.text()
    request = {
        "input": name,
        "text": content,
        "kind": kind,
        "designs": design_names(designs),
        "machine": base,
        "seed": seed,
        "set": [list(pair) for pair in overrides],
        "skip_bad": skip_bad,
        "driver": driver,
        "tlm": tlm,
        "timeline": None if timeline is None else os.fspath(timeline),
        "keep_requests": keep_requests,
    }
    text, columns = core().run(json.dumps(request), progress, stop, workload)
    data = json.loads(text)
    return Result(data, text, [Requests(each) for each in columns], Race(request, workload))


@dataclass(frozen=True)
class Race:
    """What was run, so that it can be run again: the same race gives the same answer."""

    request: dict[str, Any]
    workload: object

    def record(self, path: str | os.PathLike[str]) -> None:
        """Runs it once more and writes its timeline."""
        request = {**self.request, "timeline": os.fspath(path), "keep_requests": False}
        core().run(json.dumps(request), None, None, self.workload)


def version() -> str:
    """The version of the simulator."""
    text: str = core().version()
    return text
