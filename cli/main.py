"""The `orchestrator` command. A subcommand's module is imported only when it runs, so that `--help` is quick."""

import importlib
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Entry:
    target: str  # module:attribute
    help: str


COMMANDS: dict[str, Entry] = {
    "up": Entry("cli.supervisor.up:up", "Start everything on this machine and stay."),
    "config": Entry("cli.config:config", "Print the effective settings, secrets masked."),
}

EXAMPLES = """\b
Examples:
  orchestrator up
  orchestrator config --json
"""


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (entry := COMMANDS.get(cmd_name)) is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bot-orchestrator")
def cli() -> None:
    """A distributed orchestrator for fleets of trading bots."""


def main() -> None:
    cli.main(prog_name="orchestrator")


if __name__ == "__main__":
    main()
