# SPDX-License-Identifier: Apache-2.0
import click


@click.command(short_help="List the designs and machines of this build.")
@click.argument("what", type=click.Choice(["designs", "machines"]), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(what, as_json):
    """List the designs and the machines of this build."""
    from iodrome import simulator

    lists = {}
    if what != "machines":
        lists["designs"] = simulator.designs()
    if what != "designs":
        lists["machines"] = simulator.machines()
    if as_json:
        import json

        click.echo(json.dumps(lists, indent=1))
        return
    for title, rows in lists.items():
        if what is None:
            click.secho(title, bold=True)
        width = max((len(row["name"]) for row in rows if isinstance(row, dict)), default=0)
        for row in rows:
            text = f"{row['name']:{width}}  {row['summary']}" if isinstance(row, dict) else row
            click.echo(f"  {text}")
