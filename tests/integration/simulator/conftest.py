"""One simulator for the whole folder; each test starts from its opening balances."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.simulator import SimulatorHandle, client, running_simulator


@pytest.fixture(scope="session")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorHandle]:
    with running_simulator(tmp_path_factory.mktemp("simulator")) as handle:
        yield handle


@pytest.fixture
def simulator(shared_simulator: SimulatorHandle) -> SimulatorHandle:
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture(scope="session")
def shared_exchange(shared_simulator: SimulatorHandle) -> Any:
    exchange = client(shared_simulator)
    exchange.load_markets()
    return exchange


@pytest.fixture
def exchange(simulator: SimulatorHandle, shared_exchange: Any) -> Any:
    """ccxt.binance as it comes, with markets loaded."""
    return shared_exchange


@pytest.fixture
def in_parallel() -> Callable[..., None]:
    def run(work: Callable[[int], None], count: int) -> None:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, range(count)))

    return run
