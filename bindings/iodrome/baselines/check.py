# SPDX-License-Identifier: Apache-2.0
"""Finds what a build does differently from what was recorded, and where that comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from iodrome.baselines import figures
from iodrome.baselines.baseline import Baseline, conditions
from iodrome.baselines.figures import Figures
from iodrome.baselines.tolerance import Tolerance
from iodrome.comparison import Moved, moved_most
from iodrome.result import Result


@dataclass(frozen=True)
class Difference:
    """A figure outside its tolerance. A figure that one side lacks is 0 there."""

    name: str
    old: int
    new: int

    @property
    def relative(self) -> float | None:
        """New against old, 0.05 for five percent more; None from zero."""
        return float(Fraction(self.new - self.old, self.old)) if self.old else None


@dataclass(frozen=True)
class CostChange:
    """A named cost whose time per use changed. Units: ps per use."""

    name: str
    old: Fraction
    new: Fraction
    uses: int
    others: int  # costs that changed too, by less in all


@dataclass(frozen=True)
class RunCheck:
    """One design against its record. The commands are empty where none is known."""

    design: str
    figures: int
    differences: Sequence[Difference]
    moved: Moved | None
    cost: CostChange | None
    replay: str = ""
    accept: str = ""


@dataclass(frozen=True)
class Check:
    """A baseline against a result. `conditions` names what makes it another experiment."""

    name: str
    conditions: Sequence[str]
    runs: Sequence[RunCheck]
    notes: Sequence[str] = ()

    @property
    def failed(self) -> list[RunCheck]:
        """The runs with figures outside their tolerance."""
        return [run for run in self.runs if run.differences]

    @property
    def ok(self) -> bool:
        """Whether the experiment is the same and every figure is as recorded."""
        return not self.conditions and not self.failed


def check(
    baseline: Baseline,
    result: Result,
    tolerance: Tolerance | None = None,
    replay: Mapping[str, str] | None = None,
    accept: str = "",
) -> Check:
    """Compares every recorded run. `tolerance` is stronger than the file's; `replay` holds the
    command that repeats a design's run, `accept` is the one that records anew."""
    allowed = baseline.tolerance + (tolerance or Tolerance())
    runs = []
    for design, old in baseline.runs.items():
        if design not in result.designs:
            continue
        new = figures.of_run(result.runs[design])
        differences = _differences(design, old, new, allowed)
        moved = moved_most(figures.as_run(old), figures.as_run(new)) if differences else None
        cost = changed_cost(old, new) if differences else None
        command = (replay or {}).get(design, "")
        runs.append(RunCheck(design, len(old), differences, moved, cost, command, accept))
    changed = _changed(baseline.conditions, conditions(result), "")
    missing = [design for design in baseline.runs if design not in result.designs]
    changed += [f"the design {design} did not run" for design in missing]
    new_designs = [design for design in result.designs if design not in baseline.runs]
    notes = [f"not recorded: {', '.join(new_designs)}"] if new_designs else []
    return Check(baseline.name, changed, runs, notes)


def _differences(design: str, old: Figures, new: Figures, allowed: Tolerance) -> list[Difference]:
    found = []
    for name in {**old, **new}:
        before, after = old.get(name, 0), new.get(name, 0)
        if before != after and not allowed.allows(design, name, before, after):
            found.append(Difference(name, before, after))
    return sorted(found, key=_weight)


def _weight(difference: Difference) -> tuple[bool, float]:
    """Latencies first, then the largest relative change."""
    relative = difference.relative
    size = float("inf") if relative is None else abs(relative)
    return not difference.name.startswith("latency."), -size


def changed_cost(old: Figures, new: Figures) -> CostChange | None:
    """The cost that explains most by its time per use; None where only uses changed."""
    found = []
    for key in old:
        if not key.startswith("costs.") or not key.endswith(".count"):
            continue
        name = key.removesuffix(".count")
        uses, total = old[key], old[f"{name}.total"]
        uses_now, total_now = new.get(key, 0), new.get(f"{name}.total", 0)
        if not uses or not uses_now or total * uses_now == total_now * uses:
            continue
        per_use = Fraction(total, uses), Fraction(total_now, uses_now)
        effect = abs(per_use[1] - per_use[0]) * uses_now
        found.append((effect, name.removeprefix("costs."), *per_use, uses_now))
    if not found:
        return None
    _, name, before, after, uses = max(found, key=lambda each: each[0])
    return CostChange(name, before, after, uses, len(found) - 1)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> list[str]:
    found = []
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _changed(before, after, f"{path}{key}.")
        elif before != after:
            found.append(f"{path}{key} {_shown(before)} → {_shown(after)}")
    return found


def _shown(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
