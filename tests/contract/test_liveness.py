"""Liveness: one suite on Postgres and on the imitation that quick tests use."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from shared.adapters import ledger_sql
from shared.domain.errors import Unavailable
from shared.ports import Liveness
from tests.fakes import MemoryLiveness
from tests.fakes import Record as MemoryRecord


@pytest.fixture(params=["postgres", "memory"])
def liveness(request: pytest.FixtureRequest) -> Iterator[Liveness]:
    if request.param == "memory":
        yield MemoryLiveness(MemoryRecord())
        return
    engine = ledger_sql.engine(request.getfixturevalue("database_url"))
    yield ledger_sql.SqlLiveness(engine)
    engine.dispose()


def known(liveness: Liveness) -> set[tuple[str, str, str]]:
    return {(each.worker, each.queue, each.tick) for each in liveness.ticks()}


def test_the_last_tick_of_each_kind_is_known_by_worker(liveness: Liveness) -> None:
    liveness.record("orders@a", "orders", "position")
    liveness.record("orders@a", "orders", "relay")
    liveness.record("orders@b", "orders", "relay")
    liveness.record("orders@a", "orders", "relay")

    wanted = {("orders@a", "orders", "position"), ("orders@a", "orders", "relay"), ("orders@b", "orders", "relay")}
    assert known(liveness) == wanted
    assert all(0 <= each.age_s < 5 for each in liveness.ticks())


def test_a_worker_that_moved_to_another_queue_is_known_there(liveness: Liveness) -> None:
    liveness.record("w@a", "orders", "spare")
    liveness.record("w@a", "strategy", "spare")

    assert known(liveness) == {("w@a", "strategy", "spare")}


def test_one_standby_at_a_time(liveness: Liveness) -> None:
    with liveness.sole_standby() as first, liveness.sole_standby() as second:
        assert (first, second) == (True, False)
    with liveness.sole_standby() as again:
        assert again


def test_a_standby_that_fails_leaves_the_place_to_others(liveness: Liveness) -> None:
    with pytest.raises(ZeroDivisionError), liveness.sole_standby():
        raise ZeroDivisionError
    with liveness.sole_standby() as is_sole:
        assert is_sole


def test_a_standby_whose_session_is_cut_off_loses_its_place(database_url: str) -> None:
    first, second = ledger_sql.engine(database_url), ledger_sql.engine(database_url)
    seen: list[bool] = []

    def stand_by() -> None:
        with ledger_sql.SqlLiveness(first).sole_standby() as is_sole:
            seen.append(is_sole)
            _run(second, "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")
            with ledger_sql.SqlLiveness(second).sole_standby() as other_is_sole:
                seen.append(other_is_sole)

    with pytest.raises(Unavailable):
        stand_by()

    assert seen == [True, True]
    first.dispose()
    second.dispose()


def test_ages_are_told_by_the_databases_clock_and_the_long_gone_are_forgotten(database_url: str) -> None:
    engine = ledger_sql.engine(database_url)
    liveness = ledger_sql.SqlLiveness(engine)
    liveness.record("a", "orders", "relay")
    liveness.record("b", "orders", "relay")
    _run(engine, "UPDATE worker_ticks SET at = now() - interval '90 seconds' WHERE worker = 'a'")
    _run(engine, "UPDATE worker_ticks SET at = now() - interval '2 days' WHERE worker = 'b'")

    (only,) = liveness.ticks()
    assert (only.worker, round(only.age_s)) == ("a", 90)

    liveness.forget_old()
    assert _run(engine, "SELECT worker FROM worker_ticks") == ["a"]
    engine.dispose()


def _run(engine: sa.Engine, statement: str) -> Any:
    with engine.begin() as conn:
        result = conn.execute(sa.text(statement))
        return list(result.scalars()) if result.returns_rows else None
