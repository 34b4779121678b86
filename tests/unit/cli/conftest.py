from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner, Result

from tests.unit.cli.fake_api import FakeApi, fake_api

Run = Callable[..., Result]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


@pytest.fixture
def run(api: FakeApi) -> Run:
    """Run a command against the fake API; the standard streams are kept apart."""

    def invoke(command: click.Command, *arguments: str) -> Result:
        return CliRunner().invoke(command, [*arguments, "--api", api.url], prog_name=f"orchestrator {command.name}")

    return invoke
