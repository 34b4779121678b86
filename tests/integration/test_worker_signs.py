"""What a worker's tasks leave behind as signs of its life."""

from collections.abc import Iterator

import pytest
from celery import Celery

from shared.domain.liveness import silences
from tests.support.trading_desk import CROSS_UP, M1, Desk
from worker import boot
from worker.tasks import evaluate_markets


@pytest.fixture
def working(desk: Desk) -> Iterator[Desk]:
    """The desk's worker is this process's."""
    app = Celery("orchestrator", set_as_current=True)
    boot.use(lambda _settings: desk.worker)
    try:
        yield desk
    finally:
        boot.use(boot.build_worker)
        app.close()


def test_a_worker_that_evaluates_batch_after_batch_lives_though_it_executes_no_tick(working: Desk) -> None:
    working.start()
    working.subscribe()
    working.show(CROSS_UP)

    evaluate_markets.apply(args=["binance", [["BTC/USDT", M1.value]]], routing_key="strategy", throw=True)

    assert working.orders()
    assert [age_s < 5 for age_s in silences(working.worker.services.liveness.ticks()).values()] == [True]
