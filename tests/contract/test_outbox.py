"""Outbox on Postgres and in memory: gapless numbers, in order, given once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag

import pytest

from shared.adapters.ledger_sql import facts
from shared.domain.errors import Unavailable
from shared.domain.events import Event, EventType
from tests.builders import NOON
from tests.support.record import Record


@pytest.fixture
def record(either_record: Record) -> Record:
    return either_record


class Published(list[Event]):
    def __call__(self, events: Sequence[Event]) -> None:
        self.extend(events)

    @property
    def numbers(self) -> list[int | None]:
        return [event.number for event in self]


def _write(record: Record, count: int, bot_id: str = "default") -> None:
    record.write_events(*(_event(place, bot_id) for place in range(count)))


def _event(place: int, bot_id: str = "default") -> Event:
    return Event(EventType.ORDER_CHANGED, bot_id, NOON, {"place": place})


def test_events_leave_in_order_with_gapless_numbers(record: Record) -> None:
    _write(record, 5)
    published = Published()

    assert record.outbox.relay(published, limit=3) == 3
    assert record.outbox.relay(published, limit=3) == 2
    assert record.outbox.relay(published, limit=3) == 0

    assert published.numbers == [1, 2, 3, 4, 5]
    assert [event.payload["place"] for event in published] == [0, 1, 2, 3, 4]
    assert record.outbox.last_number() == 5


def test_a_rolled_back_event_leaves_no_gap(postgres_record: Record) -> None:
    _write(postgres_record, 1)
    with postgres_record.engine.connect() as conn:
        facts.append(conn, _event(99))
        conn.rollback()
    _write(postgres_record, 1)
    published = Published()

    postgres_record.outbox.relay(published)

    assert published.numbers == [1, 2]
    assert postgres_record.column("SELECT id FROM outbox ORDER BY id") == [1, 3]


def test_an_event_that_commits_late_is_numbered_late(postgres_record: Record) -> None:
    published = Published()
    with postgres_record.engine.connect() as slow:
        facts.append(slow, _event(1, "slow"))
        _write(postgres_record, 1, "quick")
        postgres_record.outbox.relay(published)
        slow.commit()
    postgres_record.outbox.relay(published)

    assert [(event.number, event.bot_id) for event in published] == [(1, "quick"), (2, "slow")]


def test_what_could_not_be_published_goes_out_again_under_its_numbers(record: Record) -> None:
    _write(record, 2)

    def fail(_events: Sequence[Event]) -> None:
        raise Unavailable("no stream")

    with pytest.raises(Unavailable):
        record.outbox.relay(fail)
    _write(record, 1)
    published = Published()
    record.outbox.relay(published)

    assert published.numbers == [1, 2, 3]


def test_one_relay_runs_at_a_time(record: Record) -> None:
    _write(record, 1)
    is_publishing, may_end = Flag(), Flag()

    def slowly(_events: Sequence[Event]) -> None:
        is_publishing.set()
        assert may_end.wait(10)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(record.outbox.relay, slowly)
        assert is_publishing.wait(10)
        _write(record, 1)
        assert record.outbox.relay(Published()) == 0
        may_end.set()
        assert first.result(10) == 1
    assert record.outbox.relay(Published()) == 1


def test_a_relay_that_dies_between_numbering_and_publishing_blocks_no_other(record: Record) -> None:
    _write(record, 1)

    def die(_events: Sequence[Event]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record.outbox.relay(die)

    assert record.outbox.relay(Published()) == 1


def test_a_relay_whose_session_is_cut_off_publishes_again(postgres_record: Record) -> None:
    _write(postgres_record, 1)
    published = Published()

    def cut_off(events: Sequence[Event]) -> None:
        published(events)
        postgres_record.column(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    with pytest.raises(Unavailable):
        postgres_record.outbox.relay(cut_off)
    assert postgres_record.outbox.relay(published) == 1

    assert published.numbers == [1, 1]


def test_history_replays_what_was_numbered_of_one_bot_or_all(record: Record) -> None:
    _write(record, 2, "a")
    _write(record, 2, "b")
    published = Published()
    record.outbox.relay(published)
    _write(record, 1, "a")

    assert record.outbox.history(0, 10) == published
    assert record.outbox.history(1, 2) == published[1:3]
    assert record.outbox.history(0, 10, "b") == published[2:]
    assert record.outbox.history(4, 10) == []


def test_an_empty_outbox_has_number_zero(record: Record) -> None:
    assert record.outbox.last_number() == 0
    assert record.event_types() == []
