# SPDX-License-Identifier: Apache-2.0
"""Many races: every combination of the varied parameters, with several seeds, in any executor.

A point's result is stored under a key made of everything it follows from: the input, the settings,
the seed and the build. A sweep that was ended, however hard, goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import signal
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED as FIRST
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iodrome import simulator, vary
from iodrome.builders import InputText, Machine
from iodrome.core import core, data_dir
from iodrome.files import write_atomically
from iodrome.metrics import row_of
from iodrome.toml_text import as_setting

if TYPE_CHECKING:
    import pandas

DEFAULT_STORE = Path("out") / "sweeps"
# What a varied name may be besides a parameter: arguments of run().
_ARGUMENTS = ("machine", "design")
# Left out of the store: the same at every point, or about the machine that ran it.
_NOT_KEPT = ("sources", "not_modelled", "wall", "warnings")


@dataclass(frozen=True)
class Point:
    """One race of a sweep."""

    varied: tuple[tuple[str, str], ...]  #: name and value, in the order of the sweep
    seed: int
    request: tuple[tuple[str, Any], ...]  #: arguments of run(), plain data
    key: str  #: of its result in the store


def _text_of(input: str | PathLike[str] | InputText) -> tuple[str, str | None]:
    if isinstance(input, str | os.PathLike):
        return os.path.abspath(input), None
    if not hasattr(input, "text"):
        raise TypeError(
            f"a sweep takes a file or what a builder makes, not {input!r}: a program cannot be "
            "stored under what it follows from"
        )
    return input.name, input.text()


class _Text:
    """A builder's text on the other side of a process boundary."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._text = text

    def text(self) -> str:
        return self._text


def run_point(request: Mapping[str, Any]) -> str:
    """Runs one point, in whatever process, and returns its result as JSON text."""
    arguments = dict(request)
    name, text = arguments.pop("input")
    source = name if text is None else _Text(name, text)
    result = simulator.run(source, keep_requests=False, **arguments)
    kept = {key: value for key, value in result.data.items() if key not in _NOT_KEPT}
    return json.dumps(kept)


@cache
def build_id() -> str:
    """What a result follows from besides its request: the extension and the tables of costs."""
    digest = hashlib.sha256(Path(core().__file__ or "").read_bytes())
    data = data_dir()
    for folder in ("hw", "model", "scenarios/machines"):
        for file in sorted((data / folder).rglob("*.toml")):
            digest.update(str(file.relative_to(data)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


class _Inputs:
    """Digests of what races read: files with all they refer to, and variables of the environment.
    Each is read once."""

    def __init__(self) -> None:
        self._files: dict[Path, str] = {}

    def of_file(self, path: Path) -> str:
        """A file and what it refers to."""
        known = self._files.get(path)
        if known is None:
            self._files[path] = "being read"  # a file that includes itself ends here
            try:
                content = path.read_bytes()
            except OSError:
                content = b"\0unreadable"  # the run itself says why
            known = self._files[path] = self.of_text(path, content)
        return known

    def of_text(self, path: Path, content: bytes) -> str:
        """A text that stands for a file of that name, and what it refers to."""
        digest = hashlib.sha256(content)
        for name in _references(path, content):
            digest.update(self.of_file(path.parent / name).encode())
        if path.suffix == ".fio":
            for variable in re.findall(rb"\$\{(\w+)\}", content):
                value = os.environ.get(variable.decode())
                digest.update(variable + b"=" + (value or "").encode(errors="surrogateescape"))
        return digest.hexdigest()

    def of_machine(self, name: str) -> str:
        return self.of_file(Path(name)) if _is_path(name) else ""


def _is_path(machine: str) -> bool:
    return "/" in machine or machine.endswith(".toml")


def _references(path: Path, content: bytes) -> list[str]:
    """Files that a scenario or job file names, relative to its folder."""
    text = content.decode(errors="replace")
    if path.suffix == ".fio":
        machines = re.findall(r"^[;#].*\bmachine=(\S+)", text, re.MULTILINE)
        included = re.findall(r"^[ \t]*include[ \t]+(\S+)", text, re.MULTILINE)
        return included + [os.path.abspath(name) for name in machines if _is_path(name)]
    if path.suffix != ".toml":
        return []
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return []
    workload, machine = table.get("workload", {}), table.get("machine")
    log = workload.get("path") if isinstance(workload, dict) else None
    named = [log, machine if isinstance(machine, str) and _is_path(machine) else None]
    return [name for name in named if isinstance(name, str)]


def _key(request: Mapping[str, Any], inputs: _Inputs) -> str:
    name, text = request["input"]
    path = Path(name)
    content = inputs.of_file(path) if text is None else inputs.of_text(path, text.encode())
    machine = str(request.get("machine") or "")
    facts = {
        **request,
        "input": [path.name, content],
        "machine": [machine, inputs.of_machine(machine)],
        "build": build_id(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Sweep:
    """What a sweep has yielded: a row per point and design."""

    def __init__(self, points: list[Point], results: list[dict[str, Any]]) -> None:
        self.points = points
        self.results = results

    @property
    def keys(self) -> list[str]:
        """What was varied."""
        return [key for key, _ in self.points[0].varied]

    def rows(self) -> list[dict[str, Any]]:
        """Tidy rows: the varied values, seed and design, then every metric, stage and CPU class.

        Units: in the names; metrics in ns or per second, as docs/result.md has them.
        """
        found = []
        for point, result in zip(self.points, self.results, strict=True):
            for run in result["runs"]:
                found.append({**dict(point.varied), "seed": result["seed"], **row_of(run)})
        return found

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a tidy frame; numbers that were varied are numbers. Errors: ImportError."""
        import pandas

        frame = pandas.DataFrame(self.rows())
        for key in self.keys:
            numbers = pandas.to_numeric(frame[key], errors="coerce")
            if not numbers.isna().any():
                frame[key] = numbers
        return frame

    def to_csv(self) -> str:
        """The rows as CSV with a header."""
        from iodrome.reports.csv import report

        rows = self.rows()
        return report.text(list(rows[0]), ([*row.values()] for row in rows))

    def report(self, path: str | PathLike[str]) -> None:
        """Writes small multiples as one offline page."""
        from iodrome.reports.sweep import page

        write_atomically(path, page.render(self))

    def __repr__(self) -> str:
        from iodrome.reports.sweep import table

        return table.render(self)


def points(
    input: str | PathLike[str] | InputText,
    vary_by: Mapping[str, str | Iterable[object]],
    *,
    designs: Iterable[str] | None = None,
    machine: str | PathLike[str] | Machine | None = None,
    seed: int = 1,
    reps: int = 1,
    set: Mapping[str, object] | None = None,
    driver: str = "free",
) -> list[Point]:
    """Every point, in the order of the varied values, the last one fastest, seeds innermost.

    Errors: ValueError and TypeError for values; InputError once a point runs.
    """
    if isinstance(reps, bool) or not isinstance(reps, int) or reps < 1:
        raise ValueError(f"reps is a number from 1 on, not {reps!r}")
    simulator.whole_number("seed", seed)
    base, changes = simulator.split_machine(machine)
    changes |= {key: as_setting(key, value) for key, value in (set or {}).items()}
    axes = [(key, vary.values(key, given)) for key, given in vary_by.items()]
    common = {
        "input": _text_of(input),
        "designs": simulator.design_names(designs),
        "machine": base,
        "driver": driver,
    }
    inputs = _Inputs()
    found = []
    for combination in itertools.product(*(values for _, values in axes)):
        varied = tuple(zip((key for key, _ in axes), combination, strict=True))
        for rep in range(reps):
            request: dict[str, Any] = {**common, "seed": seed + rep, "set": dict(changes)}
            for key, value in varied:
                if key == "machine":
                    request["machine"] = value
                elif key == "design":
                    request["designs"] = [value]
                else:
                    request["set"] = {**request["set"], key: value}
            found.append(Point(varied, seed + rep, tuple(request.items()), _key(request, inputs)))
    return found


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends the sweep


def sweep(
    input: str | PathLike[str] | InputText,
    vary: Mapping[str, str | Iterable[object]],
    *,
    designs: Iterable[str] | None = None,
    machine: str | PathLike[str] | Machine | None = None,
    seed: int = 1,
    reps: int = 1,
    set: Mapping[str, object] | None = None,
    driver: str = "free",
    jobs: int = 1,
    executor: Executor | None = None,
    store: str | PathLike[str] = DEFAULT_STORE,
    progress: Callable[[int, int], object] | None = None,
) -> Sweep:
    """Races at every combination of the varied values, `reps` seeds each from `seed` on.

    `vary`: values by parameter; also `machine` and `design`. See iodrome.vary for ranges. Runs in
    `jobs` processes of its own, or in `executor`: any of concurrent.futures, Dask's included. The
    free driver is the default: same answers, less set-up per point. `progress(done, of)` is told
    of every point. Results that `store` already has are not run again.

    Errors: InputError of the first point that is refused; ValueError and TypeError for values.
    What was finished before stays in the store.
    """
    all_points = points(
        input, vary, designs=designs, machine=machine, seed=seed, reps=reps, set=set, driver=driver
    )
    folder = Path(store)
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    missing = []
    for point in {point.key: point for point in all_points}.values():
        kept = _load(folder / f"{point.key}.json")
        if kept is None:
            missing.append(point)
        else:
            results[point.key] = kept
    tell = progress or (lambda done, of: None)
    total = len(missing) + len(results)
    tell(len(results), total)
    for key, text in _run(missing, jobs, executor):
        write_atomically(folder / f"{key}.json", text)
        results[key] = json.loads(text)
        tell(len(results), total)
    return Sweep(all_points, [results[point.key] for point in all_points])


def _load(path: Path) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data


def _run(
    missing: list[Point], jobs: int, executor: Executor | None
) -> Iterator[tuple[str, str]]:
    """Yields results as they come, in whatever order."""
    if executor is not None:
        yield from _collect(executor, missing)
    elif jobs <= 1 or len(missing) <= 1:
        for point in missing:
            yield point.key, run_point(dict(point.request))
    else:
        context = get_context("spawn")  # a fork would copy the extension's threads and locks
        workers = min(jobs, len(missing))
        with ProcessPoolExecutor(workers, context, initializer=_ignore_interrupts) as pool:
            try:
                yield from _collect(pool, missing)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list((getattr(pool, "_processes", None) or {}).values()):
                    process.terminate()
                raise


def _collect(executor: Executor, missing: list[Point]) -> Iterator[tuple[str, str]]:
    running: dict[Future[str], str] = {
        executor.submit(run_point, dict(point.request)): point.key for point in missing
    }
    while running:
        done, _ = wait(running, return_when=FIRST)
        for future in done:
            yield running.pop(future), future.result()
