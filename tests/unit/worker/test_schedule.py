"""A beat schedule whose slots are the clock's own, so that two beats agree on them."""

import pickle
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from celery import Celery

from tests.builders import NOON
from worker.schedule import LAG_S, every_slot, executed_slot, seconds_to_next, slot

LAG = timedelta(seconds=LAG_S)
MS = timedelta(milliseconds=1)


class Wall:
    """A clock that a test sets."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def app() -> Iterator[Celery]:
    app = Celery("tests", set_as_current=False)
    app.conf.timezone = "UTC"
    yield app
    app.close()


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def minutely(app: Celery, wall: Wall) -> every_slot:
    return every_slot(60, app=app, nowfun=wall)


def test_a_slot_begins_just_after_the_candle_has_closed(minutely: every_slot, wall: Wall) -> None:
    last_run = NOON - timedelta(seconds=30)

    wall.now = NOON + LAG - MS
    before = minutely.is_due(last_run)
    wall.now = NOON + LAG + MS
    after = minutely.is_due(last_run)

    assert (before.is_due, after.is_due) == (False, True)
    assert before.next == pytest.approx(0.001, abs=1e-4)
    assert after.next == pytest.approx(59.999, abs=1e-4)


def test_a_slot_is_due_once(minutely: every_slot, wall: Wall) -> None:
    ran_at = NOON + timedelta(seconds=1)

    for later_s in range(59):
        wall.now = ran_at + timedelta(seconds=later_s)
        assert not minutely.is_due(ran_at).is_due


def test_missed_slots_are_one_run_and_the_next_is_back_on_the_grid(minutely: every_slot, wall: Wall) -> None:
    # Given a beat that was away for ten minutes
    wall.now = NOON + timedelta(minutes=10, seconds=20)

    due = minutely.is_due(NOON)

    assert due.is_due
    assert due.next == pytest.approx(40 + LAG_S)


def test_a_late_run_does_not_shift_the_following_ones(minutely: every_slot, wall: Wall) -> None:
    # Given a run 50 s into its slot
    wall.now = NOON + timedelta(seconds=60, milliseconds=300)

    assert minutely.is_due(NOON + timedelta(seconds=50)).is_due


def test_a_last_run_without_a_time_zone_is_utc(minutely: every_slot, wall: Wall) -> None:
    wall.now = NOON + timedelta(seconds=30)

    assert not minutely.is_due((NOON + timedelta(seconds=1)).replace(tzinfo=None)).is_due
    assert minutely.is_due((NOON - timedelta(seconds=1)).replace(tzinfo=None)).is_due


def test_two_beats_run_the_same_slots(app: Celery) -> None:
    # Given two beats that look at different moments
    walls = [Wall(), Wall()]
    beats = [every_slot(10, app=app, nowfun=wall) for wall in walls]
    ran: list[list[int]] = [[], []]

    for number, (beat, wall) in enumerate(zip(beats, walls, strict=True)):
        last_run = NOON
        for tick in range(200):
            wall.now = NOON + timedelta(seconds=tick * 0.5 + number * 0.3)
            if beat.is_due(last_run).is_due:
                last_run = wall.now
                ran[number].append(slot(wall.now.timestamp(), 10))

    assert ran[0] == ran[1]
    assert all(after == before + 1 for before, after in pairwise(ran[0]))
    assert len(ran[0]) in (10, 11)


def test_a_beat_that_sleeps_as_told_wakes_in_the_next_slot() -> None:
    start_s = round(NOON.timestamp())
    for offset_ms in range(1, 61_000, 7):  # on no boundary, where a float could fall on either side
        now_s = start_s + offset_ms / 1000
        wait_s = seconds_to_next(now_s, 60)

        assert 0 < wait_s <= 60
        # A float of seconds since 1970 is good for less than a microsecond.
        assert slot(now_s + wait_s + 1e-6, 60) == start_s // 60 + (offset_ms - 200) // 60_000 + 1


@pytest.mark.parametrize(("seconds", "behind_s"), [(1, 0.09), (10, 0.9), (60, 0.9), (300, 0.9)])
def test_a_worker_whose_clock_is_a_little_behind_runs_every_tick_once(seconds: int, behind_s: float) -> None:
    sent = [round(NOON.timestamp()) + tick * seconds + LAG_S + 0.003 for tick in range(50)]

    on_time = [executed_slot(at_s, seconds) for at_s in sent]
    behind = [executed_slot(at_s - behind_s, seconds) for at_s in sent]

    assert behind == on_time
    assert all(after == before + 1 for before, after in pairwise(on_time))


def test_a_schedule_survives_being_stored_by_a_beat(minutely: every_slot) -> None:
    # Beat keeps its table in a shelf, pickled; the clock and the app are not part of it.
    again = pickle.loads(pickle.dumps(minutely))

    assert type(again) is every_slot
    assert again == minutely
    assert again.seconds == 60
