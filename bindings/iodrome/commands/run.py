# SPDX-License-Identifier: Apache-2.0
import shlex
import sys

import click

from iodrome import options


def _target(_context, parameter, path: str | None) -> str | None:
    """A file to write: refused before the race, not after it."""
    if path is None:
        return None
    from iodrome.files import why_not_writable

    reason = why_not_writable(path)
    if reason is None and parameter.name == "report":
        from iodrome import reports

        reason = reports.why_no_report(path)
    if reason:
        raise click.BadParameter(reason)
    return path


@click.command(short_help="Race designs over an input.")
@click.argument("input", metavar="INPUT", callback=options.text)
@click.option("--kind", metavar="KIND", callback=options.text,
              help="What INPUT is: access_log, fio or scenario. By default its suffix says so.")
@click.option("--design", "designs", metavar="A,B,…", callback=options.names,
              help="Designs to race; the first is the reference. By default all.")
@click.option("--machine", metavar="NAME", callback=options.text,
              help="A machine by name, or a file. By default server_2026.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="By default 1.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, callback=options.pairs,
              help="Override a parameter by its dotted name; may be repeated.")
@click.option("--skip-bad", type=click.IntRange(0), metavar="N",
              help="Skip up to N malformed lines of a log instead of refusing it.")
@click.option("--json", "as_json", is_flag=True,
              help="Print the result as one JSON object instead of the table.")
@click.option("--report", metavar="FILE.html", callback=_target,
              help="Write a page that opens offline.")
@click.option("--output", metavar="FILE.json", callback=_target, help="Write the result as JSON.")
@click.option("--driver", type=click.Choice(["hosted", "free"]), default="hosted",
              show_default=True, help="Under SystemC, or the same timeline without it.")
@click.option("--tlm", is_flag=True,
              help="Send every register access and transfer through TLM sockets.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(input, kind, designs, machine, seed, overrides, skip_bad, as_json, report, output,
            driver, tlm, quiet):
    """Race designs over INPUT: a web access log, a fio job file or a scenario.

    Every design meets the same requests on the same machine. The table goes to the standard
    output; progress and messages go to the standard error stream.
    """
    from iodrome import progress, simulator

    with progress.shown(quiet) as view:
        result = simulator.run(
            input, designs, kind=kind, machine=machine, seed=seed, set=overrides,
            skip_bad=skip_bad, driver=driver, tlm=tlm, keep_requests=False, progress=view,
        )
    if output:
        result.save(output)
    if report:
        result.report(report, command=shlex.join(["iodrome", *sys.argv[1:]]))
    if as_json:
        click.echo(result.to_json().strip())
    else:
        from iodrome import reports

        reports.find_view("terminal").show(result)
