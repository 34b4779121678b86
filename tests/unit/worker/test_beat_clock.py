"""A beat whose machine's clock steps back, or whose broker is away: the ticks go on."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.beat import SchedulingError
from structlog.testing import capture_logs

from tests.builders import NOON
from worker.schedule import SlotScheduler, every_slot

SECONDS = {"relay": 1, "position": 10}


class Scene:
    """A beat over a clock that the test sets; `sent` counts what it published."""

    def __init__(self, app: Celery) -> None:
        self.now = NOON
        self.sent: Counter[str] = Counter()
        self.is_broker_away = False
        app.conf.beat_schedule = {
            name: {"task": name, "schedule": every_slot(seconds, app=app, nowfun=lambda: self.now)}
            for name, seconds in SECONDS.items()
        }
        scene = self

        class Beat(SlotScheduler):
            # Kept in memory: what comes back from a shelf has the machine's clock.
            def setup_schedule(self) -> None:
                self._store = {"entries": {}}
                self.merge_inplace(self.app.conf.beat_schedule)

            def sync(self) -> None:
                pass

            def apply_async(self, entry: Any, **_: Any) -> None:
                if scene.is_broker_away:
                    raise SchedulingError("refused")
                scene.sent[entry.name] += 1

        self.beat = Beat(app)

    def run(self, seconds: int) -> Counter[str]:
        self.sent.clear()
        for _ in range(seconds * 10):
            self.now += timedelta(milliseconds=100)
            while self.beat.tick() == 0:
                pass
        return self.sent


@pytest.fixture
def scene() -> Iterator[Scene]:
    app = Celery("tests", set_as_current=False, broker="memory://")
    app.conf.timezone = "UTC"
    yield Scene(app)
    app.close()


@pytest.mark.parametrize("back_s", [0, 30, 3600])
def test_ticks_go_on_after_the_clock_has_stepped_back(scene: Scene, back_s: int) -> None:
    # Given
    scene.run(20)
    # When
    scene.now -= timedelta(seconds=back_s)
    sent = scene.run(60)
    # Then
    assert 60 <= sent["relay"] <= 61
    assert 6 <= sent["position"] <= 7


def test_a_broker_that_is_away_costs_its_ticks_and_one_line_each(scene: Scene) -> None:
    # Given
    scene.run(20)
    # When
    scene.is_broker_away = True
    with capture_logs() as logs:
        missed = sum(scene.run(5).values())
    scene.is_broker_away = False
    sent = scene.run(20)
    # Then
    assert missed == 0
    assert [log["event"] for log in logs if log["tick"] == "relay"] == ["tick_not_published"] * 5
    assert 20 <= sent["relay"] <= 21
    assert sent["position"] == 2
