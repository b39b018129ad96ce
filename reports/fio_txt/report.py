# SPDX-License-Identifier: Apache-2.0
"""A race as the text that fio prints."""

from __future__ import annotations

from typing import Any

from iodrome.reports.fio_json import report as fio
from iodrome.result import Result

_UNITS = ((1, "nsec", ""), (1000, "usec", ""), (1_000_000, "msec", ""))


def render(result: Result, command: str | None = None) -> str:
    """A block per design, as fio prints one per job."""
    document = fio.document(result, command)
    sim = document["sim"]
    head = f"{sim['scenario']} on {sim['machine']}, seed {sim['seed']} (simulated by Iodrome)\n"
    return "\n".join([head, *(_job(job) for job in document["jobs"])])


def _job(job: dict[str, Any]) -> str:
    way = "mixed" if "mixed" in job else "write" if job["write"]["total_ios"] else "read"
    moved, lat = job[way], job[way]["lat_ns"]
    per_second, iops = moved["bw_bytes"], moved["iops"]
    lines = [f"{job['jobname']}: (groupid=0, jobs={job['job options']['numjobs']}): err= 0:"]
    lines.append(
        f"  {way}: IOPS={_short(iops)}, BW={_binary(per_second)}/s ({_decimal(per_second)}/s)"
        f"({_binary(moved['io_bytes'])}/{moved['runtime']}msec)"
    )
    if lat["N"]:
        scale, unit = _unit(lat["mean"])
        figures = [f"{lat[key] / scale:.2f}" for key in ("min", "max", "mean", "stddev")]
        lines.append(
            "     lat ({}): min={}, max={}, avg={}, stdev={}".format(unit, *figures)
        )
        lines += _percentiles(lat["percentile"], scale, unit)
    for name, key in (("nsec", "latency_ns"), ("usec", "latency_us"), ("msec", "latency_ms")):
        shares = [f"{end}={share:.2f}%" for end, share in job[key].items() if share]
        if shares:
            lines.append(f"  lat ({name})   : {', '.join(shares)}")
    lines.append(
        f"  cpu          : usr={job['usr_cpu']:.2f}%, sys={job['sys_cpu']:.2f}%, ctx={job['ctx']}"
    )
    issued = f"0,{moved['total_ios']}" if way == "write" else f"{moved['total_ios']},0"
    lines.append(f"     issued rwts: total={issued},0,0 errors={job['sim']['errors']}")
    return "\n".join(lines) + "\n"


def _percentiles(ranks: dict[str, int], scale: int, unit: str) -> list[str]:
    cells = [f"{float(rank):5.2f}th=[{value / scale:9.2f}]" for rank, value in ranks.items()]
    rows = [", ".join(cells[start : start + 4]) for start in range(0, len(cells), 4)]
    return [f"    lat percentiles ({unit}):", *(f"     | {row}" for row in rows)]


def _unit(ns: float) -> tuple[int, str]:
    """fio's own rule: the largest unit in which the mean is not below 10."""
    for scale, name, _ in reversed(_UNITS):
        if ns >= 10 * scale:
            return scale, name
    return 1, "nsec"


def _scaled(value: float, step: int, names: tuple[str, ...]) -> str:
    for name in names[:-1]:
        if value < step:
            return f"{value:.4g}{name}"
        value /= step
    return f"{value:.4g}{names[-1]}"


def _short(value: float) -> str:
    return _scaled(value, 1000, ("", "k", "M"))


def _binary(value: float) -> str:
    return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def _decimal(value: float) -> str:
    return _scaled(value, 1000, ("B", "kB", "MB", "GB", "TB"))
