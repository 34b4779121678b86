"""The breaker's arithmetic, on a Redis in memory; the fleet's view of it is proven on a real one."""

import time

import fakeredis
import pytest
import redis

from shared.adapters.guard.breaker import Breaker
from shared.adapters.guard.breaker_storage import breaker_key
from shared.adapters.redis_clients import once
from shared.domain.errors import ExchangeDown

KEY = breaker_key("binance", "data")
RESET_S = 0.2


@pytest.fixture
def store() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis()


def a_breaker(store: redis.Redis, failures: int = 3, reset_s: float = RESET_S) -> Breaker:
    return Breaker(store, KEY, failures, reset_s)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.record(has_failed=True)


def is_admitted(breaker: Breaker) -> bool:
    try:
        breaker.admit()
    except ExchangeDown:
        return False
    return True


def wait_until_admitted(breaker: Breaker) -> None:
    deadline = time.monotonic() + 5
    while not is_admitted(breaker):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_opens_at_the_threshold_and_not_before(store: fakeredis.FakeRedis) -> None:
    breaker = a_breaker(store, reset_s=60)
    fail(breaker, 2)
    assert is_admitted(breaker)
    fail(breaker, 1)
    assert not is_admitted(breaker)


def test_a_success_between_clears_the_count(store: fakeredis.FakeRedis) -> None:
    breaker = a_breaker(store)
    fail(breaker, 2)
    breaker.record(has_failed=False)
    fail(breaker, 2)
    assert is_admitted(breaker)


def test_failures_of_several_processes_add_up(store: fakeredis.FakeRedis) -> None:
    breakers = [a_breaker(store, reset_s=60) for _ in range(3)]
    for breaker in breakers:
        fail(breaker, 1)
    assert not any(is_admitted(breaker) for breaker in breakers)


def test_its_hash_can_be_read_by_others(store: fakeredis.FakeRedis) -> None:
    # Given / When
    fail(a_breaker(store, reset_s=60), 3)
    # Then
    fields = store.hgetall("breaker:binance:data")
    assert fields[b"state"] == b"open"
    assert fields[b"failures"] == b"3"
    assert abs(int(fields[b"opened_at_ms"]) - time.time() * 1000) < 5_000
    assert store.ttl("breaker:binance:data") > 60


def test_one_process_is_let_through_to_try(store: fakeredis.FakeRedis) -> None:
    # Given
    breakers = [a_breaker(store) for _ in range(6)]
    fail(breakers[0], 3)
    # When
    wait_until_admitted(breakers[1])
    # Then
    assert [is_admitted(breaker) for breaker in breakers] == [False, True, False, False, False, False]
    assert [breaker.is_on_trial for breaker in breakers] == [False, True, False, False, False, False]


def test_a_trial_that_succeeds_closes_it_for_all(store: fakeredis.FakeRedis) -> None:
    breakers = [a_breaker(store) for _ in range(3)]
    fail(breakers[0], 3)
    wait_until_admitted(breakers[1])
    breakers[1].record(has_failed=False)
    assert all(is_admitted(breaker) for breaker in breakers)
    assert not breakers[1].is_on_trial


def test_a_trial_that_fails_opens_it_anew(store: fakeredis.FakeRedis) -> None:
    # Given
    breakers = [a_breaker(store) for _ in range(2)]
    fail(breakers[0], 3)
    wait_until_admitted(breakers[1])
    # When
    fail(breakers[1], 1)
    # Then
    assert not any(is_admitted(breaker) for breaker in breakers)
    wait_until_admitted(breakers[0])


def test_a_trial_whose_process_died_is_given_away_again(store: fakeredis.FakeRedis) -> None:
    # Given
    lost, other = a_breaker(store), a_breaker(store)
    fail(lost, 3)
    wait_until_admitted(lost)
    assert not is_admitted(other)
    # When its token has run out
    (token,) = store.keys("*:trial:*")
    assert store.ttl(token) > 10
    store.delete(token)
    # Then
    assert is_admitted(other)


def test_a_late_answer_from_before_does_not_close_it(store: fakeredis.FakeRedis) -> None:
    breaker, straggler = a_breaker(store, reset_s=60), a_breaker(store, reset_s=60)
    straggler.admit()
    fail(breaker, 3)
    straggler.record(has_failed=False)
    assert not is_admitted(breaker)


def test_noticing_a_change_elsewhere_keeps_the_count(store: fakeredis.FakeRedis) -> None:
    # Given a process that saw it open, and others that closed it and have failed twice since
    witness, other = a_breaker(store), a_breaker(store)
    fail(witness, 3)
    wait_until_admitted(other)
    other.record(has_failed=False)
    fail(other, 2)
    # When
    fail(witness, 1)
    # Then
    assert not is_admitted(other)


def test_a_reset_by_hand_closes_it(store: fakeredis.FakeRedis) -> None:
    breaker = a_breaker(store, reset_s=60)
    fail(breaker, 3)
    store.delete(KEY)
    assert is_admitted(breaker)


def test_one_opened_by_a_clock_far_ahead_is_tried_again_all_the_same(store: fakeredis.FakeRedis) -> None:
    # Given a machine an hour ahead, or one whose clock has stepped back since
    breaker = a_breaker(store, reset_s=60)
    fail(breaker, 3)
    store.hset(KEY, "opened_at_ms", str(int((time.time() + 3600) * 1000)))
    # When
    is_tried = is_admitted(breaker)
    breaker.record(has_failed=False)
    # Then
    assert is_tried
    assert store.hget(KEY, "state") == b"closed"


def test_without_redis_it_goes_on_alone_and_refuses_entries() -> None:
    # Given
    breaker = a_breaker(once("redis://127.0.0.1:1/0"), reset_s=60)
    # When / Then
    assert is_admitted(breaker)
    with pytest.raises(ExchangeDown, match="no entries"):
        breaker.admit(is_shared_needed=True)
    fail(breaker, 3)
    assert not is_admitted(breaker)


def test_without_redis_its_own_trial_closes_it() -> None:
    breaker = a_breaker(once("redis://127.0.0.1:1/0"))
    fail(breaker, 3)
    wait_until_admitted(breaker)
    breaker.record(has_failed=False)
    assert is_admitted(breaker)


def test_an_open_breaker_stays_open_when_redis_goes() -> None:
    # Given
    server = fakeredis.FakeServer()
    breaker = a_breaker(fakeredis.FakeRedis(server=server), reset_s=60)
    fail(breaker, 3)
    # When
    server.connected = False
    # Then
    assert not is_admitted(breaker)
