# SPDX-License-Identifier: Apache-2.0
"""What of a run is recorded: whole numbers by name, times in picoseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iodrome import quantities
from iodrome.metrics import CONTEXTS, STAGES, total

Figures = Mapping[str, int]
# The groups of figures, and the tables of a file that hold them: `latency.p99` is `p99` there.
GROUPS = {
    "latency": "latency_ps",
    "stages": "stages_ps",
    "cpu": "cpu_ps",
    "counters": "counters",
}
# Lists that every run has whole, so that a file need not name what is 0.
_WHOLE = {"stages": STAGES, "cpu": CONTEXTS}
COSTS = "costs"
_COST_PARTS = {"count": "count", "total": "total_ps"}  # in a run; a file has both in a list
_TIMES = ("latency.", "stages.", "cpu.")


def of_run(run: Mapping[str, Any]) -> dict[str, int]:
    """The figures of one run, by dotted name, in the order in which files have them.

    No fingerprint: it is comparable within one commit only.
    """
    found = {
        "requests": int(run["requests"]),
        "errors": total(run.get("errors")),
        "bytes": int(run.get("bytes", 0)),
        "simulated": _ps(run.get("simulated_ns", 0)),
    }
    found |= {f"latency.{name}": _ps(value) for name, value in run["latency_ns"].items()}
    stages = run.get("stage_total_ps", {})
    found |= {f"stages.{name}": int(value) for name, value in stages.items()}
    found |= {f"cpu.{name}": _ps(value) for name, value in run.get("cpu_ns", {}).items()}
    counters = run.get("counters", {})
    found |= {f"counters.{name}": int(value) for name, value in counters.items()}
    for name, cost in (run.get("costs") or {}).items():
        found |= {f"costs.{name}.{part}": cost[key] for part, key in _COST_PARTS.items()}
    return found


def _ps(ns: float) -> int:
    # Three digits behind the point are all there are.
    return round(ns * 1000)


def to_table(figures: Figures) -> dict[str, Any]:
    """As a file has them: plain figures first, then a table per group."""
    table: dict[str, Any] = {}
    for name, value in figures.items():
        group, _, rest = name.partition(".")
        if not rest:
            table["simulated_ps" if name == "simulated" else name] = value
        elif group == COSTS:
            table.setdefault(COSTS, {}).setdefault(rest.rpartition(".")[0], []).append(value)
        elif value or group not in _WHOLE:
            table.setdefault(GROUPS[group], {})[rest] = value
    return table


def from_table(table: Mapping[str, Any]) -> dict[str, int]:
    """Errors: ValueError where something is no whole number."""
    groups = {there: here for here, there in GROUPS.items()}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key in groups and isinstance(value, dict):
            found |= {f"{groups[key]}.{name}": 0 for name in _WHOLE.get(groups[key], ())}
            found |= {f"{groups[key]}.{name}": each for name, each in value.items()}
        elif key == COSTS and isinstance(value, dict):
            for cost, use in value.items():
                if not isinstance(use, list) or len(use) != len(_COST_PARTS):
                    raise ValueError(f"costs.{cost} is not [uses, picoseconds in all]")
                names = [f"costs.{cost}.{part}" for part in _COST_PARTS]
                found |= dict(zip(names, use, strict=True))
        else:
            found["simulated" if key == "simulated_ps" else key] = value
    for name, value in found.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{name} is no whole number")
    if "requests" not in found:
        raise ValueError("there is no count of requests")
    return found


def is_time(name: str) -> bool:
    """Whether a figure counts picoseconds."""
    return name == "simulated" or name.startswith(_TIMES) or _is_cost_total(name)


def _is_cost_total(name: str) -> bool:
    return name.startswith("costs.") and name.endswith(".total")


def texts(name: str, *values: int) -> list[str]:
    """Values for a reader: three digits, or all of them where three do not tell them apart."""
    show = (lambda value: quantities.duration(value / 1000)) if is_time(name) else quantities.count
    short = [show(value) for value in values]
    if len(set(short)) == len(set(values)):
        return short
    return [f"{value:,} ps" if is_time(name) else f"{value:,}" for value in values]


def as_run(figures: Figures) -> dict[str, Any]:
    """The stages per request in ns, as a run has them."""
    requests = figures["requests"]
    stages = {
        name.removeprefix("stages."): value / requests / 1000 if requests else 0.0
        for name, value in figures.items()
        if name.startswith("stages.")
    }
    return {"stages_ns": stages}
