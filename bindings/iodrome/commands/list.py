# SPDX-License-Identifier: Apache-2.0
from typing import Any

import click

from iodrome.completion import machine_names
from iodrome.kinds import LISTS


@click.command(short_help="List designs, machines, parameters and all else there is.")
@click.argument("what", type=click.Choice(list(LISTS)), required=False)
@click.option("--machine", metavar="NAME", default="", shell_complete=machine_names,
              help="Whose parameters: a machine by name, or a file. By default server_2026.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(what: str | None, machine: str, as_json: bool) -> None:
    """List what there is, one line each: WHAT is designs, machines, devices, scenarios,
    parameters, mechanisms, metrics, stages, cpu_classes, counters or options. Without WHAT, an
    overview.

    `iodrome explain NAME` tells more about any of them.
    """
    from iodrome import topics

    names = [what] if what else list(LISTS)
    lists = {name: topics.listed(name, machine) for name in names}
    if as_json:
        import json

        click.echo(json.dumps({name: _data(name, lists[name]) for name in names}, indent=1))
    elif what:
        click.echo(repr(lists[what]))
    else:
        from iodrome.catalogue import table

        for line in table(
            (name, f"{len(lists[name]):4}", LISTS[name][1]) for name in names
        ):
            click.echo(line)
        click.echo("\niodrome list designs   shows one of them, line by line"
                   "\niodrome explain sync   tells what there is to say about a name")


def _data(name: str, rows: list[Any]) -> list[dict[str, Any]]:
    """The rows as JSON has them: without what `explain` is for."""
    from dataclasses import asdict

    from iodrome.topics import Topic

    if rows and isinstance(rows[0], Topic):
        return [{"name": row.name, "summary": row.summary} for row in rows]
    told = [asdict(row) for row in rows]
    if name != "parameters":
        for row in told:
            row.pop("parameters", None)
    return told
