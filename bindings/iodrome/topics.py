# SPDX-License-Identifier: Apache-2.0
"""Everything that can be listed and explained, by kind; and finding one by its name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from iodrome import catalogue, pages
from iodrome.catalogue import Design, MachineInfo, NotModelled, Parameter, Part, Scenario
from iodrome.core import data_dir
from iodrome.explanation import Explanation
from iodrome.kinds import KINDS, LISTS
from iodrome.metrics import METRICS, Metric
from iodrome.nearest import nearest

_FORMS = {
    "duration": 'a number and a unit, such as "80 ns" or "1.5 us"',
    "bytes": 'a number of bytes, or with a unit: "64 KiB"',
    "rate": 'a number and a unit, such as "3360 MB/s" or "25 Gbit/s"',
    "share": 'a share: "0.6", "60%" or "3/5"',
    "count": "a whole number",
    "flag": "true or false",
    "text": "a name",
}


@dataclass(frozen=True)
class Topic:
    """Something with a name that explains itself when asked."""

    kind: str
    name: str
    summary: str
    tell: Callable[[], Explanation]
    aliases: tuple[str, ...] = ()

    def line(self) -> tuple[str, ...]:
        """The cells of its line in a list: name, summary."""
        return self.name, self.summary


def _simple(kind: str, name: str, summary: str, **sections: str) -> Topic:
    titled = {title.replace("_", " "): text for title, text in sections.items() if text}
    return Topic(kind, name, summary, lambda: Explanation(kind, name, summary, titled))


def _design(design: Design, parameters: list[Parameter]) -> Topic:
    def tell() -> Explanation:
        told = pages.sections(f"model/designs/{design.name}/README.md")
        order = ("What", "Path of one request", "Supported / Rejected / Differs")
        sections = {title: told[title] for title in order if title in told}
        sections["Application threads"] = design.threads
        sections["Sources"] = told.get("Sources", design.source)
        mine = [row for row in parameters if row.key.startswith(design.name + ".")]
        return Explanation(
            "design", design.name, design.summary, sections, design.not_modelled, tuple(mine)
        )

    return Topic("design", design.name, design.summary, tell)


def _machine(machine: MachineInfo) -> Topic:
    def tell() -> Explanation:
        parts = "\n".join(f"{kind}: {part}" for kind, part in machine.parts.items())
        return Explanation(
            "machine", machine.name, machine.summary, {"About": machine.about, "Parts": parts},
            machine.not_modelled, machine.parameters,
        )  # fmt: skip

    return Topic("machine", machine.name, machine.summary, tell)


def _part(part: Part) -> Topic:
    def tell() -> Explanation:
        device = pages.sections(f"hw/{part.folder}/README.md")
        sections = {"About": part.about, "Device": f"{part.folder}: iodrome explain {part.folder}"}
        out = " ".join(device.get("Not modelled", "").split())
        left_out = (NotModelled(out, f"hw/{part.folder}"),) if out else ()
        return Explanation("part", part.name, part.summary, sections, left_out, part.parameters)

    return Topic("part", part.name, part.summary, tell)


def _device(folder: str, parts: list[Part]) -> Topic:
    path = f"hw/{folder}/README.md"
    summary = catalogue.summary_of(pages.sections(path).get("What", ""))

    def tell() -> Explanation:
        told = pages.sections(path)
        order = ("What", "Timing", "Faults", "Not modelled", "Sources")
        sections = {title: told[title] for title in order if title in told}
        sections["Parts"] = "\n".join(catalogue.table(part.line() for part in parts))
        return Explanation("device", folder, summary, sections)

    return Topic("device", folder, pages.plain(summary), tell)


def _scenario(scenario: Scenario) -> Topic:
    def tell() -> Explanation:
        text = (data_dir() / scenario.file).read_text(encoding="utf-8")
        body = text.split("\n\n", 1)[-1] if scenario.name.endswith(".fio") else _without_head(text)
        sections = {"About": scenario.about, "File": scenario.file, "Content": body}
        return Explanation("scenario", scenario.name, scenario.summary, sections)

    return Topic(
        "scenario", scenario.name, scenario.summary, tell, (scenario.name.rpartition(".")[0],)
    )


def _without_head(text: str) -> str:
    tomllib.loads(text)
    return re.sub(r"\A(?:#.*\n)+", "", text).strip()


def _metric(metric: Metric) -> Topic:
    better = {"less": "Less is better.", "more": "More is better."}.get(metric.better, "")
    return _simple("metric", metric.key, metric.help, Column=metric.label, Reading=better)


def _parameter(row: Parameter, machine: str, elsewhere: dict[str, list[Parameter]]) -> Topic:
    def tell() -> Explanation:
        sections = {"How to write it": f"--set {row.key}=VALUE; VALUE is {_FORMS[row.type]}"}
        others = [
            (where, other)
            for where, rows in elsewhere.items()
            for other in rows
            if other.key == row.key and where != machine
        ]
        if machine:
            return Explanation(
                "parameter", row.key, row.help, sections, (), (row,), tuple(others)
            )
        sections["Where it holds"] = "on machines with such a part"
        return Explanation("parameter", row.key, row.help, sections, (), (), tuple(others))

    names = row.key.split(".")
    return Topic(
        "parameter", row.key, row.help, tell,
        tuple(".".join(names[at:]) for at in range(1, len(names))),
    )  # fmt: skip


def _parameters(machine: str) -> Iterator[Topic]:
    here = catalogue.machine(machine or None)
    elsewhere: dict[str, list[Parameter]] = {}
    for other in catalogue.machines():
        elsewhere[other.name] = [
            row for row in other.parameters if row.key.partition(".")[0] not in other.parts
        ]
    for part in catalogue.parts():
        elsewhere[part.name] = list(part.parameters)
    own = {here.name, *here.parts.values()}
    others = {where: rows for where, rows in elsewhere.items() if where not in own}
    listed = catalogue.parameters(machine or None)
    known = {row.key for row in listed}
    yield from (_parameter(row, here.name, others) for row in listed)
    for part in catalogue.parts():
        for row in part.parameters:
            if row.key not in known:
                known.add(row.key)
                yield _parameter(row, "", others)


def _mechanism(place: str, what: str, differs: str = "") -> Topic:
    name = re.split(r", |\.[*a-z]+|/$", place)[0].rstrip("/")
    left_out = (NotModelled(differs, "against Linux"),) if differs else ()

    def tell() -> Explanation:
        return Explanation("mechanism", name, what, {"Place": f"model/kernel/{place}"}, left_out)

    return Topic("mechanism", name, what, tell, (name.rpartition("/")[2],) if "/" in name else ())


def _mechanisms() -> Iterator[Topic]:
    for cells in pages.rows(pages.sections("model/kernel/README.md").get("Map", "")):
        yield _mechanism(*map(pages.plain, cells))


def _fio_options() -> Iterator[Topic]:
    effects = {
        "modelled": "has an effect here, or is read and checked",
        "refused": "an error, since it would change the workload",
        "ignored": "a warning, since it cannot change a simulated result",
    }
    for row in catalogue.data()["fio_options"]:
        subject = f"{row['subject']}: " if row["subject"] else ""
        yield _simple("option", row["name"], subject + effects[row["treatment"]])


def _results() -> Iterator[Topic]:
    told = pages.sections("docs/result.md")
    for where, title in (("the race", "The race"), ("a run", "A run")):
        for key, text in pages.rows(told.get(title, "")):
            for name in re.findall(r"`([^`]+)`", key):
                yield _simple("result", name, pages.plain(text), Where=f"a key of {where}")


def topics_of(kind: str, machine: str = "") -> list[Topic]:
    """Every topic of a kind, in the order of its source. Errors: InputError."""
    parts = catalogue.parts()
    makers: dict[str, Callable[[], Iterator[Topic]]] = {
        "design": lambda: (
            _design(each, catalogue.parameters(machine or None)) for each in catalogue.designs()
        ),
        "machine": lambda: map(_machine, catalogue.machines()),
        "device": lambda: (
            _device(folder, [part for part in parts if part.folder == folder])
            for folder in dict.fromkeys(part.folder for part in parts)
        ),
        "part": lambda: map(_part, parts),
        "scenario": lambda: map(_scenario, catalogue.scenarios()),
        "mechanism": _mechanisms,
        "metric": lambda: map(_metric, METRICS),
        "stage": lambda: _words("stage", "stages", "A request's time adds up over all stages."),
        "cpu_class": lambda: _words("cpu_class", "cpu_classes", "CPU time adds up over all."),
        "counter": lambda: _words("counter", "counters", "While the workload ran."),
        "parameter": lambda: _parameters(machine),
        "option": _fio_options,
        "result": _results,
    }
    return list(makers[kind]())


def listed(which: str, machine: str = "") -> catalogue.Listing[Any]:
    """A list by its name in LISTS. Errors: InputError."""
    if which == "parameters":
        return catalogue.parameters(machine or None)
    rows: dict[str, Callable[[], catalogue.Listing[Any]]] = {
        "designs": catalogue.designs,
        "machines": catalogue.machines,
        "devices": catalogue.parts,
        "scenarios": catalogue.scenarios,
    }
    if which in rows:
        return rows[which]()
    return catalogue.Listing(topics_of(LISTS[which][0], machine))


def _words(kind: str, which: str, note: str) -> Iterator[Topic]:
    return (_simple(kind, word.name, word.help, Note=note) for word in catalogue.words(which))


class NotFound(LookupError):
    """No topic has that name, or several have it. The text says which may be meant."""


def find(name: str, kind: str | None = None, machine: str = "") -> Topic:
    """The one topic of that name. An alias, such as the end of a dotted name, counts where no name
    fits; options of job files and keys of the result, where nothing else has the name.

    Errors: NotFound; InputError.
    """
    topics = [topic for each in ([kind] if kind else KINDS) for topic in topics_of(each, machine)]
    exact = [topic for topic in topics if topic.name == name]
    found = exact + [topic for topic in topics if name in topic.aliases]
    strong = [topic for topic in exact if topic.kind not in ("option", "result")]
    for fitting in (strong, exact, found):
        if len(fitting) == 1:
            return fitting[0]
    if found:
        lines = catalogue.table(
            (f"  iodrome explain {topic.kind} {topic.name}", topic.summary) for topic in found
        )
        raise NotFound("\n".join([f"'{name}' is the name of several things:", *lines]))
    names = {topic.name for topic in topics} | {a for topic in topics for a in topic.aliases}
    near = nearest(name, sorted(names), 5)
    wanted = "Did you mean " + ", ".join(f"'{each}'" for each in near) + "?" if near else (
        "'iodrome list' shows what there is."
    )
    raise NotFound(f"there is no {kind or 'thing'} called '{name}'. {wanted}")
