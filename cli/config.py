"""`orchestrator config`: what the settings come to, and where each came from."""

import json
import sys

import click

from cli.commands.output import Column, Listing, show
from shared.settings import SettingsError, load_settings


@click.command(epilog="Example: orchestrator config --json | jq .API_PORT.value")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def config(as_json: bool) -> None:
    """Print the effective settings, secrets masked. Exits with 2 if one is not allowed."""
    try:
        settings = load_settings()
    except SettingsError as error:
        click.echo(error, err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps({name: {"value": value, "from": origin} for name, value, origin in settings.masked()}))
    else:
        show(Listing((Column("Variable"), Column("Value"), Column("From")), settings.masked()))
