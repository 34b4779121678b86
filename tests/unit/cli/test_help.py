import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, cli

# These run the system here; every other command talks to one.
LOCAL = {"up", "config"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"], prog_name="orchestrator")

    assert result.exit_code == 0, result.output
    assert "Example" in result.output
    assert f"orchestrator {name}" in result.output


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - LOCAL))
def test_every_command_to_the_api_says_its_options_and_exit_codes(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"]).output

    for words in ("--api", "--json", "Exit codes:", "3  the API can't be reached"):
        assert words in shown


def test_the_overview_lists_every_command_with_what_it_does() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output

    assert all(f"  {name} " in shown and entry.help in shown for name, entry in COMMANDS.items())


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(cli, ["strat"]).exit_code == 2
