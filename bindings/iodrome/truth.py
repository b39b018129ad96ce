# SPDX-License-Identifier: Apache-2.0
"""Simulated figures beside published ones: how far off a machine file is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from iodrome.metrics import RunData
from iodrome.result import Result


@dataclass(frozen=True)
class Comparison:
    """One published figure and what the simulator says of it."""

    scenario: str
    row: str  #: what the source calls it
    design: str
    published: float  #: ns, or per second
    simulated: float  #: in the same unit
    unit: str  #: "ns" or "/s"
    source: str

    @property
    def error(self) -> float:
        """Relative to what was published: 0.1 is ten per cent too much."""
        return self.simulated / self.published - 1


@dataclass(frozen=True)
class Score:
    """All comparisons of some runs, and what they were paid for with."""

    comparisons: tuple[Comparison, ...]
    fitted: tuple[str, ...]  #: parameters, `machine: key`, chosen so that a table comes out
    missing: tuple[str, ...]  #: published figures of designs that did not race

    @property
    def median_error(self) -> float:
        """The median of the absolute relative errors."""
        return float(median(abs(each.error) for each in self.comparisons))

    @property
    def worst_error(self) -> float:
        """The largest absolute relative error."""
        return max(abs(each.error) for each in self.comparisons)


def figure(run: RunData, metric: str) -> float:
    """A figure of a run by the name that `[[published]]` uses. Units: ns, or per second."""
    group, _, name = metric.partition(".")
    if metric == "requests_per_s":
        return float(run["throughput"]["requests_per_s"])
    if group == "stages":
        return float(run["stages_ns"][name])
    if group == "costs":  # a cost that was never charged is not listed
        charged = run["costs"].get(name, {"total_ps": 0})
        requests: int = max(run["requests"], 1)
        return float(charged["total_ps"]) / 1000 / requests
    return float(run["latency_ns"][metric])


def score(results: Iterable[Result]) -> Score | None:
    """Holds results against what their scenarios say was published; None if they say nothing."""
    results = list(results)
    comparisons = tuple(each for result in results for each in _comparisons(result))
    if not comparisons:
        return None
    fitted = dict.fromkeys(key for result in results for key in _fitted(result))
    missing = tuple(
        f"{row['row']} ({row['design']})"
        for result in results
        for row in _published(result)
        if row["design"] not in _runs(result)
    )
    return Score(comparisons, tuple(fitted), missing)


def _published(result: Result) -> list[dict[str, Any]]:
    return result.data.get("published") or []


def _runs(result: Result) -> dict[str, RunData]:
    return {run["design"]: run for run in result.runs}


def _comparisons(result: Result) -> Iterator[Comparison]:
    runs = _runs(result)
    for row in _published(result):
        if row["design"] in runs:
            yield Comparison(
                scenario=str(result.data["scenario"]),
                row=row["row"],
                design=row["design"],
                published=row["value"],
                simulated=sum(figure(runs[row["design"]], each) for each in row["metrics"]),
                unit=row["unit"],
                source=row["source"],
            )


def _fitted(result: Result) -> Iterator[str]:
    for source in result.data.get("sources") or []:
        if source.get("fitted"):
            yield f"{result.data['machine']}: {source['key']}"
