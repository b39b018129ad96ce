# SPDX-License-Identifier: Apache-2.0
"""Which design wins, by how much and why, in sentences that the data carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iodrome import quantities
from iodrome.metrics import METRIC, STAGES, TIE, Metric, RunData, total
from iodrome.result import Result

_JUDGED = ("p50", "p99", "requests_per_s", "cpu")
_TITLES = {
    "p50": "Median latency",
    "p99": "99th percentile",
    "requests_per_s": "Requests per second",
    "cpu": "CPU time per request",
}


@dataclass(frozen=True)
class Finding:
    """The best design by one metric. `design` is None when the leaders cannot be told apart."""

    title: str
    design: str | None
    value: str
    against: str


def findings(result: Result) -> list[Finding]:
    """One finding per judged metric that every run has."""
    found = []
    for key in _JUDGED:
        metric = METRIC[key]
        read = {run.design: metric.read(run) for run in result.runs}
        values = {name: value for name, value in read.items() if value is not None}
        if values and len(values) == len(read):
            found.append(_judge(_TITLES[key], metric, values, result.designs[0]))
    return found


def _judge(title: str, metric: Metric, values: Mapping[str, float], baseline: str) -> Finding:
    ranked = sorted(values, key=lambda name: values[name], reverse=metric.better == "more")
    best = ranked[0]
    level = [name for name in ranked if _equal(values[name], values[best])]
    value = metric.text(values[best])
    if len(values) == 1:
        return Finding(title, best, value, "")
    if len(level) == len(ranked):
        return Finding(title, None, value, "all designs within 1 %")
    if len(level) > 1:
        return Finding(title, None, value, f"{_names(level)} within 1 %")
    other = baseline if best != baseline else ranked[1]
    return Finding(title, best, value, f"{_factor(values[best], values[other], metric)} {other}")


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= TIE * max(abs(a), abs(b))


def _factor(best: float, other: float, metric: Metric) -> str:
    low, high = sorted((best, other))
    if low <= 0:
        return "against " + metric.text(other) + " of"
    ratio = high / low
    words = {"less": "lower than", "more": "higher than"}[metric.better]
    if ratio >= 1.995:
        return f"{quantities.three_digits(ratio)}× {words}"
    percent = (1 - low / high if metric.better == "less" else ratio - 1) * 100
    return f"{percent:.1f} % {words}"


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def headline(result: Result) -> str:
    """One sentence: the winner by the 99th percentile, or the figure of a lone design."""
    runs = result.runs
    if len(runs) == 1:
        p99 = METRIC["p99"].read(runs[0])
        tail = "" if p99 is None else f": p99 latency {quantities.duration(p99)}"
        return f"{runs[0]['design']} alone{tail}"
    best = next((f for f in findings(result) if f.title == _TITLES["p99"]), None)
    if best is None:
        return f"{_names(result.designs)} raced"
    if best.design is None:
        return f"No winner by p99 latency: {best.against}, at {best.value}"
    return f"{best.design} has the lowest p99 latency: {best.value}, {best.against}"


def reason(result: Result) -> str:
    """The stages that make the difference between the fastest mean and the first design."""
    runs = [run for run in result.runs if run.get("stages_ns") and "mean" in run["latency_ns"]]
    if len(runs) < 2 or runs[0] is not result.runs[0]:
        return ""
    base = runs[0]
    best = min(runs, key=_mean)
    if best is base:
        best = min(runs[1:], key=_mean)
    if _equal(_mean(best), _mean(base)):
        return ""
    gaps = {
        stage: best["stages_ns"].get(stage, 0) - base["stages_ns"].get(stage, 0) for stage in STAGES
    }
    largest = sorted(gaps, key=lambda stage: -abs(gaps[stage]))[:3]
    parts = [f"{stage} {signed(gaps[stage])}" for stage in largest if gaps[stage]]
    return (
        f"Mean latency of {best['design']} against {base['design']}: "
        f"{signed(_mean(best) - _mean(base))} per request; most of it {', '.join(parts)}."
    )


def _mean(run: RunData) -> float:
    mean: float = run["latency_ns"]["mean"]
    return mean


def signed(ns: float) -> str:
    """A difference of durations with its sign."""
    return ("+" if ns > 0 else "−" if ns < 0 else "") + quantities.duration(abs(ns))


def cautions(result: Result) -> list[str]:
    """What a reader must know before believing the verdict."""
    notes = [str(text) for text in result.data.get("warnings", [])]
    runs = result.runs
    for run in runs:
        errors = total(run.get("errors"))
        if errors:
            notes.append(f"{run['design']}: {errors:,} of {run['requests']:,} requests failed")
        notes += [f"{run['design']}: {note}" for note in run.get("notes", [])]
    if len({run["requests"] for run in runs}) > 1:
        notes.append("The designs finished different numbers of requests: compare with care")
    return notes
