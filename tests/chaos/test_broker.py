"""The connection to the broker vanishes without a word, or is cut: workers execute ticks again by themselves."""

from collections.abc import Iterator

import pytest
import redis

from cli.supervisor.embedded import Servers, embedded_servers
from tests.chaos.figures import Figures
from tests.chaos.outages import PACE, database_now, seconds_to_tick
from tests.e2e.stack import Stack, running_stack
from tests.support.proxy import Proxy, proxy_to

pytestmark = pytest.mark.chaos

# Measured 18 to 20 s; the reserve is for a machine that is busy with other tests.
BLACK_HOLE_S = 40
CUT_S = 15
QUEUES = {"orders": ("position", "resolve", "relay"), "strategy": ("strategy", "markets")}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with embedded_servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture(scope="module")
def proxy(servers: Servers) -> Iterator[Proxy]:
    with proxy_to(servers.redis_url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, servers: Servers, proxy: Proxy) -> Iterator[Stack]:
    """Every process's way to Redis leads through the proxy."""
    addresses = {"REDIS_URL": proxy.url(servers.redis_url), "DATABASE_URL": servers.database_url}
    with running_stack(tmp_path_factory.mktemp("broker"), **PACE, **addresses) as stack:
        yield stack


def test_workers_come_back_from_a_connection_that_swallows_everything(
    stack: Stack, proxy: Proxy, figures: Figures
) -> None:
    # Given every connection there is, of workers, beats, API and supervisor
    # When nothing passes on them any more, and nobody is told; new ones would work
    swallowed_at = database_now(stack)
    swallowed = proxy.black_hole()
    assert swallowed > 6

    # Then each worker executes ticks again
    back_s = {
        queue: max(seconds_to_tick(stack, swallowed_at, BLACK_HOLE_S, tick) for tick in ticks[-1:])
        for queue, ticks in QUEUES.items()
    }
    result = ", ".join(f"{queue} ticks after {seconds:.1f} s" for queue, seconds in back_s.items())
    figures.add("Redis connections black-holed", swallowed, result)
    assert max(back_s.values()) <= BLACK_HOLE_S


@pytest.mark.parametrize("how", ["killed by Redis", "reset by the network"])
def test_ticks_go_on_after_every_connection_was_cut(
    stack: Stack, servers: Servers, proxy: Proxy, how: str, figures: Figures
) -> None:
    # Given / When
    cut_at = database_now(stack)
    if how == "killed by Redis":
        with redis.Redis.from_url(servers.redis_url) as client:
            cut = client.client_kill_filter(_type="normal", skipme=True)
    else:
        cut = proxy.reset()
    assert int(cut) > 6

    # Then
    back_s = max(seconds_to_tick(stack, cut_at, CUT_S + 15, tick) for tick in ("relay", "markets"))
    figures.add(f"Redis connections {how}", cut, f"both workers tick after {back_s:.1f} s")
    assert back_s <= CUT_S
