# SPDX-License-Identifier: Apache-2.0
"""A race as fio's JSON+: what tools around fio read."""

from __future__ import annotations

import json
from math import sqrt
from typing import Any

from iodrome.latency import Latency
from iodrome.result import Result, Run

_PERCENTILES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99)
_DEPTHS = ("1", "2", "4", "8", "16", "32", ">=64")
_BATCHES = ("0", "4", "8", "16", "32", "64", ">=64")
_NS = (2, 4, 10, 20, 50, 100, 250, 500, 750, 1000)
_MS = (*_NS, 2000)
_SUB_BITS = 6  # fio's stat.h: FIO_IO_U_PLAT_BITS
NOT_KNOWN = ("iodepth_level", "iodepth_submit", "iodepth_complete", "bw_*", "iops_*", "majf",
             "minf")  # fmt: skip


def render(result: Result, command: str | None = None) -> str:
    """The object as text, indented as fio's."""
    return json.dumps(document(result, command), indent=2) + "\n"


def document(result: Result, command: str | None = None) -> dict[str, Any]:
    """The whole object. The stamps are 0: a result does not know when it was made."""
    return {
        "fio version": "fio-3.33",
        "timestamp": 0,
        "timestamp_ms": 0,
        "time": "",
        "jobs": [job(result, run) for run in result.runs],
        "sim": {
            "scenario": result.data.get("scenario"),
            "machine": result.data.get("machine"),
            "seed": result.data.get("seed"),
            "command": command or "",
            "clat_ns": "from the intended arrival, as lat_ns",
            "not_known": list(NOT_KNOWN),
        },
    }


def options(result: Result) -> dict[str, str]:
    """fio's options, as strings; of several jobs those of the first."""
    workload = result.data.get("workload") or {}
    jobs = workload.get("jobs") or []
    first = jobs[0] if jobs else {}
    return {
        "name": str(first.get("name", workload.get("kind", "job"))),
        "rw": str(first.get("rw", "read")),
        "bs": str(first.get("bs", "0")),
        "iodepth": str(first.get("iodepth", workload.get("connections", "1"))),
        "numjobs": str(len(jobs) or 1),
    }


def job(result: Result, run: Run) -> dict[str, Any]:
    """One design as a job of fio. Units: fio's, as the keys name them."""
    seconds = run["simulated_ns"] / 1e9
    times = run["cpu_ns"]
    system = sum(time for name, time in times.items() if name not in ("user", "idle"))
    share = 100 / run["simulated_ns"] if run["simulated_ns"] else 0.0
    shares = _shares(run.latency)
    return {
        "jobname": run.design,
        "groupid": 0,
        "error": 0,
        "eta": 0,
        "elapsed": max(1, round(seconds)),
        "job options": {**options(result), "ioengine": run.design},
        **_directions(options(result)["rw"], _direction(run, seconds)),
        "trim": _nothing(),
        "sync": {"total_ios": 0, "lat_ns": _times(None)},
        "job_runtime": round(seconds * 1000),
        "usr_cpu": times.get("user", 0.0) * share,
        "sys_cpu": system * share,
        "ctx": run["counters"]["context_switches"],
        "majf": 0,
        "minf": 0,
        "iodepth_level": dict.fromkeys(_DEPTHS, 0.0),
        "iodepth_submit": dict.fromkeys(_BATCHES, 0.0),
        "iodepth_complete": dict.fromkeys(_BATCHES, 0.0),
        **shares,
        "latency_depth": 0,
        "latency_target": 0,
        "latency_percentile": 100.0,
        "latency_window": 0,
        "sim": {
            "errors": run["errors"],
            "fingerprint": run["fingerprint"],
            "stages_ns": run["stages_ns"],
            "cpu_ns": times,
            "counters": run["counters"],
        },
    }


def _directions(rw: str, moved: dict[str, Any]) -> dict[str, Any]:
    """Where fio has the figures: of a job that reads and writes under "mixed", as with
    unified_rw_reporting, since a result does not keep the two apart."""
    if rw in ("rw", "randrw"):
        return {"mixed": moved, "read": _nothing(), "write": _nothing()}
    if rw in ("write", "randwrite"):
        return {"read": _nothing(), "write": moved}
    return {"read": moved, "write": _nothing()}


def _direction(run: Run, seconds: float) -> dict[str, Any]:
    moved, ios = run["bytes"], run["requests"]
    per_second = moved / seconds if seconds else 0.0
    rate = ios / seconds if seconds else 0.0
    return {
        "io_bytes": moved,
        "io_kbytes": moved // 1024,
        "bw_bytes": round(per_second),
        "bw": round(per_second / 1024),
        "iops": rate,
        "runtime": round(seconds * 1000),
        "total_ios": ios,
        "short_ios": 0,
        "drop_ios": 0,
        "slat_ns": _times(None),
        "clat_ns": _times(run.latency, with_bins=True),
        "lat_ns": _times(run.latency, with_bins=True),
        **_spread("bw", round(per_second / 1024), agg=True),
        **_spread("iops", rate, agg=False),
    }


def _spread(name: str, mean: float, agg: bool) -> dict[str, Any]:
    deviation = "bw_dev" if name == "bw" else "iops_stddev"
    found: dict[str, Any] = {f"{name}_min": 0, f"{name}_max": 0}
    if agg:
        found[f"{name}_agg"] = 100.0
    return {**found, f"{name}_mean": float(mean), deviation: 0.0, f"{name}_samples": 0}


def _nothing() -> dict[str, Any]:
    numbers = ("io_bytes", "io_kbytes", "bw_bytes", "bw")
    counts = ("runtime", "total_ios", "short_ios", "drop_ios")
    return {
        **dict.fromkeys(numbers, 0),
        "iops": 0.0,
        **dict.fromkeys(counts, 0),
        **{f"{kind}_ns": _times(None) for kind in ("slat", "clat", "lat")},
        **_spread("bw", 0, agg=False),
        "bw_agg": 0.0,
        **_spread("iops", 0, agg=False),
    }


def _times(latency: Latency | None, with_bins: bool = False) -> dict[str, Any]:
    if latency is None or latency.count == 0:
        return {"min": 0, "max": 0, "mean": 0.0, "stddev": 0.0, "N": 0}
    found: dict[str, Any] = {
        "min": round(latency.bins[0][0]),
        "max": round(latency.max),
        "mean": latency.mean,
        "stddev": deviation(latency),
        "N": latency.count,
        "percentile": {
            f"{rank:.6f}": round(latency.quantile(rank / 100)) for rank in _PERCENTILES
        },
    }
    if with_bins:
        found["bins"] = {str(middle): count for middle, count in fio_bins(latency).items()}
    return found


def deviation(latency: Latency) -> float:
    """Standard deviation by the histogram's bins; 0 where it holds nothing."""
    if not latency.count:
        return 0.0
    squares = sum(count * (value - latency.mean) ** 2 for value, count in latency.bins)
    return sqrt(squares / latency.count)


def fio_bins(latency: Latency) -> dict[int, int]:
    """Requests by the midpoint of fio's bin, in ns.

    Source: fio 3.33 stat.c, plat_val_to_idx() and plat_idx_to_val().
    """
    found: dict[int, int] = {}
    for value, count in latency.bins:
        middle = _middle(int(value))
        found[middle] = found.get(middle, 0) + count
    return found


def _middle(ns: int) -> int:
    shift = max(0, ns.bit_length() - 1 - _SUB_BITS)
    if shift == 0:
        return ns
    return (ns >> shift << shift) + (1 << shift) // 2


def _shares(latency: Latency) -> dict[str, dict[str, float]]:
    """Percent of the requests by fio's decades; each key is the upper end of its range."""
    ns = dict.fromkeys(map(str, _NS), 0.0)
    us = dict.fromkeys(map(str, _NS), 0.0)
    ms = {**dict.fromkeys(map(str, _MS), 0.0), ">=2000": 0.0}
    for value, count in latency.bins:
        share = 100 * count / latency.count
        if value <= 1000:
            _place(ns, _NS, value, share)
        elif value <= 1_000_000:
            _place(us, _NS, value / 1000, share)
        else:
            _place(ms, _MS, value / 1_000_000, share)
    return {"latency_ns": ns, "latency_us": us, "latency_ms": ms}


def _place(shares: dict[str, float], ends: tuple[int, ...], value: float, share: float) -> None:
    key = next((str(end) for end in ends if value <= end), ">=2000")
    shares[key] += share
