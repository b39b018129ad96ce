# SPDX-License-Identifier: Apache-2.0
"""The fixture `iodrome_baseline`: a test that fails when a race no longer gives what it gave.

    def test_the_tail_stays(iodrome_baseline):
        iodrome_baseline.check("scenarios/web.toml", tolerance={"latency.p99": "2%"})

`pytest --iodrome-record` writes the baselines, beside the test in `baselines/`.
"""

from __future__ import annotations

import os
import re
import shlex
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from iodrome.baselines.tolerance import Tolerance
    from iodrome.builders import InputText
    from iodrome.result import Result


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--iodrome-record` to pytest's options."""
    parser.getgroup("iodrome").addoption(
        "--iodrome-record",
        action="store_true",
        help="write the baselines of the fixture iodrome_baseline instead of checking them",
    )


@pytest.fixture
def iodrome_baseline(request: pytest.FixtureRequest) -> IodromeBaseline:
    """Checks results against the baselines beside the test."""
    return IodromeBaseline(request)


class IodromeBaseline:
    """What the fixture gives."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        node = request.node
        self._record = bool(request.config.getoption("--iodrome-record"))
        self._test = str(node.nodeid)
        plain = re.sub(r"[^\w.=-]+", "-", f"{node.path.stem}.{node.name}").strip("-")
        exact = f"{node.path.stem}.{node.name}"
        # Names that differ only in what a file's name cannot hold stay apart.
        mark = "" if plain == exact else f"-{zlib.crc32(exact.encode()):08x}"
        self._default = plain + mark
        self.folder: Path = node.path.parent / "baselines"
        self._seen: set[str] = set()

    def check(
        self,
        race: Result | InputText | str | os.PathLike[str],
        name: str | None = None,
        tolerance: str | Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Fails the test unless the race gives what `baselines/<name>.toml` says.

        `race`: a result, or an input that is run here with `options` as iodrome.run() takes them.
        `name`: by default that of the file and the test; a second check in one test needs its own.
        `tolerance`: "2%" for every figure, or a share per figure or pattern; else exact.

        Errors: ValueError for a wrong tolerance or a name used twice; those of iodrome.run().
        """
        from iodrome.baselines.baseline import Baseline, path_of

        name = name or self._default
        if name in self._seen or "/" in name:
            raise ValueError(f"'{name}' is no name for another baseline of this test")
        self._seen.add(name)
        allowed = _tolerance(tolerance)
        result = _result(race, options)
        path = path_of(self.folder, name)
        if self._record:
            kept = Baseline.load(path).tolerance if path.exists() else None
            made = Baseline.of(name, result, None, self._test, kept)
            _refuse_unknown(made.tolerance + allowed, made)
            self.folder.mkdir(exist_ok=True)
            made.save(self.folder)
            return
        again = shlex.join(["pytest", self._test])
        if not path.exists():
            pytest.fail(f"there is no baseline {path}; record it: {again} --iodrome-record", False)
        self._compare(Baseline.load(path), result, allowed, again)

    def _compare(
        self, baseline: Any, result: Result, allowed: Tolerance, again: str
    ) -> None:
        from iodrome.baselines import views
        from iodrome.baselines.check import check

        _refuse_unknown(allowed, baseline)
        replay = dict.fromkeys(baseline.runs, again)
        found = check(baseline, result, allowed, replay, f"{again} --iodrome-record")
        if not found.ok:
            pytest.fail(views.failure(found), pytrace=False)


def _result(race: Result | InputText | str | os.PathLike[str], options: dict[str, Any]) -> Result:
    from iodrome import simulator
    from iodrome.result import Result

    if isinstance(race, Result):
        if options:
            raise TypeError(f"a result has been run already: {', '.join(options)} come too late")
        return race
    return simulator.run(race, **{"keep_requests": False, **options})


def _tolerance(given: str | Mapping[str, str] | None) -> Tolerance:
    from iodrome.baselines.tolerance import Tolerance

    if given is None:
        return Tolerance()
    return Tolerance({"*": given} if isinstance(given, str) else given)


def _refuse_unknown(tolerance: Tolerance, baseline: Any) -> None:
    wrong = tolerance.unknown(
        (design, name) for design, run in baseline.runs.items() for name in run
    )
    if wrong:
        raise ValueError(wrong)
