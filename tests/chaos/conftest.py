"""Fleets for the tests of this folder, and the table of figures at the end."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest

from tests.chaos.figures import Figures
from tests.chaos.fleet import Fleet, running_fleet

LONGEST_S = 5400  # Every wait has a bound of its own; this one is for what nobody thought of.
FIGURES = Figures()


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"not done after {LONGEST_S} s")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with what the fleet said last."""
    report = yield
    if report.failed:
        fleets = {name: value for name, value in getattr(item, "funcargs", {}).items() if isinstance(value, Fleet)}
        report.sections.extend((f"last words of {name}", fleet.last_words()) for name, fleet in fleets.items())
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES.rows:
        terminalreporter.section("chaos")
        for line in FIGURES.table():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends the fleets as Ctrl-C does, in the background too, where a shell has SIGINT ignored."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _bounded(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test of hours ends with a failure, and so with its processes, where it would go on for ever."""
    if request.node.get_closest_marker("long_chaos") is None:
        yield
        return
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LONGEST_S)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def figures() -> Figures:
    return FIGURES


@pytest.fixture
def count() -> int:
    """How often each ending: COUNT, 20 by default."""
    return int(os.environ.get("COUNT", "20"))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("SEED", "1"))


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One pair of workers, live orders."""
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


@pytest.fixture(scope="package")
def large_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two pairs of workers, live orders, fees in a third currency."""
    with running_fleet(tmp_path_factory.mktemp("large"), pairs=2) as running:
        running.ask_venue("POST", "fees", {"asset": "BNB"})
        yield running


@pytest.fixture(scope="package")
def paper_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("paper"), is_live=False) as running:
        yield running
