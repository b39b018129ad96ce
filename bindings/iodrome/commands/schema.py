# SPDX-License-Identifier: Apache-2.0
import click


@click.command(short_help="Print a JSON Schema: editors complete and check files with it.")
@click.argument("name", metavar="[scenario|machine|part|result]", default="scenario",
                type=click.Choice(["scenario", "machine", "part", "result"]))
@click.option("--json", "_as_json", is_flag=True, help="It is JSON in any case.")
def command(name: str, _as_json: bool) -> None:
    """Print the JSON Schema (2020-12) of scenario files, of machine files, of device parts, or of
    the result object. docs/how-to/edit-scenarios-with-completion.md says how editors use it.
    """
    import json

    from iodrome.schema import SCHEMAS

    click.echo(json.dumps(SCHEMAS[name](), indent=1, ensure_ascii=False))
