# SPDX-License-Identifier: Apache-2.0
"""The one place that talks to the extension."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import iodrome
from iodrome.result import Result


@cache
def _core():
    # libsystemc prints a banner to the terminal on first use unless it is told not to.
    os.environ.setdefault("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1")
    from iodrome import _core as core

    core.set_data_dir(str(_data_dir()))
    return core


def _data_dir() -> Path:
    """Where scenarios/ and hw/ lie, as in the checkout. In an editable install the package has
    two places: the sources and what the build installed."""
    places = [Path(place) / "data" for place in iodrome.__path__]
    return next((place for place in places if place.is_dir()), places[0])


def __getattr__(name):
    if name in ("InputError", "ModelError"):
        return getattr(_core(), name)
    raise AttributeError(f"module 'iodrome.simulator' has no attribute {name!r}")


def run(
    input: str | os.PathLike,
    designs: Iterable[str] | None = None,
    *,
    kind: str | None = None,
    machine: str | os.PathLike | None = None,
    seed: int | None = None,
    set: Mapping[str, object] | Iterable[tuple[str, object]] = (),
    skip_bad: int | None = None,
    driver: str = "hosted",
    tlm: bool = False,
    timeline: str | os.PathLike | None = None,
    progress: Callable[[dict], None] | None = None,
) -> Result:
    """Runs every design over the same input on the same machine.

    What is left out takes the simulator's default: all designs, the machine `server_2026`, seed 1,
    or what the scenario file says. `set` overrides parameters by their dotted names.

    `timeline` names a file for what happened when, of the kind that its ending says: .pftrace,
    .ftrace or .vcd; see docs/how-to/read-a-timeline.md.

    Errors: InputError (a ValueError) whose text says all that is wrong with the input, with places;
    ModelError (a RuntimeError) for a fault of the simulator itself.
    """
    overrides = set.items() if isinstance(set, Mapping) else set
    request = {
        "input": os.fspath(input),
        "kind": kind,
        "designs": None if designs is None else list(designs),
        "machine": None if machine is None else os.fspath(machine),
        "seed": seed,
        "set": [[str(key), str(value)] for key, value in overrides],
        "skip_bad": skip_bad,
        "driver": driver,
        "tlm": tlm,
        "timeline": None if timeline is None else os.fspath(timeline),
    }
    return Result.from_json(_core().run(json.dumps(request), progress))


def designs() -> list[dict]:
    """Every design this build knows: name and summary."""
    return list(_core().list_designs())


def machines() -> list[str]:
    """The machine files that come with the package."""
    return list(_core().list_machines())


def version() -> str:
    """The version of the simulator."""
    return _core().version()
