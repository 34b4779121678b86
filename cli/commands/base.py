"""What every command that talks to the API shares: its options, its client, its way to answer."""

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from cli.commands.address import default_url
from cli.commands.client import ApiClient
from cli.commands.errors import EXIT_CODES, CommandFailed

C = TypeVar("C", bound=click.Command)


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
    return _made(click.Command, name, examples)


def api_group(name: str, examples: Iterable[str]) -> Callable[[Callable[..., None]], click.Group]:
    """The same, for a command that has others below it; its function runs where none of them is named."""
    return _made(click.Group, name, examples, invoke_without_command=True)


def _made(kind: type[C], name: str, examples: Iterable[str], **options: Any) -> Callable[[Callable[..., None]], C]:
    def decorate(function: Callable[..., None]) -> C:
        @functools.wraps(function)
        def run(api_url: str | None, as_json: bool, **given: Any) -> None:
            if click.get_current_context().invoked_subcommand is not None:
                return
            try:
                function(Session(ApiClient(api_url or default_url()), as_json), **given)
            except CommandFailed as error:
                error.as_json = as_json
                raise

        listed = "\n".join(f"  {example}" for example in examples)
        epilog = f"\b\nExamples:\n{listed}\n\n{EXIT_CODES}"
        command = click.command(name, cls=kind, help=function.__doc__, epilog=epilog, **options)(run)
        command.params.extend(_shared_options())
        return command

    return decorate


def _shared_options() -> list[click.Parameter]:
    where = "Where the API is.  [default: the system started in this folder]"
    return [
        click.Option(["--api", "api_url"], metavar="URL", help=where),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the API's answer as JSON."),
    ]
