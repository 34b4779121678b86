"""What every command that talks to the API shares: its options, its client, its way to answer."""

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click

from cli.commands.address import default_url
from cli.commands.client import ApiClient
from cli.commands.errors import EXIT_CODES, CommandFailed


@dataclass(frozen=True, slots=True)
class Session:
    api: ApiClient
    as_json: bool

    def answer(self, body: object, show: Callable[[], None]) -> None:
        """Print `body` as JSON where that was asked for; else let `show` draw it."""
        if self.as_json:
            click.echo(json.dumps(body, indent=2, ensure_ascii=False))
        else:
            show()


def api_command(name: str, examples: Iterable[str]) -> Callable[[Callable[..., None]], click.Command]:
    """A click command whose function gets a Session first; `--api`, `--json` and the examples are added here."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def run(api_url: str | None, as_json: bool, **given: Any) -> None:
            try:
                function(Session(ApiClient(api_url or default_url()), as_json), **given)
            except CommandFailed as error:
                error.as_json = as_json
                raise

        listed = "\n".join(f"  {example}" for example in examples)
        epilog = f"\b\nExamples:\n{listed}\n\n{EXIT_CODES}"
        command = click.command(name, help=function.__doc__, epilog=epilog)(run)
        command.params.extend(_shared_options())
        return command

    return decorate


def _shared_options() -> list[click.Parameter]:
    where = "Where the API is.  [default: the system started in this folder]"
    return [
        click.Option(["--api", "api_url"], metavar="URL", help=where),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the API's answer as JSON."),
    ]
