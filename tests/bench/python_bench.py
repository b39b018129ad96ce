# SPDX-License-Identifier: Apache-2.0
"""Simulated I/Os per second of CPU time for an application written in Python, and two workers
against one. Prints lines; `--json FILE` writes them too."""

import json
import sys
import tempfile
import time

import iodrome as io

IOS = 400_000
CLIENTS = 16


def application(client):
    fd = yield io.open("/data")
    for turn in range(IOS // CLIENTS):
        yield io.read(fd, 4096, turn * 7919 % 262144 * 4096, direct=True)


def ios_per_second(design: str) -> float:
    workload = io.workload(
        application, files={"/data": "1 GiB"}, clients=CLIENTS, check_bytes=False
    )
    start = time.process_time()
    result = io.run(workload, [design], set={"cpu.count": 1}, keep_requests=False)
    return result.runs[0]["requests"] / (time.process_time() - start)


def two_workers() -> float:
    """How much sooner a sweep ends with two processes than with one, by the wall clock."""
    jobs = io.fio_job("a", rw="randread", bs="4k", size="64g", number_ios=400_000, iodepth=32,
                      direct=1, norandommap=1)  # fmt: skip
    took = []
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as store:
            start = time.perf_counter()
            io.sweep(jobs, {"cpu.count": "1,2"}, designs=["io_uring"], reps=10, jobs=workers,
                     store=store)  # fmt: skip
            took.append(time.perf_counter() - start)
    return took[0] / took[1]


def main() -> None:
    figures = {
        f"python_workload/{design.name}": ios_per_second(design.name) for design in io.designs()
    }
    for name, rate in figures.items():
        print(f"{name:40} {rate / 1000:8.1f} k I/Os per CPU second")
    figures["sweep/two_workers"] = two_workers()
    print(f"{'sweep/two_workers':40} {figures['sweep/two_workers']:8.2f} times one worker")
    if sys.argv[1:2] == ["--json"]:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
