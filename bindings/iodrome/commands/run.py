# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shlex
import sys

import click

from iodrome import completion
from iodrome.options import names, pairs, target, targets, text, texts


@click.command(short_help="Race designs over an input.")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, callback=texts,
                shell_complete=completion.input_files)
@click.option("--kind", metavar="KIND", callback=text,
              shell_complete=completion.input_kinds,
              help="What INPUT is: access_log, fio or scenario. By default its suffix says so.")
@click.option("--design", "designs", metavar="A,B,…", callback=names,
              shell_complete=completion.design_names,
              help="Designs to race; the first is the reference. By default all.")
@click.option("--machine", metavar="NAME", callback=text,
              shell_complete=completion.machine_names,
              help="A machine by name, or a file. By default server_2026.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="By default 1.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, callback=pairs,
              shell_complete=completion.parameter_keys,
              help="Override a parameter by its dotted name; may be repeated.")
@click.option("--skip-bad", type=click.IntRange(0), metavar="N",
              help="Skip up to N malformed lines of a log instead of refusing it.")
@click.option("--json", "as_json", is_flag=True,
              help="Print the result as one JSON object instead of the table; of several inputs, "
                   "an array.")
@click.option("--report", "wanted", metavar="FILE", multiple=True, callback=targets,
              shell_complete=completion.any_file,
              help="Write a report; the ending says which: .html is a page that opens offline, "
                   ".fio.json, .fio.txt, .csv, .requests.csv, .parquet, .hgrm. May be repeated.")
@click.option("--output", metavar="FILE.json", callback=target,
              shell_complete=completion.any_file, help="Write the result as JSON.")
@click.option("--timeline", metavar="FILE", callback=target,
              shell_complete=completion.any_file,
              help="Write what happened when: FILE.pftrace (Perfetto), .ftrace (text), "
                   ".vcd (signals).")
@click.option("--driver", type=click.Choice(["hosted", "free"]), default="hosted",
              show_default=True, help="Under SystemC, or the same timeline without it.")
@click.option("--tlm", is_flag=True,
              help="Send every register access and transfer through TLM sockets.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    inputs: tuple[str, ...],
    kind: str | None,
    designs: list[str] | None,
    machine: str | None,
    seed: int | None,
    overrides: list[tuple[str, str]],
    skip_bad: int | None,
    as_json: bool,
    wanted: tuple[str, ...],
    output: str | None,
    timeline: str | None,
    driver: str,
    tlm: bool,
    quiet: bool,
) -> None:
    """Race designs over INPUT: a web access log, a fio job file or a scenario.

    Every design meets the same requests on the same machine. The table goes to the standard
    output; progress and messages go to the standard error stream. Several inputs run one after
    the other. Scenarios that name published figures end in one table of them.
    """
    from iodrome import progress, reports, simulator, truth

    if len(inputs) > 1 and (output or wanted or timeline):
        raise click.UsageError("--output, --report and --timeline want one INPUT, not several")
    keep = any(reports.needs_requests(path) for path in wanted)
    results = []
    for input in inputs:
        with progress.shown(quiet) as view:
            result = simulator.run(
                input, designs, kind=kind, machine=machine, seed=seed, set=overrides,
                skip_bad=skip_bad, driver=driver, tlm=tlm, timeline=timeline, keep_requests=keep,
                progress=view,
            )
        results.append(result)
        if output:
            result.save(output)
        for path in wanted:
            result.report(path, command=shlex.join(["iodrome", *sys.argv[1:]]))
        if not as_json:
            reports.find_view("terminal").show(result)
    if as_json:
        objects = [result.to_json().strip() for result in results]
        click.echo(objects[0] if len(objects) == 1 else "[" + ",\n".join(objects) + "]")
    elif score := truth.score(results):
        click.echo()
        reports.find_view("truth").show(score)
