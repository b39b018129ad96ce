# SPDX-License-Identifier: Apache-2.0
"""The rows of the page's tables: text for people, the bare number for sorting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iodrome import quantities
from iodrome.metrics import METRICS, STAGES, TIE, Metric, RunData, total
from iodrome.result import Result

_COUNTERS = {
    "syscalls": "system calls",
    "context_switches": "context switches",
    "interrupts": "interrupts",
    "wakeups": "wake-ups",
    "bytes_copied_cpu": "bytes copied by CPUs",
    "bytes_copied_dma": "bytes copied by DMA engines",
    "bytes_device_dma": "bytes moved by devices",
}


@dataclass(frozen=True)
class Cell:
    """A figure, how far it is from the first design's, and whether it is the best one."""

    text: str
    value: float | None = None
    change: str = ""
    best: bool = False


def summary(result: Result) -> list[list[Cell]]:
    """One row per design, one cell per metric."""
    columns = [_column(metric, result) for metric in METRICS]
    return [list(row) for row in zip(*columns, strict=True)]


def _column(metric: Metric, result: Result) -> list[Cell]:
    values = [metric.read(run) for run in result.runs]
    return _cells(values, metric.text, metric.better)


def _cells(
    values: list[float | None], text: Callable[[float], str], better: str
) -> list[Cell]:
    known = [value for value in values if value is not None]
    best = None
    if better and len(known) > 1 and max(known) - min(known) > TIE * max(map(abs, known)):
        best = max(known) if better == "more" else min(known)
    cells = []
    for index, value in enumerate(values):
        if value is None:
            cells.append(Cell("—"))
            continue
        reference = values[0] if index else None
        change = "" if reference is None else quantities.change(value, reference)
        cells.append(Cell(text(value), value, change, value == best))
    return cells


def guesses(result: Result) -> int:
    """How many of the values that a run used are nobody's figure."""
    return sum(bool(source.get("guess")) for source in result.data.get("sources") or [])


def counters(result: Result) -> list[tuple[str, list[Cell]]]:
    """Counters per request, then what the submitting task met: label and a cell per design."""
    rows = []
    present = [key for run in result.runs for key in run.get("counters", {})]
    for key in dict.fromkeys(present):
        values = [_each(run, run.get("counters", {}).get(key)) for run in result.runs]
        text = _bytes if key.startswith("bytes") else quantities.three_digits
        label = _COUNTERS.get(key, key.replace("_", " "))
        # Bytes that a device moves cost the CPUs nothing: neither more nor fewer is better.
        rows.append((label, _cells(values, text, "" if key.endswith("_dma") else "less")))
    return rows + _submit(result, "held") + _submit(result, "blocked") + _causes(result)


def _submit(result: Result, what: str) -> list[tuple[str, list[Cell]]]:
    key = f"submit_{what}_ns"
    if not all(key in run for run in result.runs):
        return []
    means = [_each(run, run[key]["total"]) for run in result.runs]
    longest: list[float | None] = [run[key]["max"] for run in result.runs]
    return [
        (f"{what} in submit", _cells(means, quantities.duration, "less")),
        (f"{what} in submit, longest", _cells(longest, quantities.duration, "less")),
    ]


def _causes(result: Result) -> list[tuple[str, list[Cell]]]:
    """What the submitting task slept for, the longest first."""
    told = [run.get("submit_blocked_ns", {}).get("causes", {}) for run in result.runs]
    names = dict.fromkeys(name for causes in told for name in causes)
    longest = sorted(names, key=lambda name: -max(causes.get(name, 0) for causes in told))
    return [
        (
            f"· for {name}",
            _cells(
                [_each(run, c.get(name, 0)) for run, c in zip(result.runs, told, strict=True)],
                quantities.duration,
                "less",
            ),
        )
        for name in longest
    ]


def _bytes(value: float) -> str:
    return quantities.scaled(value, "B")


def _each(run: RunData, value: float | None) -> float | None:
    return None if value is None or not run.get("requests") else value / run["requests"]


def stages(result: Result) -> list[tuple[str, list[Cell]]]:
    """Mean time per stage; the sum is the mean latency."""
    rows = []
    for stage in STAGES:
        values = [run.get("stages_ns", {}).get(stage) for run in result.runs]
        if any(values):
            rows.append((stage, _cells(values, quantities.duration, "less")))
    return rows


def costs(result: Result) -> list[tuple[str, list[Cell]]]:
    """Named costs of the machine: CPU time charged per request."""
    names = dict.fromkeys(name for run in result.runs for name in run.get("costs", {}))
    rows = []
    for name in names:
        values: list[float | None] = []
        for run in result.runs:
            entry = run.get("costs", {}).get(name)
            values.append(_each(run, entry["total_ps"] / 1000) if entry else 0.0)
        largest = max(value or 0.0 for value in values)
        rows.append((name, largest, _cells(values, quantities.duration, "less")))
    rows.sort(key=lambda row: -row[1])
    return [(name, cells) for name, _, cells in rows]


def providers(result: Result) -> list[tuple[str, list[Cell]]]:
    """What engines and CPUs did as providers: rows for each that any design gave a job."""
    used = [{use["name"]: use for use in run.get("providers", [])} for run in result.runs]
    rows = []
    for name in dict.fromkeys(name for uses in used for name in uses):
        found = [uses.get(name, {}) for uses in used]
        rows.append((f"{name}: jobs", _texts(found, "completed", "{:,}".format)))
        rows.append((f"{name}: bytes", _texts(found, "bytes", _bytes)))
        rows.append((f"{name}: busy", _texts(found, "busy_ns", quantities.duration)))
        if any(use.get("failed") for use in found):
            rows.append((f"{name}: failed", _texts(found, "failed", "{:,}".format)))
            rows.append((f"{name}: of these given on", _texts(found, "moved", "{:,}".format)))
    return rows


def _texts(uses: list[RunData], key: str, text: Callable[[float], str]) -> list[Cell]:
    return [Cell(text(use[key]), use[key]) if use else Cell("—") for use in uses]


def workload(result: Result) -> list[tuple[str, str]]:
    """What was raced over: the scalars of the workload's summary."""
    rows = []
    for key, value in (result.data.get("workload") or {}).items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {_plain(each)}" for name, each in value.items()) or "none"
        rows.append((key.replace("_", " "), _plain(value)))
    if result.runs:
        skipped = result.runs[0].get("skipped")
        reasons = skipped.items() if isinstance(skipped, dict) else ()
        text = ", ".join(f"{number:,} × {reason}" for reason, number in reasons)
        count = total(skipped)
        rows.append(("skipped", f"{count:,}" + (f" ({text})" if text else "")))
    return rows


def _plain(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
