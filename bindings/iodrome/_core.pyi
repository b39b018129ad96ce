# SPDX-License-Identifier: Apache-2.0
# The extension, as bindings/*.cpp define it. iodrome.core hands it out.
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

class InputError(ValueError):
    """What was given is wrong. The text says everything, with places and the nearest right names;
    `findings` is the same as a list of dicts: file, line, column, severity, message, hint."""

    findings: list[dict[str, Any]]

class ModelError(RuntimeError):
    """A fault of the simulator or of a model, not of the input."""

class Stopped(RuntimeError):
    """A run was ended by its stop token. Nothing was kept."""

class StopToken:
    """Ends the runs it was given to. Thread-safe; once stopped, it stays so."""

    def __init__(self) -> None: ...
    def stop(self) -> None:
        """Asks the run to end."""

    @property
    def stopped(self) -> bool:
        """Whether stop() was called."""

class Client:
    """Which of the clients a generator is."""

    @property
    def index(self) -> int:
        """0 … clients - 1"""

    @property
    def clients(self) -> int:
        """How many there are."""

    @property
    def seed(self) -> int:
        """The run's seed."""

    @property
    def now_ps(self) -> int:
        """Simulated time since the workload's start, in picoseconds. Errors: ValueError once the
        run is over."""

class Workload:
    """A workload made by the caller; given to run() instead of an input."""

class PythonWorkload(Workload):
    """An application that is a Python generator."""

def run(
    request_json: str,
    progress: Callable[[dict[str, Any]], object] | None = None,
    stop: StopToken | None = None,
    workload: Workload | None = None,
) -> tuple[str, list[dict[str, NDArray[Any]]]]:
    """Runs a race. Takes the request as JSON text; returns the result as JSON text and, if requests
    were to be kept, one dict of columns per design (each of shape (requests,)). Only one run at a
    time happens in a process; another one waits. Raises InputError, Stopped, ModelError, and what a
    signal handler raises."""

def python_workload(
    app: Callable[[Client], object],
    name: str,
    source: str,
    files: dict[str, str | int],
    clients: int,
    check_bytes: bool,
) -> PythonWorkload:
    """An application for run(). `files`: sizes in bytes, or with units, by path."""

def parse_bytes(text: str) -> int:
    """A number of bytes, as in "64 KiB". Raises ValueError."""

def parse_duration_ps(text: str) -> int:
    """Picoseconds of a duration, as in "20 us". Raises ValueError."""

def catalogue(machine: str = "") -> str:
    """What a race can be made of, as JSON text, with the parameters of a machine (by default the
    one that races take). Raises InputError."""

def set_data_dir(path: str) -> None:
    """Says where scenarios/, hw/ and model/ with their tables lie."""

def version() -> str:
    """The version of the simulator."""
