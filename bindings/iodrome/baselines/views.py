# SPDX-License-Identifier: Apache-2.0
"""What a check found, as text, Markdown and JUnit XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml
from collections.abc import Sequence

from iodrome import quantities
from iodrome.baselines import figures
from iodrome.baselines.check import Check, CostChange, Difference, RunCheck
from iodrome.verdict import signed

SHOWN = 10  # differences of a run; one cost moves most of its figures
SUMMARY_BYTES = 900_000  # GitHub drops a step's summary above 1 MiB
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(checks: Sequence[Check]) -> str:
    """All that failed, then one line that counts."""
    return "\n\n".join([*filter(None, map(failure, checks)), summary(checks)]) + "\n"


def summary(checks: Sequence[Check]) -> str:
    """The notes, then one line that counts what was checked."""
    runs = sum(len(check.runs) for check in checks)
    bad = [check.name for check in checks if not check.ok]
    lines = [f"{check.name}: {note}" for check in checks for note in check.notes]
    count = f"{_many(len(checks), 'baseline')}, {_many(runs, 'run')}"
    lines.append(f"{count}: {'not as recorded: ' + ', '.join(bad) if bad else 'all as recorded'}")
    return "\n".join(lines)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def failure(check: Check) -> str:
    """What is wrong with one baseline; empty if nothing is."""
    parts = []
    if check.conditions:
        changed = "\n".join(f"  {line}" for line in check.conditions)
        parts.append(f"{check.name}: this is another experiment than the recorded one\n{changed}")
    parts += [_run_text(check.name, run) for run in check.failed]
    return "\n\n".join(parts)


def _run_text(name: str, run: RunCheck) -> str:
    rows = [_row(difference) for difference in run.differences[:SHOWN]]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [f"{name}: {run.design}: {_count(run)}"]
    for metric, old, new, change in rows:
        lines.append(
            f"  {metric:{widths[0]}}  {old:>{widths[1]}} → {new:>{widths[2]}}  "
            f"{change:>{widths[3]}}"
        )
    more = len(run.differences) - SHOWN
    if more > 0:
        lines.append(f"  and {more} more")
    return "\n".join(lines + [f"  {key}: {value}" for key, value in _causes(run)])


def _count(run: RunCheck) -> str:
    return f"{len(run.differences)} of {run.figures} figures differ"


def _row(difference: Difference) -> tuple[str, str, str, str]:
    old, new = figures.texts(difference.name, difference.old, difference.new)
    relative = difference.relative
    return difference.name, old, new, "from 0" if relative is None else quantities.percent(relative)


def _causes(run: RunCheck) -> list[tuple[str, str]]:
    lines = []
    if run.moved:
        share = run.moved.share
        part = "" if share is None else f", {share * 100:.0f} % of the mean's change"
        moved = f"{run.moved.stage} {signed(run.moved.change)} per request{part}"
        lines.append(("stage that moved most", moved))
    else:
        lines.append(("stage that moved most", "none did"))
    if run.cost:
        lines.append(("cost", _cost(run.cost)))
    commands = (("again", run.replay), ("accept", run.accept))
    return lines + [(key, value) for key, value in commands if value]


def _cost(cost: CostChange) -> str:
    old, new = (quantities.duration(float(value) / 1000) for value in (cost.old, cost.new))
    change = f" ({quantities.percent(float(cost.new / cost.old - 1))})" if cost.old else ""
    others = f"; {cost.others} more changed too, by less in all" if cost.others else ""
    return f"{cost.name} {old} → {new} per use{change}, used {cost.uses:,} times{others}"


def markdown(checks: Sequence[Check]) -> str:
    """The failures as tables, short enough for a summary page."""
    good = all(check.ok for check in checks)
    parts = [f"### {'✅' if good else '❌'} iodrome baselines\n\n{_cell(summary(checks))}\n"]
    size, left_out = 0, 0
    for check in checks:
        section = _section(check)
        size += len(section.encode())
        if size > SUMMARY_BYTES:
            left_out += not check.ok
        elif section:
            parts.append(section)
    if left_out:
        parts.append(f"{left_out} more failed baselines are left out here.\n")
    return "\n".join(parts)


def _section(check: Check) -> str:
    lines: list[str] = []
    if check.conditions:
        lines += [f"**{_cell(check.name)}**: another experiment than the recorded one", ""]
        lines += [*(f"- {_cell(line)}" for line in check.conditions), ""]
    for run in check.failed:
        lines += [f"**{_cell(check.name)}**, {_cell(run.design)}: {_count(run)}", ""]
        lines += ["| figure | recorded | now | change |", "|---|---:|---:|---:|"]
        for difference in run.differences[:SHOWN]:
            lines.append("| " + " | ".join(map(_cell, _row(difference))) + " |")
        more = len(run.differences) - SHOWN
        lines += ["", *([f"and {more} more", ""] if more > 0 else [])]
        for key, value in _causes(run):
            shown = f"`{value}`" if key in ("again", "accept") else _cell(value)
            lines.append(f"- {key}: {shown}")
        lines.append("")
    return "\n".join(lines)


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", "  \n")


def junit(checks: Sequence[Check]) -> str:
    """A test suite with a case per baseline and design."""
    suite = xml.Element("testsuite", name="iodrome baselines")
    failures = cases = 0
    for check in checks:
        others = [("conditions", "\n".join(check.conditions))] if check.conditions else []
        runs = [(run.design, _run_text(check.name, run) if run.differences else "")
                for run in check.runs]  # fmt: skip
        for name, problem in [*others, *runs]:
            cases += 1
            case = xml.SubElement(suite, "testcase", classname=_xml(check.name), name=_xml(name))
            if problem:
                failures += 1
                message = _xml(problem.splitlines()[0])
                xml.SubElement(case, "failure", message=message).text = _xml(problem)
    suite.set("tests", str(cases))
    suite.set("failures", str(failures))
    top = xml.Element("testsuites")
    top.append(suite)
    xml.indent(top)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + xml.tostring(top, "unicode") + "\n"


def _xml(value: str) -> str:
    return _NOT_XML.sub("?", value)
