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
    "start": Entry("cli.commands.control:start", "Start the bot."),
    "stop": Entry("cli.commands.control:stop", "Stop the bot; --flatten sells its positions."),
    "pause": Entry("cli.commands.control:pause", "Open no more positions; stops and exits go on."),
    "resume": Entry("cli.commands.control:resume", "Trade again from the next candle."),
    "strategies": Entry("cli.commands.strategies:strategies", "The active strategies and why each did what it did."),
    "add": Entry("cli.commands.strategies:add", "Add a strategy."),
    "remove": Entry("cli.commands.strategies:remove", "Remove a strategy."),
    "status": Entry("cli.commands.monitoring:status", "What the bot is doing."),
    "health": Entry("cli.commands.monitoring:health", "Whether it does it well."),
    "portfolio": Entry("cli.commands.portfolio:portfolio", "Cash, holdings, profit and drawdown."),
    "positions": Entry("cli.commands.portfolio:positions", "Open positions with their stops."),
    "orders": Entry("cli.commands.orders:orders", "Orders, newest first; settle one in quarantine."),
    "reconciliation": Entry("cli.commands.reconciliation:reconciliation", "Accounts against their exchanges."),
    "events": Entry("cli.commands.events:events", "What happened; --follow for what happens."),
    "reset-errors": Entry("cli.commands.control:reset_errors", "Clear error counts and the circuit breaker."),
}

EXAMPLES = """\b
Examples:
  orchestrator up
  orchestrator start --balance 10000
  orchestrator add MACrossoverStrategy BTC/USDT 1h --stop-loss 2
  orchestrator events --follow
  orchestrator COMMAND --help
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
