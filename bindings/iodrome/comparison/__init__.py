# SPDX-License-Identifier: Apache-2.0
"""Two results side by side: what changed, how sure that is, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from iodrome.comparison import intervals
from iodrome.comparison.intervals import Blocks, Interval
from iodrome.metrics import METRICS, STAGES, TIE, Metric
from iodrome.result import Result, Run

_SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True)
class Change:
    """One metric of one pair of runs. `why_no_interval` is empty where there is an interval."""

    metric: Metric
    old: float
    new: float
    interval: Interval | None
    why_no_interval: str
    identical: bool = False

    @property
    def relative(self) -> float | None:
        """New against old, 0.05 for five percent more; None from zero."""
        return (self.new - self.old) / self.old if self.old else None

    @property
    def verdict(self) -> str:
        """identical, faster, slower, no difference, or cannot tell."""
        if self.identical:
            return "identical"
        small = TIE * max(abs(self.old), abs(self.new))
        if self.interval is None:
            return "no difference" if abs(self.new - self.old) <= small else "cannot tell"
        if self.interval.low <= 0 <= self.interval.high:
            within = -small <= self.interval.low and self.interval.high <= small
            return "no difference" if within else "cannot tell"
        if abs(self.new - self.old) <= small:
            return "no difference"
        return "faster" if (self.new > self.old) == (self.metric.better == "more") else "slower"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data. Units: the metric's, as docs/result.md has them."""
        interval = self.interval and {
            "low": self.interval.low,
            "high": self.interval.high,
            "level": intervals.LEVEL,
            "source": self.interval.source,
        }
        return {
            "metric": self.metric.key,
            "old": self.old,
            "new": self.new,
            "relative_change": self.relative,
            "interval": interval,
            "why_no_interval": self.why_no_interval or None,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Moved:
    """The stage that moved most. Units: ns per request; `share` of the mean's change, None where
    the mean did not change."""

    stage: str
    change: float
    share: float | None


@dataclass(frozen=True)
class Pair:
    """A run and the run it is compared with."""

    old: Run
    new: Run
    identical: bool
    paired: bool
    changes: Sequence[Change]
    moved: Moved | None
    cautions: Sequence[str]

    @property
    def title(self) -> str:
        """The design, or both with an arrow where they differ."""
        names = (self.old.design, self.new.design)
        return names[0] if names[0] == names[1] else " → ".join(names)

    @property
    def cpu_shares(self) -> dict[str, tuple[float, float]]:
        """Share of each class in the time of all CPUs, old and new; empty where neither tells."""
        times = [run.get("cpu_ns") or {} for run in (self.old, self.new)]
        totals = [sum(each.values()) for each in times]
        if not all(totals):
            return {}
        return {
            name: (times[0].get(name, 0) / totals[0], times[1].get(name, 0) / totals[1])
            for name in dict.fromkeys([*times[0], *times[1]])
        }

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data. Units: stages in ns per request."""
        moved = self.moved and {
            "stage": self.moved.stage,
            "change_ns": self.moved.change,
            "share_of_mean_change": self.moved.share,
        }
        return {
            "old": self.old.design,
            "new": self.new.design,
            "identical": self.identical,
            "paired": self.paired,
            "metrics": [change.to_dict() for change in self.changes],
            "moved_most": moved,
            "cpu_shares": {name: list(both) for name, both in self.cpu_shares.items()},
            "cautions": list(self.cautions),
        }


class Comparison:
    """What compare() returns. It shows itself as a table."""

    def __init__(self, old: Result, new: Result) -> None:
        """Errors: ValueError if the results have no design to compare."""
        self.old = old
        self.new = new
        self.cautions = _differences(old, new)
        self.parameters = _changed_parameters(old, new)
        # Block k holds the same requests in both runs only if all of this is the same.
        self._same_requests = not self.cautions
        self.pairs = [self._pair(*runs) for runs in _matching(old, new)]
        self.cautions += _left_out(old, new, self.pairs)

    def _pair(self, old: Run, new: Run) -> Pair:
        same = "fingerprint" in old and old.get("fingerprint") == new.get("fingerprint")
        if same:
            changes = [Change(*known, None, "", True) for known in _known(old, new)]
            return Pair(old, new, True, False, changes, None, [])
        blocks = (Blocks.of(old), Blocks.of(new))
        difference, notes = _mean_interval(blocks, self._same_requests)
        changes = []
        for metric, before, after in _known(old, new):
            interval, why = _interval_of(metric, old, new, blocks, difference)
            changes.append(Change(metric, before, after, interval, why))
        paired = difference is not None and difference.paired
        return Pair(old, new, False, paired, changes, moved_most(old, new), notes)

    def to_dict(self) -> dict[str, Any]:
        """Everything the table shows; latencies in ns, changes as fractions."""
        return {
            "old": _identity(self.old),
            "new": _identity(self.new),
            "cautions": list(self.cautions),
            "parameters": [
                {"key": key, "old": before, "new": after} for key, before, after in self.parameters
            ],
            "designs": [pair.to_dict() for pair in self.pairs],
        }

    def to_markdown(self) -> str:
        """A table per design, for a pull request."""
        from iodrome.comparison import views

        return views.markdown(self)

    def __repr__(self) -> str:
        from iodrome.comparison import views

        return views.text(self)

    def _repr_html_(self) -> str:
        from iodrome.comparison import views

        return views.html(self)


def compare(old: Result | str | PathLike[str], new: Result | str | PathLike[str]) -> Comparison:
    """Compares two results, or files that `Result.save()` wrote: every design that is in both, or
    the two designs where each result has one.

    Errors: OSError; ValueError if a file holds no result or there is no design to compare.
    """
    sides = [side if isinstance(side, Result) else Result.load(side) for side in (old, new)]
    return Comparison(*sides)


def moved_most(old: Mapping[str, Any], new: Mapping[str, Any]) -> Moved | None:
    """The stage whose time per request changed most; None where no stage did."""
    per_request = [stages_ns(run) for run in (old, new)]
    gaps = {stage: per_request[1][stage] - per_request[0][stage] for stage in STAGES}
    stage = max(STAGES, key=lambda name: abs(gaps[name]))
    if not gaps[stage]:
        return None
    mean = sum(gaps.values())
    return Moved(stage, gaps[stage], gaps[stage] / mean if mean else None)


def stages_ns(run: Mapping[str, Any]) -> dict[str, float]:
    """Time of each stage per request; 0 where the run does not name it."""
    stages = run.get("stages_ns") or {}
    return {stage: float(stages.get(stage, 0)) for stage in STAGES}


def _known(old: Run, new: Run) -> list[tuple[Metric, float, float]]:
    values = [(metric, metric.read(old), metric.read(new)) for metric in METRICS]
    return [(metric, a, b) for metric, a, b in values if a is not None and b is not None]


def _mean_interval(
    blocks: tuple[Blocks | None, Blocks | None], same_requests: bool
) -> tuple[Interval | None, list[str]]:
    """The interval of the mean's change, paired where that is honest; and what to say of it."""
    old, new = blocks
    if old is None or new is None:
        return None, []
    pairs = intervals.matched(old, new) if same_requests else None
    notes = ["the runs ended different requests: not paired"] if same_requests and not pairs else []
    if pairs:
        difference = intervals.paired_differences(*pairs)
        estimates = [difference] if difference else []
        interval = intervals.paired_interval(difference) if difference else None
    else:
        sides = [intervals.estimate(side.batches()) for side in (old, new)]
        estimates = [side for side in sides if side]
        interval = intervals.unpaired_interval(*estimates) if len(estimates) == 2 else None
    if not all(each.steady for each in estimates):
        notes.append("neighbouring batches are alike: the mean's interval is widened for it")
    return interval, notes


def _interval_of(
    metric: Metric,
    old: Run,
    new: Run,
    blocks: tuple[Blocks | None, Blocks | None],
    mean: Interval | None,
) -> tuple[Interval | None, str]:
    """(interval, why there is none)."""
    if metric.key == "mean":
        return mean, "" if mean else "too few independent requests"
    share = _SHARES.get(metric.key)
    if share is None:
        return None, "one figure per run"
    interval = intervals.percentile_interval(old.latency, new.latency, share, blocks)
    return interval, "" if interval else "too few independent requests"


def _matching(old: Result, new: Result) -> list[tuple[Run, Run]]:
    common = [design for design in old.designs if design in new.designs]
    if common:
        return [(old.runs[design], new.runs[design]) for design in common]
    if len(old.runs) == len(new.runs) == 1:
        return [(old.runs[0], new.runs[0])]
    raise ValueError(
        f"the results have no design in common: {', '.join(old.designs)}; {', '.join(new.designs)}"
    )


def _differences(old: Result, new: Result) -> list[str]:
    """What keeps block k from holding the same requests under the same conditions."""
    notes = []
    for key, name in (("scenario", "scenarios"), ("machine", "machines"), ("seed", "seeds")):
        before, after = old.data.get(key), new.data.get(key)
        if before != after:
            notes.append(f"different {name} ({before}, {after}): not paired")
    facts = [result.data.get("workload") or {} for result in (old, new)]
    keys = [key for key in {**facts[0], **facts[1]} if facts[0].get(key) != facts[1].get(key)]
    if keys:
        notes.append(f"different workloads ({', '.join(keys)}): not paired")
    return notes


def _changed_parameters(old: Result, new: Result) -> list[tuple[str, str, str]]:
    """(key, old, new) of parameters that both results name and that differ."""
    before, after = (
        {source["key"]: f"{source['value']} {source['unit']}".strip() for source in sources}
        for sources in (old.data.get("sources", []), new.data.get("sources", []))
    )
    both = [key for key in before if key in after]
    return [(key, before[key], after[key]) for key in both if before[key] != after[key]]


def _left_out(old: Result, new: Result, pairs: Sequence[Pair]) -> list[str]:
    notes = []
    for name, result, seen in (
        ("old", old, [pair.old.design for pair in pairs]),
        ("new", new, [pair.new.design for pair in pairs]),
    ):
        alone = [design for design in result.designs if design not in seen]
        if alone:
            notes.append(f"only in the {name} result, not compared: {', '.join(alone)}")
    return notes


def _identity(result: Result) -> dict[str, Any]:
    return {key: result.data.get(key) for key in ("scenario", "machine", "seed")}
