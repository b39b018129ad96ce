# SPDX-License-Identifier: Apache-2.0
"""One self-contained page: everything inside, nothing asked of the network."""

import json
import shlex
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from iodrome import verdict
from iodrome.metrics import METRICS
from iodrome.reports.html import charts, tables
from iodrome.result import Result

_HERE = Path(__file__).parent


def render(result: Result, command: str | None = None) -> str:
    """The page as text. `command` is the line that made the result, if it is known."""
    drawn = charts.charts(result)
    return environment(_HERE).get_template("page.html.j2").render(
        result=result.data,
        runs=result.runs,
        designs=result.designs,
        colours={name: charts.colour(name) for name in result.designs},
        headline=verdict.headline(result),
        findings=verdict.findings(result),
        reason=verdict.reason(result),
        cautions=verdict.cautions(result),
        metrics=METRICS,
        summary=tables.summary(result),
        counters=tables.counters(result),
        stages=tables.stages(result),
        costs=tables.costs(result),
        providers=tables.providers(result),
        workload=tables.workload(result),
        guesses=tables.guesses(result),
        command=command or _command(result),
        charts=drawn,
        chart_json=inline_json(json.dumps({"config": charts.CONFIG, "charts": drawn})),
        result_json=inline_json(result.to_json()),
        **parts(),
    )


def environment(folder: Path) -> Environment:
    """Templates of a folder: everything is escaped, every name must be known."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def parts() -> dict[str, Markup]:
    """What every page carries inside itself: style, script, and the charts' library."""
    return {
        "style": Markup(_text("style.css")),
        "script": Markup(_text("page.js")),
        "vega": Markup(_vega()),
    }


def _command(result: Result) -> str:
    words = ["iodrome", "run", str(result.data.get("scenario")), "--design"]
    words += [",".join(result.designs), "--machine", str(result.data.get("machine"))]
    return shlex.join([*words, "--seed", str(result.data.get("seed"))])


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def inline_json(text: str) -> Markup:
    # Inside a script element only `<` can end the data early; it occurs in JSON strings alone.
    """JSON text that can stand inside a script element."""
    return Markup(text.replace("<", "\\u003c"))


@cache
def _vega() -> str:
    import vl_convert

    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return bundle
