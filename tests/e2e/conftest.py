"""Two whole systems for this folder, side by side: one trades on paper, one live against its own simulator."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, running_stack

HERE = Path(__file__).parent
FIRST = "test_the_readmes_session_runs_as_it_is_written"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
    # The README's session is what a user of a new system begins with: no other test may have been there before.
    items.sort(key=lambda item: item.name != FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with what the systems said last."""
    report = yield
    if report.failed:
        stacks = {name: value for name, value in getattr(item, "funcargs", {}).items() if isinstance(value, Stack)}
        report.sections.extend((f"last words of {name}", stack.last_words()) for name, stack in stacks.items())
    return report


@pytest.fixture(scope="package")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Positions are looked at every 10 s, as they are by default."""
    with running_stack(tmp_path_factory.mktemp("paper"), POSITION_INTERVAL_S="10") as stack:
        yield stack


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    keys = {"EXCHANGE_API_KEY": "e2e-key", "EXCHANGE_API_SECRET": "e2e-secret", "EXCHANGE_API_PASSWORD": "e2e-phrase"}
    with running_stack(tmp_path_factory.mktemp("live"), PAPER_TRADING="false", **keys) as stack:
        yield stack
